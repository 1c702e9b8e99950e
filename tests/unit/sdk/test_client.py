"""The client against a server that keeps its contract."""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

import telltale
from tests.unit.sdk.conftest import FakeTime, MakeClient
from tests.unit.sdk.misbehaving import Answer, Gateway, Seen

SCROLL = {"type": "scroll", "y": 1}
TRACK = {"type": "pointer.move", "started_at": datetime(2026, 3, 1, tzinfo=UTC), "t": [0, 9], "x": [1, 2], "y": [1, 2]}
VERDICT = {
    "verdict_id": "5f1a2f0e-5c0e-5d53-9d3e-0b6f8f7c1d11",
    "batch_id": "5f1a2f0e-5c0e-5d53-9d3e-0b6f8f7c1d12",
    "subject": {"type": "session", "id": "s-1"},
    "action": "BLOCK",
    "label": "bot",
    "risk_score": 0.9,
    "trust_score": 10,
    "confidence": 0.8,
    "reasons": [{"code": "TOO_STRAIGHT", "contribution": 0.9, "message": "m", "evidence": {"ratio": 1.0}}],
    "some_field_of_a_newer_server": 1,
}


async def test_many_subjects_share_one_compressed_request(gateway: Gateway, make_client: MakeClient) -> None:
    receipts: list[telltale.Receipt] = []
    async with make_client(on_receipt=receipts.append) as client:
        for number in range(20):
            subject = client.subject("session", f"s-{number}")
            assert subject.add({"type": "scroll", "y": number})
            assert subject.add_track(TRACK)
        await client.flush()
        stats = client.stats()
    (post,) = gateway.posts
    assert post.target == "/v1/events"
    assert post.headers["content-encoding"] == "gzip"
    assert len(post.batches) == 20
    assert post.batches[7]["tracks"][0]["x"] == [1, 2]
    assert (stats.added, stats.delivered, stats.buffered, stats.requests) == (60, 60, 0, 1)
    assert {str(receipt.batch_id) for receipt in receipts} == set(gateway.stored)


async def test_a_lone_batch_is_an_object_and_small_bodies_stay_plain(gateway: Gateway, make_client: MakeClient) -> None:
    async with make_client() as client:
        client.subject("card", "c-1", domain="finance").add({"type": "payment", "attributes": {"amount": 1.5}})
        await client.flush()
    (post,) = gateway.posts
    assert "content-encoding" not in post.headers
    assert (post.batches[0]["domain"], post.batches[0]["subject"]) == ("finance", {"type": "card", "id": "c-1"})


async def test_a_full_batch_leaves_by_itself(gateway: Gateway, make_client: MakeClient) -> None:
    async with make_client(limits={"max_batch_events": 3}) as client:
        for _ in range(3):
            client.subject("session", "s-1").add(SCROLL)
        await gateway.seen(1)


async def test_a_lone_event_leaves_after_the_linger(gateway: Gateway) -> None:
    limits = telltale.Limits(linger_s=0.01)
    async with telltale.AsyncClient(gateway.url, "tt_good_key", limits=limits) as client:
        client.subject("session", "s-1").add(SCROLL)
        await gateway.seen(1)


async def test_closing_sends_what_lingers(gateway: Gateway, make_client: MakeClient) -> None:
    async with make_client() as client:
        client.subject("session", "s-1").add(SCROLL)
    assert len(gateway.stored_events("s-1")) == 1
    assert client.subject("session", "s-1").add(SCROLL) is False
    assert (client.stats().refused, client.stats().buffered) == (1, 0)


async def test_a_subjects_batches_leave_one_after_another_in_order(gateway: Gateway, make_client: MakeClient) -> None:
    async with make_client(limits={"max_batch_events": 2, "max_requests": 4}) as client:
        for number in range(41):
            for name in ("a", "b", "c"):
                client.subject("session", name).add({"type": "scroll", "y": number})
        await client.flush()
    for name in ("a", "b", "c"):
        assert [event["y"] for event in gateway.stored_events(name)] == list(range(41))
    assert gateway.overlaps == []


