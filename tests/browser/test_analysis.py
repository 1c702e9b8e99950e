"""What `analyze()` answers and when, and who is asked for a challenge."""

import uuid
from datetime import datetime

from playwright.sync_api import BrowserContext

from tests.browser.conftest import Open
from tests.browser.gateway import KEY, RecordingGateway
from tests.browser.site import Site
from tests.browser.visiting import act, analyzed, begun, moments


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
