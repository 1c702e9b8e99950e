"""The hot route over in-memory adapters: what is published, what is answered, who is let in."""

import asyncio
import json
import uuid
from datetime import timedelta
from typing import Any

import pytest

from shared.cloudevents import read_batch_headers
from tests.unit.gateway.kit import NOW, OTHER_TENANT, TENANT, Keys, at, batch, event, running

DOMAIN_EVENT = {"type": "order.placed", "occurred_at": at(NOW), "attributes": {"amount": 12.5}}


async def test_a_batch_is_published_as_sent_and_stamped() -> None:
    sent = json.dumps(batch([event()] * 3, sent_at=at(NOW, seconds=-90)), indent=2).encode()
    async with running() as gateway:
        answer = await gateway.post(sent, traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
        assert answer.status_code == 202
        (record,) = gateway.publisher.records
    assert record.value == sent
    assert record.key == b"acme:session/s-1"
    stamp = read_batch_headers(record.headers)
    assert str(stamp.batch_id) == json.loads(sent)["batch_id"]
    assert (stamp.tenant_id, stamp.domain, stamp.subject) == (TENANT, "behavior", "session/s-1")
    assert (stamp.received_at, stamp.event_count, stamp.clock_skew_ms) == (NOW, 3, 90_000)
    assert stamp.reply_to is None
    assert stamp.traceparent.startswith("00-4bf92f3577b34da6a3ce929d0e0e4736-")
    assert stamp.traceparent[36:52] != "00f067aa0ba902b7"
    assert record.timestamp_ms == int(NOW.timestamp() * 1000)


async def test_receipts_are_in_request_order_and_pure() -> None:
    one = batch([event()] * 2)
    two = batch([DOMAIN_EVENT], domain="commerce", subject={"type": "customer", "id": "c-9"})
    three = batch([], tracks=[{"type": "scroll", "started_at": at(NOW), "t": [0, 5, 9], "y": [0, 10, 20]}])
    async with running() as gateway:
        answer = await gateway.post([one, two, three])
        again = await gateway.post([one, two, three])
    assert answer.status_code == 202
    assert answer.json() == {
        "receipts": [
            {"batch_id": sent["batch_id"], "status": "accepted", "events": count,
             "receipt": f"/v1/batches/{sent['batch_id']}"}
            for sent, count in ((one, 2), (two, 1), (three, 3))
        ]
    }  # fmt: skip
    assert again.content == answer.content
    assert [record.domain for record in gateway.publisher.records[:3]] == ["behavior", "commerce", "behavior"]


async def test_an_item_of_an_array_is_published_byte_for_byte() -> None:
    texts = [json.dumps(batch(), indent=3), json.dumps(batch(), separators=(",", ":"))]
    async with running() as gateway:
        await gateway.post(f" [ {texts[0]} ,\n{texts[1]}]".encode())
        assert [record.value.decode() for record in gateway.publisher.records] == texts


@pytest.mark.parametrize("skew", [timedelta(hours=-9), timedelta(hours=9), timedelta(hours=23)])
async def test_a_wrong_clock_is_corrected_by_sent_at(skew: timedelta) -> None:
    async with running() as gateway:
        wrong = NOW + skew
        sent = batch([event(occurred_at=at(wrong, seconds=-5))], sent_at=at(wrong))
        assert (await gateway.post(sent)).status_code == 202
        stamp = read_batch_headers(gateway.publisher.records[0].headers)
        assert stamp.clock_skew_ms == -skew / timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("occurred", "status"),
    [
        (timedelta(hours=-9), 202),
        (timedelta(days=-8), 422),
        (timedelta(minutes=4), 202),
        (timedelta(hours=9), 422),
    ],
)
async def test_without_sent_at_only_plausible_times_pass(occurred: timedelta, status: int) -> None:
    async with running() as gateway:
        answer = await gateway.post(batch([event(), event(occurred_at=at(NOW + occurred))]))
        assert answer.status_code == status
        if status == 422:
            (item,) = answer.json()["errors"]
            assert (item["code"], item["pointer"]) == ("clock_skew", "/events/1")


@pytest.mark.parametrize(
    "sent_at", ["0001-01-01T00:00:00Z", at(NOW - timedelta(hours=25)), at(NOW + timedelta(hours=25))]
)
async def test_an_absurd_sent_at_is_refused(sent_at: str) -> None:
    async with running() as gateway:
        answer = await gateway.post(batch(sent_at=sent_at))
        assert answer.status_code == 422


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", "Basic dTpw", "Bearer tt_0000000000000000_" + "a" * 43, "Bearer \xff\xfe",
     "Bearer " + "x" * 10_000],
)  # fmt: skip
async def test_who_has_no_key_is_401(authorization: str | None) -> None:
    async with running() as gateway:
        headers = {"content-type": "application/json"}
        if authorization is not None:
            headers["authorization"] = authorization
        raw = {name.encode(): value.encode("latin-1") for name, value in headers.items()}
        answer = await gateway.client.post("/v1/events", content=json.dumps(batch()), headers=raw)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert gateway.publisher.records == []


async def test_a_key_with_one_wrong_character_is_401() -> None:
    async with running() as gateway:
        wrong = gateway.keys.text[:-1] + ("A" if gateway.keys.text[-1] != "A" else "B")
        assert (await gateway.post(batch(), authorization=f"Bearer {wrong}")).status_code == 401


