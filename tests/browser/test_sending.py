"""In which order and how often a page sends, whatever the network and the gateway do."""

from playwright.sync_api import BrowserContext

from tests.browser.conftest import Open
from tests.browser.gateway import Answer, RecordingGateway
from tests.browser.site import Site
from tests.browser.visiting import act, act_at_once, analyzed, begun, knock, moments


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
    for _ in range(3):
        act_at_once(page, 200)
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
        act_at_once(page, 200)
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
