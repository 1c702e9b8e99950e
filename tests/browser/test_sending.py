"""In which order and how often a page sends, whatever the network and the gateway do."""

import uuid
from datetime import datetime

from playwright.sync_api import BrowserContext, Page

from tests.browser.chromium import until
from tests.browser.conftest import Open, module_head
from tests.browser.gateway import KEY, Answer, RecordingGateway, Seen
from tests.browser.site import Site


def act(page: Page, times: int = 1) -> None:
    """Do something that is recorded."""
    for _ in range(times):
        page.evaluate("document.activeElement.blur(); email.focus()")


def moments(batches: list[Seen]) -> list[datetime]:
    return [datetime.fromisoformat(event["occurred_at"]) for batch in batches for event in batch.events()]


def analyzed(page: Page) -> dict[str, object]:
    found: dict[str, object] = page.evaluate("telltale.analyze()")
    return found


def knock(page: Page, gateway: RecordingGateway) -> None:
    """Make a request of the page's own: whatever it sent before has left by then."""
    page.evaluate("url => fetch(url)", f"{gateway.url}/api/sessions/knock/status")


def begun(page: Page) -> str:
    until(page, "telltale.sessionId")
    found: str = page.evaluate("telltale.sessionId")
    return found


def test_an_analysis_sends_and_judges(open_form: Open, gateway: RecordingGateway) -> None:
    page = open_form()
    session_id = begun(page)
    act(page)
    assert analyzed(page) == {
        "sessionId": session_id,
        "status": "judged",
        "trust": 93,
        "needsChallenge": False,
        "challengePassed": None,
        "confidence": 0.71,
        "reasons": [{"code": "KEY_HOLDS_SHORT", "message": "Keys are let go in the moment they are pressed."}],
    }
    (begin,), (data,) = gateway.all("begin"), gateway.all("data")
    assert data.session_id == session_id
    assert begin.headers["authorization"] == data.headers["authorization"] == f"Bearer {KEY}"
    assert data.headers["idempotency-key"] == data.batch_id == str(uuid.UUID(data.batch_id))
    assert data.headers["origin"] == page.evaluate("location.origin") and "referer" not in data.headers
    assert datetime.fromisoformat(data.document["sent_at"]) >= max(moments([data]))


def test_batches_leave_by_themselves_in_their_order(open_form: Open, gateway: RecordingGateway) -> None:
    page = open_form()
    begun(page)
    gateway.until_seen("data")  # after five seconds
    act(page, 400)
    gateway.until(lambda: sum(len(s.events()) for s in gateway.seen if s.what == "data") >= 800, "all events")
    batches = gateway.all("data")
    assert len(batches) >= 3  # full ones do not wait
    assert all(len(batch.body) < 60_000 for batch in batches)
    assert moments(batches) == sorted(moments(batches))


def test_batches_of_a_session_go_one_after_another(open_form: Open, gateway: RecordingGateway) -> None:
    page = open_form()
    begun(page)
    gateway.hold()
    page.evaluate("void telltale.analyze()")
    gateway.until(lambda: gateway.data_arrived, "the first")
    act(page, 600)
    page.evaluate("new Promise(resolve => setTimeout(resolve))")
    knock(page, gateway)
    assert gateway.data_arrived == 1
    gateway.release()
    gateway.until(lambda: sum(len(s.events()) for s in gateway.seen if s.what == "data") >= 1_200, "all events")
    batches = gateway.all("data")
    assert moments(batches) == sorted(moments(batches)) and len(batches) >= 3


def test_a_busy_gateway_gets_the_same_batch_again_and_not_too_soon(open_form: Open, gateway: RecordingGateway) -> None:
    gateway.plan("data", Answer(503, {"code": "store_unavailable"}, retry_after_s=2), Answer(429, retry_after_s=1))
    page = open_form()
    begun(page)
    act(page)
    page.evaluate("void telltale.analyze()")
    first, second, third = gateway.until_seen("data", 3)
    assert first.batch_id == second.batch_id == third.batch_id
    assert first.document["events"] == third.document["events"]
    assert {seen.headers["idempotency-key"] for seen in (first, second, third)} == {first.batch_id}
    assert second.at_s - first.at_s >= 2
    assert third.at_s - second.at_s >= 1
    assert page.evaluate("errors") == []


def test_a_cut_connection_costs_nothing(open_form: Open, gateway: RecordingGateway) -> None:
    gateway.plan("begin", Answer(0))
    gateway.plan("data", Answer(0), Answer(0))
    page = open_form()
    act(page)
    found = gateway.until_seen("data", 3)
    assert len({seen.batch_id for seen in found}) == 1
    begins = gateway.all("begin")
    assert len({seen.headers["idempotency-key"] for seen in begins}) == 1
    assert page.evaluate("errors") == []