async def test_a_revoked_key_stops_working_and_its_tenant_s_other_keys_do_not() -> None:
    async with running() as gateway:
        second = gateway.keys.add(TENANT)
        await gateway.app.keys.refresh()
        assert (await gateway.post(batch())).status_code == 202
        del gateway.keys.active[gateway.keys.text.split("_")[1]]
        await gateway.app.keys.refresh()
        assert (await gateway.post(batch())).status_code == 401
        assert (await gateway.post(batch(), authorization=f"bearer {second}")).status_code == 202


async def test_keys_outlive_an_absent_database() -> None:
    async with running() as gateway:
        gateway.keys.available = False
        with pytest.raises(ConnectionRefusedError):
            await gateway.app.keys.refresh()
        assert (await gateway.post(batch())).status_code == 202


async def test_keys_never_loaded_is_503() -> None:
    async with running(Keys(available=False)) as gateway:
        answer = await gateway.post(batch())
        assert (answer.status_code, answer.json()["code"]) == (503, "auth_unavailable")
        assert int(answer.headers["retry-after"]) > 0


async def test_a_batch_carries_the_tenant_of_its_key() -> None:
    async with running() as gateway:
        await gateway.post(batch(), authorization=f"Bearer {gateway.keys.other_text}")
        assert gateway.publisher.records[0].key.startswith(OTHER_TENANT.encode() + b":")


async def test_broker_away_is_503_with_retry_after_and_then_recovers() -> None:
    sent = batch()
    async with running() as gateway:
        gateway.publisher.available = False
        answer = await gateway.post(sent)
        assert (answer.status_code, answer.json()["code"]) == (503, "broker_unavailable")
        assert int(answer.headers["retry-after"]) > 0
        assert (await gateway.client.get("/readyz")).status_code == 503
        receipt = await gateway.client.get(f"/v1/batches/{sent['batch_id']}", headers=gateway.headers())
        assert receipt.status_code == 404
        gateway.publisher.available = True
        assert (await gateway.post(sent)).status_code == 202


async def test_a_broker_that_does_not_acknowledge_is_503() -> None:
    async with running() as gateway:
        gateway.publisher.flowing.clear()
        answer = await gateway.post(batch())
        assert (answer.status_code, answer.json()["code"]) == (503, "broker_unavailable")


async def test_the_in_flight_limit_is_503_at_once_and_frees_itself() -> None:
    async with running() as gateway:
        gateway.publisher.flowing.clear()
        gateway.publisher.in_flight.max_batches = 3
        gateway.publisher.timeout_s = 10
        waiting = [asyncio.create_task(gateway.post(batch())) for _ in range(3)]
        while gateway.publisher.in_flight.batches < 3:
            await asyncio.sleep(0)
        answer = await gateway.post(batch())
        assert (answer.status_code, answer.json()["code"]) == (503, "too_many_in_flight")
        assert int(answer.headers["retry-after"]) > 0
        gateway.publisher.flowing.set()
        assert [done.status_code for done in await asyncio.gather(*waiting)] == [202] * 3
        assert (await gateway.post(batch())).status_code == 202
        assert (gateway.publisher.in_flight.batches, gateway.publisher.in_flight.bytes) == (0, 0)


async def test_bodies_being_received_are_bounded() -> None:
    async with running(max_receiving_bytes=1_000) as gateway:
        gateway.app.ingest.receiving.take(900)
        answer = await gateway.post(batch())
        assert (answer.status_code, answer.json()["code"]) == (503, "too_many_in_flight")
        gateway.app.ingest.receiving.give_back(900)
        assert (await gateway.post(batch())).status_code == 202
        assert gateway.app.ingest.receiving.held == 0


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"])
async def test_other_methods_are_405(method: str) -> None:
    async with running() as gateway:
        answer = await gateway.client.request(method, "/v1/events", headers=gateway.headers())
        assert answer.status_code == 405
        assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize(
    "query",
    ["?wait_ms=-1", "?wait_ms=abc", "?wait_ms=10001", "?wait_ms=1e3", "?wait_ms=", "?wait_ms=1&wait_ms=2", "?other=1",
     "?wait_ms=%D9%A1", "?wait_ms=" + "9" * 5_000, "?" + "&".join(f"a{i}=1" for i in range(1_000))],
)  # fmt: skip
async def test_bad_parameters_are_422(query: str) -> None:
    async with running() as gateway:
        answer = await gateway.post(batch(), query=query)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_parameter")
        assert gateway.publisher.records == []


class Defect(Exception):
    """A bug."""


async def test_a_defect_is_500_with_a_trace_id_and_no_stack_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running() as gateway:

        async def fails(records: Any) -> None:
            raise Defect("in /secret/path.py")

        gateway.publisher.publish = fails  # type: ignore[method-assign]
        answer = await gateway.post(batch(), traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
        assert (answer.status_code, answer.json()["code"]) == (500, "internal")
        assert answer.json()["trace_id"] == "4bf92f3577b34da6a3ce929d0e0e4736"
        assert "Defect" not in answer.text
        assert "secret" not in answer.text


async def test_no_log_line_holds_payload_or_key(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    async with running() as gateway:
        gateway.publisher.available = False
        subject = f"subject-{uuid.uuid4()}"
        await gateway.post(batch(subject={"type": "session", "id": subject}))
        await gateway.post(batch(subject={"type": "session", "id": subject}, extra=1))
        secret = gateway.keys.text.split("_", 2)[2]
    # httpx logs the address it calls, which holds neither.
    assert subject not in caplog.text
    assert secret not in caplog.text