async def test_requests_at_once_are_bounded(gateway: Gateway, make_client: MakeClient) -> None:
    gateway.held.clear()
    async with make_client(limits={"max_requests": 2, "max_request_batches": 1, "max_batch_events": 1}) as client:
        for number in range(9):
            client.subject("session", f"s-{number}").add(SCROLL)
        await gateway.seen(2)
        gateway.held.set()
        await client.flush()
    assert (gateway.most_under_way, len(gateway.stored)) == (2, 9)


@pytest.mark.parametrize(("status", "delivered"), [(202, 1), (422, 0)])
async def test_an_answer_nested_deep_is_still_an_answer(
    status: int, delivered: int, gateway: Gateway, make_client: MakeClient
) -> None:
    gateway.always = Answer(status, NESTED_DEEP)
    drops: list[telltale.Dropped] = []
    async with make_client(on_drop=drops.append) as client:
        client.subject("session", "s-1").add(SCROLL)
    assert (client.stats().delivered, [drop.reason for drop in drops]) == (delivered, ["refused"] * (1 - delivered))


async def test_the_verdict_comes_with_the_answer(gateway: Gateway, make_client: MakeClient) -> None:
    async with make_client() as client:
        session = client.subject("session", "s-1")
        session.add(SCROLL)
        gateway.script.append(Answer(200, {"receipts": [{"batch_id": None}]}, store=True))
        assert await session.verdict(wait_ms=250) is None  # a broken answer; but 2xx is delivered
        assert gateway.posts[-1].target == "/v1/events?wait_ms=250"
        session.add(SCROLL)

        def answer(batch: dict[str, Any]) -> dict[str, Any]:
            return {"batch_id": batch["batch_id"], "status": "accepted", "events": 1, "verdict": VERDICT}

        gateway.answer_with = answer
        verdict = await session.verdict()
    assert verdict is not None
    assert (verdict.action, verdict.reasons[0].code, verdict.subject.id) == ("BLOCK", "TOO_STRAIGHT", "s-1")
    assert client.stats().delivered == 2


async def test_a_verdict_takes_along_what_waits_and_nobody_else(gateway: Gateway, make_client: MakeClient) -> None:
    async with make_client() as client:
        client.subject("session", "other").add(SCROLL)
        client.subject("session", "s-1").add(SCROLL)
        await client.subject("session", "s-1").verdict()
        assert gateway.stored_events("other") == []


async def test_with_nothing_waiting_the_latest_verdict_is_given(gateway: Gateway, make_client: MakeClient) -> None:
    async with make_client(limits={"max_batch_events": 1}) as client:
        session = client.subject("session", "s=1")
        assert await session.verdict() is None
        gateway.documents["/v1/subjects/session/s%3D1/verdict"] = VERDICT
        gateway.held.clear()
        session.add(SCROLL)
        await gateway.seen(2)
        asked = asyncio.create_task(session.verdict())
        await asyncio.sleep(0)
        gateway.documents["/v1/subjects/session/s%3D1/verdict"] = verdict_on(gateway.posts[0])
        gateway.held.set()
        verdict = await asked
    assert verdict is not None and verdict.action == "BLOCK"
    assert [seen.method for seen in gateway.requests] == ["GET", "POST", "GET"]


def verdict_on(post: Seen) -> dict[str, Any]:
    return {**VERDICT, "batch_id": post.batches[0]["batch_id"]}


LATEST = "/v1/subjects/session/s-1/verdict"


class Changing(dict[str, dict[str, Any]]):
    """One document, made anew each time it is looked at."""

    def __init__(self, path: str, made: Callable[[], dict[str, Any]]) -> None:
        super().__init__({path: {}})
        self._made = made

    def __getitem__(self, path: str) -> dict[str, Any]:
        return self._made()


async def test_a_batch_that_has_just_left_is_waited_for(
    gateway: Gateway, make_client: MakeClient, fake_time: FakeTime
) -> None:
    """The server still has the verdict before it."""
    gateway.held.clear()
    async with make_client(limits={"max_batch_events": 1}) as client:
        session = client.subject("session", "s-1")
        session.add(SCROLL)
        await gateway.seen(1)
        newer = verdict_on(gateway.posts[0])
        shown = iter([VERDICT, VERDICT, newer])
        gateway.documents = Changing(LATEST, lambda: next(shown))
        asked = asyncio.create_task(session.verdict())
        await asyncio.sleep(0)
        gateway.held.set()
        verdict = await asked
    assert verdict is not None and str(verdict.batch_id) == newer["batch_id"]
    assert len(fake_time.pauses_s) == 2