def test_offline_batches_wait_and_go_when_the_network_is_back(
    context: BrowserContext, open_form: Open, gateway: RecordingGateway
) -> None:
    page = open_form()
    begun(page)
    context.set_offline(True)
    act(page)
    assert analyzed(page)["status"] == "unavailable"
    act(page)
    page.evaluate("void telltale.analyze()")
    assert gateway.all("data") == []
    context.set_offline(False)
    first, second = gateway.until_seen("data", 2)
    assert max(moments([first])) <= min(moments([second]))


def test_what_waits_too_long_is_dropped_and_told(
    context: BrowserContext, open_form: Open, gateway: RecordingGateway
) -> None:
    page = open_form()
    begun(page)
    context.set_offline(True)
    for _ in range(30):
        page.evaluate("for (let i = 0; i < 200; i++) { document.activeElement.blur(); email.focus() }")
        page.evaluate("new Promise(resolve => setTimeout(resolve))")
    told = page.evaluate("errors")
    assert told and {error["code"] for error in told} == {"dropped"}
    assert all(error["lostEvents"] > 100 for error in told)
    context.set_offline(False)
    page.evaluate("telltale.analyze()")
    gateway.until(
        lambda: (
            sum(len(s.events()) for s in gateway.seen if s.what == "data") + sum(error["lostEvents"] for error in told)
            >= 12_000
        ),
        "every event is sent or told",
    )


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


def test_a_batch_that_cannot_be_read_is_dropped_and_told(open_form: Open, gateway: RecordingGateway) -> None:
    gateway.plan("data", Answer(400, {"code": "invalid_request"}))
    page = open_form()
    begun(page)
    act(page)
    analyzed(page)
    act(page)
    assert analyzed(page)["status"] == "judged"
    first, second = gateway.all("data")
    assert first.batch_id != second.batch_id
    (told,) = page.evaluate("errors")
    assert told["code"] == "rejected" and "invalid_request" in told["message"]
    assert told["lostEvents"] == len(first.events())


def test_a_refused_key_ends_it(open_form: Open, gateway: RecordingGateway) -> None:
    gateway.plan("begin", Answer(403, {"code": "origin_refused"}))
    page = open_form()
    page.wait_for_function("errors.length")
    act(page)
    assert analyzed(page)["status"] == "unavailable"
    assert len(gateway.seen) == 1
    (told,) = page.evaluate("errors")
    assert told["code"] == "refused" and "origin_refused" in told["message"]


def test_a_refusal_ends_everything_and_is_told_once(open_form: Open, gateway: RecordingGateway) -> None:
    gateway.plan("data", Answer(403, {"code": "key_revoked"}))
    page = open_form()
    begun(page)
    act(page)
    assert analyzed(page)["status"] == "unavailable"
    (data,) = gateway.all("data")
    for _ in range(60):
        act(page, 20)
        page.evaluate("telltale.analyze()")
    page.evaluate("telltale.setConsent(true)")
    assert analyzed(page)["status"] == "unavailable"
    (told,) = page.evaluate("errors")
    assert (told["code"], told["lostEvents"]) == ("refused", len(data.events()))
    assert page.evaluate("sessionStorage.length") == 0
    assert [seen.what for seen in gateway.seen] == ["begin", "data"]


def test_a_verdict_on_what_came_before_is_not_taken(open_form: Open, gateway: RecordingGateway) -> None:
    gateway.pending = gateway.stale = True
    page = open_form()
    begun(page)
    act(page)
    page.evaluate("void (window.answer = telltale.analyze())")
    gateway.until_seen("status", 2)
    gateway.pending = gateway.stale = False
    assert page.evaluate("answer")["status"] == "judged"
    gateway.pending = gateway.stale = True
    act(page)
    assert analyzed(page)["status"] == "pending"


def test_an_analysis_knows_of_everything_before_it(open_form: Open, gateway: RecordingGateway) -> None:
    page = open_form()
    begun(page)
    gateway.hold()
    act(page)
    page.evaluate("window.answers = [telltale.analyze(), telltale.analyze()]")
    gateway.until(lambda: gateway.data_arrived, "the first")
    act(page)
    page.evaluate("void answers.push(telltale.analyze())")
    assert page.evaluate("[answers[0] === answers[1], answers[1] === answers[2]]") == [True, False]
    gateway.release()
    assert page.evaluate("answers[2]")["status"] == "judged"
    assert len(gateway.all("data")) == 2


def test_a_verdict_that_comes_later_is_asked_for(open_form: Open, gateway: RecordingGateway) -> None:
    gateway.pending = True
    page = open_form()
    begun(page)
    act(page)
    page.evaluate("void (window.answer = telltale.analyze())")
    gateway.until_seen("status")
    gateway.pending = False
    assert page.evaluate("answer")["status"] == "judged"
    gateway.pending = True
    act(page)
    result = analyzed(page)
    assert (result["status"], result["trust"], result["needsChallenge"]) == ("pending", None, False)


