"""The client against servers and networks that fail: what is tried again, how, and what the caller hears."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

import telltale
from tests.unit.sdk.conftest import FakeTime, MakeClient
from tests.unit.sdk.misbehaving import Answer, Fault, Gateway

SCROLL = {"type": "scroll", "y": 1}
BAD = {"type": "bad"}


def ids_of_posts(gateway: Gateway) -> list[list[str]]:
    return [[batch["batch_id"] for batch in seen.batches] for seen in gateway.posts]


def add_one(client: telltale.AsyncClient, subject_id: str = "s-1") -> None:
    assert client.subject("session", subject_id).add(SCROLL)


@pytest.mark.parametrize(
    "fault",
    [
        Answer(503, {"code": "broker_unavailable"}),
        Answer(503, {"code": "too_many_in_flight"}),
        Answer(503, {"code": "too_many_connections"}, {"retry-after": "1"}),
        Answer(500),
        Answer(502, {}, {"content-type": "text/html"}),
        Answer(429, {}, {"retry-after": "2"}),
        Answer(408, {"code": "body_timeout"}),
        "reset before reading",
        "reset after storing",
        "cut the answer",
    ],
)
async def test_a_passing_fault_is_tried_again_with_the_same_ids(
    fault: Answer | Fault, gateway: Gateway, make_client: MakeClient, drops: list[telltale.Dropped]
) -> None:
    gateway.script.extend([fault, fault])
    async with make_client() as client:
        add_one(client)
        await client.flush()
        stats = client.stats()
    first, second, third = ids_of_posts(gateway)
    assert first == second == third
    assert len(gateway.stored_events("s-1")) == 1
    assert (stats.delivered, stats.retries, stats.requests, drops) == (1, 2, 3, [])


async def test_retry_after_is_honoured_and_each_try_tells_the_time_anew(
    gateway: Gateway, make_client: MakeClient, fake_time: FakeTime
) -> None:
    gateway.script.append(Answer(503, {"code": "broker_unavailable"}, {"retry-after": "7"}))
    async with make_client() as client:
        add_one(client)
        await client.flush()
    (pause_s,) = fake_time.pauses_s
    assert 7 <= pause_s < 8
    first, second = [seen.batches[0]["sent_at"] for seen in gateway.posts]
    assert first < second


async def test_pauses_grow_with_jitter_until_the_deadline(
    gateway: Gateway, make_client: MakeClient, fake_time: FakeTime, drops: list[telltale.Dropped]
) -> None:
    gateway.always = Answer(503, {"code": "too_many_in_flight"})
    async with make_client(limits={"deadline_s": 60, "max_backoff_s": 8}) as client:
        add_one(client)
        await client.flush()
        stats = client.stats()
    assert all(pause_s <= min(8, 0.2 * 2**number) for number, pause_s in enumerate(fake_time.pauses_s))
    assert len(set(fake_time.pauses_s)) == len(fake_time.pauses_s) > 6
    assert sum(fake_time.pauses_s) < 60
    (dropped,) = drops
    assert (dropped.reason, dropped.event_count) == ("unavailable", 1)
    assert [str(batch_id) for batch_id in dropped.batch_ids] == ids_of_posts(gateway)[0]
    assert (stats.dropped, stats.unknown, stats.buffered) == (1, 0, 0)


async def test_a_longer_retry_after_than_the_deadline_gives_up_at_once(
    gateway: Gateway, make_client: MakeClient, fake_time: FakeTime, drops: list[telltale.Dropped]
) -> None:
    gateway.always = Answer(429, {}, {"retry-after": "3600"})
    async with make_client(limits={"deadline_s": 60}) as client:
        add_one(client)
        await client.flush()
    assert (len(gateway.posts), fake_time.pauses_s, drops[0].reason) == (1, [], "unavailable")


@pytest.mark.parametrize(
    ("last", "reason"),
    [("reset after storing", "unknown"), (Answer(503, {"code": "broker_unavailable"}), "unknown")],
)
async def test_an_unknown_fate_is_called_unknown(
    last: Answer | Fault, reason: str, gateway: Gateway, make_client: MakeClient, drops: list[telltale.Dropped]
) -> None:
    """Once the server may have it, a later clear refusal does not make it lost."""
    gateway.script.append(last)
    gateway.always = Answer(503, {"code": "too_many_in_flight"})
    async with make_client(limits={"deadline_s": 20}) as client:
        session = client.subject("session", "s-1")
        session.add(SCROLL)
        with pytest.raises(telltale.Unavailable):
            await session.verdict()
        stats = client.stats()
    assert [dropped.reason for dropped in drops] == [reason]
    assert (stats.unknown, stats.dropped, stats.buffered) == (1, 0, 0)


async def test_a_server_that_never_answers_is_tried_again_then_unknown(
    gateway: Gateway, make_client: MakeClient, fake_time: FakeTime, drops: list[telltale.Dropped]
) -> None:
    gateway.script.append("hang after storing")
    gateway.always = "hang"
    async with make_client(limits={"request_timeout_s": 0.05, "deadline_s": 0.3}) as client:
        add_one(client)
        await client.flush()
    assert {tuple(ids) for ids in ids_of_posts(gateway)} == {tuple(gateway.stored)}
    assert [dropped.reason for dropped in drops] == ["unknown"]


async def test_nobody_listening_is_not_an_unknown_fate(
    gateway: Gateway, drops: list[telltale.Dropped], fake_time: FakeTime
) -> None:
    limits = telltale.Limits(linger_s=3_600, deadline_s=5)
    client = telltale.AsyncClient(
        "http://127.0.0.1:1", "tt_good_key", limits=limits, on_drop=drops.append, clocks=fake_time.clocks()
    )
    async with client:
        add_one(client)
        await client.flush()
        with pytest.raises(telltale.Unavailable, match="no connection"):
            await client.receipt("x")
    assert [dropped.reason for dropped in drops] == ["unavailable"]


@pytest.fixture
def deaf_url() -> Iterator[str]:
    """A server that takes no connection: those in its queue are never answered, more do not come in."""
    with ExitStack() as open_sockets:
        listener = open_sockets.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        while True:
            filler = open_sockets.enter_context(socket.socket())
            filler.settimeout(0.2)
            try:
                filler.connect(listener.getsockname())
            except TimeoutError:
                break
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


async def test_a_server_that_takes_no_connection_surely_has_nothing(
    deaf_url: str, drops: list[telltale.Dropped], fake_time: FakeTime
) -> None:
    limits = telltale.Limits(linger_s=3_600, request_timeout_s=0.5, deadline_s=0)
    client = telltale.AsyncClient(
        deaf_url, "tt_good_key", limits=limits, on_drop=drops.append, clocks=fake_time.clocks()
    )
    async with client:
        add_one(client)
        await client.flush()
    assert [dropped.reason for dropped in drops] == ["unavailable"]


async def test_a_refusal_is_never_tried_again(
    gateway: Gateway, make_client: MakeClient, drops: list[telltale.Dropped]
) -> None:
    gateway.always = Answer(400, {"code": "malformed_body", "status": 400, "detail": "no JSON"})
    async with make_client() as client:
        session = client.subject("session", "s-1")
        session.add(SCROLL)
        with pytest.raises(telltale.Refused, match="no JSON"):
            await session.verdict()
    (dropped,) = drops
    assert dropped.reason == "refused"
    assert dropped.problem is not None
    assert (dropped.problem.code, len(gateway.posts)) == ("malformed_body", 1)


@pytest.mark.parametrize("names_bad_items", [True, False])
async def test_one_bad_batch_in_a_request_does_not_take_the_others_along(
    names_bad_items: bool, gateway: Gateway, make_client: MakeClient, drops: list[telltale.Dropped]
) -> None:
    gateway.names_bad_items = names_bad_items
    async with make_client() as client:
        for number in range(9):
            client.subject("session", f"s-{number}").add(BAD if number == 4 else SCROLL)
        await client.flush()
        stats = client.stats()
    assert {batch["subject"]["id"] for batch in gateway.stored.values()} == {f"s-{n}" for n in range(9) if n != 4}
    assert (stats.delivered, stats.dropped, stats.buffered) == (8, 1, 0)
    assert [(dropped.reason, dropped.event_count) for dropped in drops] == [("refused", 1)]


async def test_one_bad_event_does_not_take_its_batch_along(
    gateway: Gateway, make_client: MakeClient, drops: list[telltale.Dropped]
) -> None:
    async with make_client() as client:
        session = client.subject("session", "s-1")
        for number in range(10):
            session.add(BAD if number in {2, 5} else {"type": "scroll", "y": number})
        await session.verdict()
        stats = client.stats()
    assert [event["y"] for event in gateway.stored_events("s-1")] == [0, 1, 3, 4, 6, 7, 8, 9]
    assert (stats.delivered, stats.dropped, len(drops)) == (8, 2, 2)


async def test_many_bad_events_do_not_take_their_batch_along(
    gateway: Gateway, make_client: MakeClient, drops: list[telltale.Dropped]
) -> None:
    bad = {3, 40, 41, 77, 78, 79, 200, 351}
    async with make_client() as client:
        session = client.subject("session", "s-1")
        for number in range(400):
            session.add(BAD if number in bad else {"type": "scroll", "y": number})
        await client.flush()
        stats = client.stats()
    assert [event["y"] for event in gateway.stored_events("s-1")] == [n for n in range(400) if n not in bad]
    assert (stats.delivered, stats.dropped, stats.buffered) == (392, 8, 0)
    assert {dropped.reason for dropped in drops} == {"refused"}


async def test_too_large_is_cut_until_it_fits(
    gateway: Gateway, make_client: MakeClient, drops: list[telltale.Dropped]
) -> None:
    gateway.max_body_bytes = 2_000
    async with make_client() as client:
        for number in range(100):
            client.subject("session", f"s-{number % 3}").add({"type": "scroll", "y": number})
        client.subject("session", "s-0").add({"type": "scroll", "y": "x" * 3_000})
        await client.flush()
        stats = client.stats()
    for rest in range(3):
        assert [event["y"] for event in gateway.stored_events(f"s-{rest}")] == list(range(rest, 100, 3))
    assert (stats.delivered, stats.dropped, stats.buffered) == (100, 1, 0)
    assert [dropped.problem and dropped.problem.code for dropped in drops] == ["body_too_large"]


async def test_a_full_buffer_refuses_the_newest_and_says_so(
    gateway: Gateway, make_client: MakeClient, drops: list[telltale.Dropped]
) -> None:
    async with make_client(limits={"max_buffered_events": 3}) as client:
        session = client.subject("session", "s-1")
        taken = [session.add({"type": "scroll", "y": number}) for number in range(5)]
        await client.flush()
        assert session.add(SCROLL)
    assert taken == [True, True, True, False, False]
    assert [(dropped.reason, dropped.event_count) for dropped in drops] == [("buffer_full", 2)]
    assert client.stats().refused == 2


async def test_closing_reports_what_could_not_leave(
    gateway: Gateway, make_client: MakeClient, drops: list[telltale.Dropped]
) -> None:
    """One batch is under way and unanswered, one waits behind it, one lingers."""
    gateway.always = "hang"
    async with make_client(limits={"close_timeout_s": 0.1, "max_batch_events": 1, "max_requests": 1}) as client:
        add_one(client)
        await gateway.seen(1)
        add_one(client)
        add_one(client, "s-2")
        waiting = asyncio.create_task(client.subject("session", "s-1").verdict())
    with pytest.raises(telltale.Unavailable, match="closed"):
        await waiting
    stats = client.stats()
    assert {dropped.reason: dropped.event_count for dropped in drops} == {"unknown": 1, "closed": 2}
    assert (stats.unknown, stats.dropped, stats.buffered) == (1, 2, 0)
    await client.close()


async def test_closing_frees_who_waits_for_a_flush(gateway: Gateway, make_client: MakeClient) -> None:
    """One batch is under way and unanswered, and one waits behind it, when the client gives up."""
    gateway.always = "hang"
    async with make_client(limits={"close_timeout_s": 0.1, "max_batch_events": 1, "max_requests": 1}) as client:
        add_one(client)
        await gateway.seen(1)
        add_one(client)
        flushing = asyncio.create_task(client.flush())
    async with asyncio.timeout(5):
        await flushing
    assert client.stats().buffered == 0


@pytest.mark.parametrize(
    "more",
    [
        {"on_drop": lambda dropped: 1 / 0},
        {"on_receipt": lambda receipt: 1 / 0},
        {"traceparent": lambda: 1 / 0},
        {"traceparent": lambda: "a\nb"},
        {"traceparent": lambda: b"00"},
    ],
)
async def test_a_callers_broken_hook_stops_nothing(
    more: dict[str, Callable[..., Any]], gateway: Gateway, make_client: MakeClient
) -> None:
    async with make_client(limits={"deadline_s": 1}, **more) as client:
        for event in (SCROLL, BAD):
            client.subject("session", "s-1").add(event)
            await client.flush()
        stats = client.stats()
    assert stats.buffered == 0
    assert stats.delivered + stats.dropped + stats.unknown == 2


async def test_the_books_balance_through_every_fault(
    gateway: Gateway, make_client: MakeClient, drops: list[telltale.Dropped]
) -> None:
    faults: list[Answer | Fault] = [
        Answer(503, {"code": "broker_unavailable"}, store=True),
        "reset before reading",
        "reset after storing",
        "cut the answer",
        Answer(429),
    ]
    gateway.max_body_bytes = 3_000
    async with make_client(limits={"max_batch_events": 20, "max_requests": 3}) as client:
        for number in range(600):
            event = BAD if number % 97 == 0 else {"type": "scroll", "y": number}
            client.subject("session", f"s-{number % 7}").add(event)
            if number % 10 == 0:
                gateway.script.append(faults[number // 10 % len(faults)])
                await asyncio.sleep(0)
        await client.flush()
        stats = client.stats()
    stored = [event["y"] for name in range(7) for event in gateway.stored_events(f"s-{name}")]
    assert len(stored) == len(set(stored)) == stats.delivered
    assert stats.added == stats.delivered + stats.dropped + stats.unknown == 600
    assert sum(dropped.event_count for dropped in drops) == stats.dropped + stats.unknown
    assert gateway.overlaps == []
