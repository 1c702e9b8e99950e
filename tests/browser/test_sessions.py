"""Whose session it is, and how long: across pages, tabs, users and hours."""

from playwright.sync_api import BrowserContext

from tests.browser.chromium import until
from tests.browser.conftest import Open, module_head
from tests.browser.gateway import KEY, Answer, RecordingGateway
from tests.browser.site import Site
from tests.browser.visiting import act, analyzed, begun


def test_a_session_that_ended_is_followed_by_another(open_form: Open, gateway: RecordingGateway) -> None:
    for status in (404, 409):
        gateway.plan("data", Answer(status, {"code": "session_closed"}))
        page = open_form()
        old = begun(page)
        act(page)
        result = analyzed(page)
        first, second = gateway.all("data")[-2:]
        assert first.session_id == old and second.session_id == result["sessionId"] != old
        assert first.document["events"] == second.document["events"]
        assert first.batch_id != second.batch_id  # an id belongs to one session for ever
        assert result["status"] == "judged"


def test_a_session_survives_navigation(open_form: Open, site: Site, gateway: RecordingGateway) -> None:
    page = open_form()
    first = begun(page)
    page.goto(site.form(module_head(gateway), "/second.html"))
    assert begun(page) == first
    page.reload()
    assert begun(page) == first
    assert len(gateway.all("begin")) == 1


def test_every_tab_has_its_own_session(open_form: Open, context: BrowserContext, gateway: RecordingGateway) -> None:
    page = open_form()
    first = begun(page)
    assert begun(open_form()) != first
    with context.expect_page() as opened:  # a tab opened by a script gets a copy of the storage
        page.evaluate("window.open(location.href)")
    copy = opened.value
    copy.wait_for_function("window.telltale")
    assert begun(copy) != first
    page.reload()
    assert begun(page) == first


def test_a_beginning_that_was_not_answered_is_continued_by_the_next_page(
    open_form: Open, gateway: RecordingGateway
) -> None:
    gateway.plan("begin", Answer(0), Answer(0))
    page = open_form()
    gateway.until_seen("begin")
    page.reload()
    page.wait_for_function("window.telltale")
    begun(page)
    assert len({seen.headers["idempotency-key"] for seen in gateway.all("begin")}) == 1


def test_somebody_else_has_another_session(open_form: Open, gateway: RecordingGateway) -> None:
    page = open_form(userId="u-1")
    first = begun(page)
    act(page)
    page.evaluate("telltale.setUser('u-2')")
    gateway.until_seen("begin", 2)
    page.wait_for_function("first => telltale.sessionId && telltale.sessionId !== first", arg=first)
    second = begun(page)
    act(page)
    analyzed(page)
    assert [seen.document["user_id"] for seen in gateway.all("begin")] == ["u-1", "u-2"]
    assert [seen.session_id for seen in gateway.all("data")] == [first, second]
    page.evaluate("telltale.setUser('u-2')")  # nothing new
    assert begun(page) == second


def test_what_somebody_did_before_the_session_began_is_not_the_next_one_s(
    open_form: Open, gateway: RecordingGateway
) -> None:
    gateway.plan("begin", Answer(503, retry_after_s=60))
    page = open_form(userId="u-1")
    gateway.until_seen("begin")
    act(page)
    page.evaluate("telltale.setUser('u-2')")
    (told,) = page.evaluate("errors")
    assert told["code"] == "dropped" and told["lostEvents"] > 0
    page.keyboard.press("x")
    assert analyzed(page)["status"] == "judged"
    (data,) = gateway.all("data")
    assert [event["type"] for event in data.events()] == ["key.press"]


def test_the_last_batch_of_somebody_s_session_leaves_the_next_one_alone(
    open_form: Open, gateway: RecordingGateway
) -> None:
    gateway.plan("data", Answer(404, {"code": "session_unknown"}))
    page = open_form(userId="u-1")
    first = begun(page)
    gateway.hold()
    act(page)
    page.evaluate("void telltale.analyze()")
    gateway.until(lambda: gateway.data_arrived, "the batch")
    page.evaluate("telltale.setUser('u-2')")
    until(page, f"telltale.sessionId && telltale.sessionId !== '{first}'")
    second = begun(page)
    gateway.release()
    page.wait_for_function("errors.length")
    act(page)
    assert analyzed(page)["sessionId"] == second
    (told,) = page.evaluate("errors")
    assert told["code"] == "dropped" and told["lostEvents"] == len(gateway.all("data")[0].events())
    assert len(gateway.all("begin")) == 2


def test_nobody_does_not_go_on_with_somebody_s_session(open_form: Open, gateway: RecordingGateway) -> None:
    page = open_form(userId="u-1")
    first = begun(page)
    for user, same in (("undefined", True), ("null", False)):
        page.evaluate(
            f"""async ([key, endpoint]) => {{
                  const {{ start }} = await import("/dist/telltale.js");
                  window.telltale.stop();
                  window.telltale = start({{ key, endpoint, userId: {user} }});
                }}""",
            [KEY, gateway.url],
        )
        assert (begun(page) == first) is same


def test_a_page_left_open_for_hours_goes_on(context: BrowserContext, site: Site, gateway: RecordingGateway) -> None:
    page = context.new_page()
    page.clock.install()
    page.goto(site.form(module_head(gateway)))
    page.wait_for_function("window.telltale")
    page.clock.run_for(1_000)
    old = begun(page)
    act(page)
    page.clock.run_for(6_000)
    gateway.until_seen("data")
    page.clock.fast_forward("08:00:00")
    gateway.plan("data", Answer(409, {"code": "session_closed"}))
    act(page)
    page.clock.run_for(6_000)
    first, second = gateway.until_seen("data", 3)[1:]
    assert first.session_id == old != second.session_id
    assert gateway.violations == []