def test_a_gateway_that_hangs_does_not_keep_the_page_waiting(open_form: Open, gateway: RecordingGateway) -> None:
    page = open_form()
    begun(page)
    gateway.hold()
    act(page)
    took_ms = page.evaluate(
        "async () => { const at = performance.now(); await telltale.analyze(); return performance.now() - at }"
    )
    assert 4_900 <= took_ms < 7_000
    gateway.release()


def test_a_challenge_is_asked_for_once_it_is_due(open_form: Open, gateway: RecordingGateway) -> None:
    gateway.trust_score, gateway.needs_challenge = 12, True
    page = open_form()
    assert analyzed(page)["challengePassed"] is None  # nobody to ask
    for body, passed in (
        ("result => result.trust < 50", True),
        ("async () => false", False),
        ("() => { throw 1 }", False),
    ):
        page = open_form()
        begun(page)
        page.evaluate(
            f"""async ([key, endpoint]) => {{
                  telltale.stop();
                  const {{ start }} = await import("/dist/telltale.js");
                  const onError = ({{ code }}) => errors.push(code);
                  window.telltale = start({{ key, endpoint, onError, onChallenge: {body} }});
                }}""",
            [KEY, gateway.url],
        )
        assert analyzed(page)["challengePassed"] is passed, body
    assert page.evaluate("errors") == ["challenge_failed"]


def test_who_is_asked_may_analyze_and_is_asked_once(
    context: BrowserContext, site: Site, gateway: RecordingGateway
) -> None:
    gateway.trust_score, gateway.needs_challenge = 12, True
    page = context.new_page()
    page.goto(site.form("", "/plain.html"))
    page.evaluate(
        """async ([key, endpoint]) => {
             const { start } = await import("/dist/telltale.js");
             window.asked = 0;
             const onChallenge = async () => {
               asked++;
               window.inside = await telltale.analyze();
               return true;
             };
             window.telltale = start({ key, endpoint, onChallenge });
           }""",
        [KEY, gateway.url],
    )
    begun(page)
    act(page)
    assert analyzed(page)["challengePassed"] is True
    assert page.evaluate("[asked, inside.needsChallenge, inside.challengePassed]") == [1, True, None]


def test_leaving_sends_what_waits(
    context: BrowserContext, open_form: Open, site: Site, gateway: RecordingGateway
) -> None:
    site.put("/next.html", "<title>Next</title>")
    page = open_form()
    begun(page)
    act(page)
    page.goto(site.url + "/next.html")
    (data,) = gateway.until_seen("data")
    kinds = [event["type"] for event in data.events()]
    assert "focus.gained" in kinds
    assert data.events("visibility.changed")[-1]["state"] == "hidden"
    assert "content-encoding" not in data.headers  # there is no time to compress


def test_a_closed_tab_sends_what_waits(open_form: Open, gateway: RecordingGateway) -> None:
    page = open_form()
    begun(page)
    act(page)
    page.close(run_before_unload=False)
    (data,) = gateway.until_seen("data")
    assert data.events("focus.gained")


def test_a_tab_closed_while_sending_loses_nothing(open_form: Open, gateway: RecordingGateway) -> None:
    page = open_form()
    begun(page)
    gateway.hold()
    act(page)
    page.evaluate("void telltale.analyze()")
    act(page)
    page.close()
    gateway.release()
    found = gateway.until_seen("data", 2)
    assert len({seen.batch_id for seen in found}) == 2
    assert sum(len(seen.events("focus.gained")) for seen in found) == 2


def test_large_batches_are_compressed(open_form: Open, gateway: RecordingGateway) -> None:
    page = open_form()
    begun(page)
    act(page, 50)
    analyzed(page)
    data = gateway.all("data")[-1]
    assert data.headers["content-encoding"] == "gzip"
    assert data.wire_bytes < len(data.body) / 4


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
    gateway.plan("begin", Answer(503, retry_after_s=1))
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


def test_what_cannot_be_sent_at_the_end_is_told(open_form: Open, gateway: RecordingGateway) -> None:
    gateway.plan("begin", Answer(503, retry_after_s=60))
    page = open_form()
    gateway.until_seen("begin")
    act(page)
    page.evaluate("telltale.stop()")
    (told,) = page.evaluate("errors")
    assert told["code"] == "dropped" and "had not begun" in told["message"] and told["lostEvents"] > 1


def test_stop_sends_the_last_and_then_nothing(open_form: Open, gateway: RecordingGateway) -> None:
    page = open_form()
    begun(page)
    act(page)
    page.evaluate("telltale.stop()")
    (data,) = gateway.until_seen("data")
    assert data.events("focus.gained")
    act(page)
    result = analyzed(page)
    assert result["status"] == "off" and result["sessionId"] is None
    page.evaluate("telltale.setConsent(true)")
    act(page)
    assert analyzed(page)["status"] == "off"
    assert len(gateway.all("data")) == 1