async def test_a_batch_that_has_just_left_is_waited_for_so_long_and_no_longer(
    gateway: Gateway, make_client: MakeClient, fake_time: FakeTime
) -> None:
    gateway.documents[LATEST] = VERDICT
    gateway.held.clear()
    async with make_client(limits={"max_batch_events": 1}) as client:
        session = client.subject("session", "s-1")
        session.add(SCROLL)
        await gateway.seen(1)
        asked = asyncio.create_task(session.verdict(wait_ms=700))
        await asyncio.sleep(0)
        gateway.held.set()
        assert await asked is None
        assert sum(fake_time.pauses_s) == pytest.approx(0.7)
        assert (await session.verdict()) is not None  # asked again, it is the latest


async def test_a_verdict_on_a_later_batch_is_as_good(gateway: Gateway, make_client: MakeClient) -> None:
    """Nobody looked while the verdict on the batch itself was the latest."""
    gateway.documents = Changing(LATEST, lambda: verdict_on(gateway.posts[1]) if len(gateway.posts) > 1 else VERDICT)
    gateway.held.clear()

    def go_on(_: telltale.Receipt) -> None:
        if len(gateway.posts) == 1:
            session.add(SCROLL)

    async with make_client(limits={"max_batch_events": 1}, on_receipt=go_on) as client:
        session = client.subject("session", "s-1")
        session.add(SCROLL)
        await gateway.seen(1)
        asked = asyncio.create_task(session.verdict(wait_ms=10_000))
        await asyncio.sleep(0)
        gateway.held.set()
        verdict = await asked
    assert verdict is not None and str(verdict.batch_id) == gateway.posts[1].batches[0]["batch_id"]


async def test_a_busy_subjects_verdict_is_not_waited_for_until_it_rests(
    gateway: Gateway, make_client: MakeClient
) -> None:
    """The next batch leaves the moment one is there."""
    gateway.held.clear()

    def go_on(_: telltale.Receipt) -> None:
        session.add(SCROLL)

    async with make_client(limits={"max_batch_events": 1}, on_receipt=go_on, on_drop=lambda _: None) as client:
        session = client.subject("session", "s-1")
        session.add(SCROLL)
        await gateway.seen(1)
        gateway.documents[LATEST] = verdict_on(gateway.posts[0])
        asked = asyncio.create_task(session.verdict())
        await asyncio.sleep(0)
        gateway.held.set()
        async with asyncio.timeout(5):
            verdict = await asked
    assert verdict is not None and str(verdict.batch_id) == gateway.posts[0].batches[0]["batch_id"]


async def test_a_batch_that_has_left_and_is_refused_is_told(gateway: Gateway, make_client: MakeClient) -> None:
    gateway.held.clear()
    async with make_client(limits={"max_batch_events": 1}) as client:
        session = client.subject("session", "s-1")
        session.add({"type": "bad"})
        await gateway.seen(1)
        asked = asyncio.create_task(session.verdict())
        await asyncio.sleep(0)
        gateway.held.set()
        with pytest.raises(telltale.Refused, match="invalid_batch"):
            await asked


NESTED_DEEP = b'{"more":' + 100_000 * b"[" + 100_000 * b"]" + b"}"


@pytest.mark.parametrize("body", [{"verdict": 1}, NESTED_DEEP, b"<html>"])
async def test_an_answer_that_makes_no_sense_is_not_taken_for_one(
    body: dict[str, Any] | bytes, gateway: Gateway, make_client: MakeClient
) -> None:
    gateway.always = Answer(200, body)
    async with make_client() as client:
        with pytest.raises(telltale.Unavailable, match="no verdict"):
            await client.subject("session", "s-1").verdict()
        with pytest.raises(telltale.Unavailable, match="no receipt"):
            await client.receipt("x")
    with pytest.raises(telltale.Unavailable, match="closed"):
        await client.receipt("x")


async def test_receipts_can_be_asked_for(gateway: Gateway, make_client: MakeClient) -> None:
    async with make_client() as client:
        client.subject("session", "s-1").add(SCROLL)
        await client.flush()
        (batch_id,) = gateway.stored
        receipt = await client.receipt(batch_id)
        assert (str(receipt.batch_id), receipt.events) == (batch_id, 1)
        with pytest.raises(telltale.Refused) as caught:
            await client.receipt("5f1a2f0e-5c0e-5d53-9d3e-0b6f8f7c1d11")
        assert caught.value.problem.code == "not_found"


async def test_each_request_carries_the_callers_trace(gateway: Gateway, make_client: MakeClient) -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    async with make_client(traceparent=lambda: trace) as client:
        client.subject("session", "s-1").add(SCROLL)
    assert gateway.posts[0].headers["traceparent"] == trace


async def test_an_event_is_stamped_now_unless_it_says_when(
    gateway: Gateway, make_client: MakeClient, fake_time: FakeTime
) -> None:
    async with make_client() as client:
        session = client.subject("session", "s-1")
        session.add(SCROLL)
        session.add({**SCROLL, "occurred_at": datetime(2026, 3, 1, tzinfo=UTC)})
    first, second = gateway.stored_events("s-1")
    assert datetime.fromisoformat(first["occurred_at"]) == fake_time.utc_now()
    assert datetime.fromisoformat(second["occurred_at"]) == datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("event", "error"),
    [
        ({"y": 1}, ValueError),
        ({"type": "scroll", "occurred_at": datetime(2026, 3, 1)}, ValueError),
        ({"type": "scroll", "y": object()}, TypeError),
        ({"type": "scroll", "y": "x" * 300_000}, ValueError),
    ],
)
async def test_a_callers_mistake_raises_at_once(
    event: dict[str, Any], error: type[Exception], make_client: MakeClient
) -> None:
    async with make_client() as client:
        with pytest.raises(error):
            client.subject("session", "s-1").add(event)
        assert client.stats() == telltale.Stats()


@pytest.mark.parametrize(
    "change", [{"t": []}, {"x": [1]}, {"t": None}, {"started_at": None}, {"t": [], "x": [], "y": []}]
)
async def test_a_crooked_track_raises_at_once(change: dict[str, Any], make_client: MakeClient) -> None:
    async with make_client() as client:
        with pytest.raises(ValueError, match="a track needs"):
            client.subject("session", "s-1").add_track({**TRACK, **change})
        with pytest.raises(ValueError, match="no tracks"):
            client.subject("card", "c-1", domain="finance").add_track(TRACK)
        with pytest.raises(ValueError, match="subject id"):
            client.subject("session", "two words")
        with pytest.raises(ValueError, match="wait_ms"):
            await client.subject("session", "s-1").verdict(wait_ms=10_001)


async def test_using_it_before_it_runs_is_a_mistake(make_client: MakeClient) -> None:
    client = make_client()
    with pytest.raises(RuntimeError, match="async with"):
        client.subject("session", "s-1").add(SCROLL)
    await client.close()


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("ftp://x", "k"),
        ("http://user:pass@x", "k"),
        ("x", "k"),
        ("http://x?key=1", "k"),
        ("http://localhost:abc", "k"),
        ("http://localhost:65536", "k"),
        ("http://[::1", "k"),
        ("http://x", ""),
        ("http://x", "tt_secret\n"),
        ("http://x", "tt_secret é"),
    ],
)
def test_a_crooked_address_or_key_is_refused_without_showing_it(url: str, key: str) -> None:
    with pytest.raises(ValueError, match=r"url must be|api_key must be") as caught:
        telltale.AsyncClient(url, key)
    assert "secret" not in str(caught.value)


async def test_the_key_is_never_shown(
    gateway: Gateway, make_client: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with make_client(api_key="tt_very_secret", on_drop=None) as client:
        session = client.subject("session", "s-1")
        session.add(SCROLL)
        with pytest.raises(telltale.Unauthenticated) as caught:
            await session.verdict()
        shown = [repr(client), repr(session), str(client.stats()), str(caught.value), repr(caught.value), caplog.text]
    assert "dropped 1 events: refused 401 unauthenticated" in caplog.text
    assert not any("very_secret" in text for text in shown)
