"""The client without await: the same interface, from many threads, in the background, to the end of the program."""

import asyncio
import inspect
import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import telltale
from tests.unit.sdk.misbehaving import Answer, Gateway
from tests.unit.sdk.test_client import SCROLL, TRACK, VERDICT

FAST = telltale.Limits(linger_s=0.01, request_timeout_s=5.0)
STILL = telltale.Limits(linger_s=3_600.0, request_timeout_s=5.0)


def public(kind: type) -> dict[str, Any]:
    return {name: member for name, member in inspect.getmembers(kind, callable) if not name.startswith("_")}


@pytest.mark.parametrize(
    ("ours", "model"), [(telltale.Client, telltale.AsyncClient), (telltale.SyncSubject, telltale.Subject)]
)
def test_it_has_the_interface_of_the_asynchronous_one(ours: type, model: type) -> None:
    assert public(ours).keys() == public(model).keys()
    for name, member in public(model).items():
        mine, theirs = inspect.signature(public(ours)[name]), inspect.signature(member)
        assert list(mine.parameters.values()) == list(theirs.parameters.values()), name
        assert not inspect.iscoroutinefunction(public(ours)[name])


def test_it_is_made_as_the_asynchronous_one() -> None:
    assert inspect.signature(telltale.Client) == inspect.signature(telltale.AsyncClient)


async def test_it_sends_asks_and_closes(gateway: Gateway) -> None:
    receipts: list[telltale.Receipt] = []

    def use() -> telltale.Stats:
        with telltale.Client(gateway.url, "tt_good_key", limits=STILL, on_receipt=receipts.append) as client:
            session = client.subject("session", "s-1")
            assert session.add(SCROLL)
            assert session.add_track(TRACK)
            client.flush()
            [batch_id] = gateway.stored
            assert str(client.receipt(batch_id).batch_id) == batch_id
            assert session.verdict() is None
            session.add(SCROLL)
        assert session.add(SCROLL) is False
        return client.stats()

    stats = await asyncio.to_thread(use)
    assert (stats.added, stats.delivered, stats.buffered, stats.refused) == (4, 4, 0, 1)
    assert len(gateway.stored_events("s-1")) == 2
    assert {str(receipt.batch_id) for receipt in receipts} == set(gateway.stored)


async def test_the_verdict_comes_with_the_answer(gateway: Gateway) -> None:
    gateway.answer_with = lambda batch: {"batch_id": batch["batch_id"], "verdict": VERDICT}

    def use() -> telltale.Verdict | None:
        with telltale.Client(gateway.url, "tt_good_key", limits=STILL) as client:
            session = client.subject("session", "s-1")
            session.add(SCROLL)
            return session.verdict(wait_ms=250)

    verdict = await asyncio.to_thread(use)
    assert verdict is not None and verdict.action == "BLOCK"
    assert gateway.posts[0].target == "/v1/events?wait_ms=250"


@pytest.fixture
def restless() -> Iterator[None]:
    """Let threads take turns as often as they can."""
    before_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before_s)


@pytest.mark.usefixtures("restless")
async def test_many_threads_add_and_the_books_balance_at_every_moment(gateway: Gateway) -> None:
    threads, events = 8, 400
    limits = telltale.Limits(linger_s=0.001, max_batch_events=23, max_requests=3)
    odd: list[telltale.Stats] = []

    def add(client: telltale.Client, name: int) -> None:
        subject = client.subject("session", f"s-{name % 4}")
        for number in range(events):
            assert subject.add({"type": "scroll", "y": name * events + number})
            stats = client.stats()
            if stats.added != stats.delivered + stats.dropped + stats.unknown + stats.buffered:
                odd.append(stats)

    def use() -> telltale.Stats:
        with telltale.Client(gateway.url, "tt_good_key", limits=limits) as client:
            adding = [threading.Thread(target=add, args=(client, name)) for name in range(threads)]
            for one in adding:
                one.start()
            for one in adding:
                one.join()
        return client.stats()

    stats = await asyncio.to_thread(use)
    assert odd == []
    assert (stats.added, stats.delivered, stats.buffered) == (threads * events, threads * events, 0)
    stored = [event["y"] for name in range(4) for event in gateway.stored_events(f"s-{name}")]
    assert sorted(stored) == list(range(threads * events))
    for name in range(4):  # of one thread's events on one subject, the order is kept
        for half in (name, name + 4):
            mine = [y for y in (e["y"] for e in gateway.stored_events(f"s-{name}")) if y // events == half]
            assert mine == sorted(mine)
    assert gateway.overlaps == []


async def test_adding_does_not_wait_for_the_background(gateway: Gateway) -> None:
    """The background thread hangs in a callback; events are taken all the same."""
    hanging, go_on = threading.Event(), threading.Event()

    def hang(_: telltale.Receipt) -> None:
        hanging.set()
        assert go_on.wait(10)

    def use() -> telltale.Stats:
        with telltale.Client(gateway.url, "tt_good_key", limits=FAST, on_receipt=hang) as client:
            subject = client.subject("session", "s-1")
            subject.add(SCROLL)
            assert hanging.wait(10)
            for _ in range(500):
                assert subject.add(SCROLL)
            before = client.stats()
            go_on.set()
            client.flush()
        assert before.buffered == 500
        return client.stats()

    assert (await asyncio.to_thread(use)).delivered == 501


async def test_a_full_buffer_refuses_the_newest_and_says_so(gateway: Gateway) -> None:
    drops: list[telltale.Dropped] = []
    limits = telltale.Limits(linger_s=3_600, max_buffered_events=3)

    def use() -> list[bool]:
        with telltale.Client(gateway.url, "tt_good_key", limits=limits, on_drop=drops.append) as client:
            subject = client.subject("session", "s-1")
            return [subject.add(SCROLL) for _ in range(5)]

    assert await asyncio.to_thread(use) == [True, True, True, False, False]
    assert sum(drop.event_count for drop in drops if drop.reason == "buffer_full") == 2


async def test_errors_come_through(gateway: Gateway) -> None:
    def use() -> None:
        with telltale.Client(gateway.url, "tt_bad_key", limits=FAST, on_drop=lambda _: None) as client:
            with pytest.raises(telltale.Unauthenticated):
                client.receipt("x")
            with pytest.raises(ValueError, match="wait_ms"):
                client.subject("session", "s-1").verdict(wait_ms=0)
            with pytest.raises(ValueError, match="needs a type"):
                client.subject("session", "s-1").add({"y": 1})
        with pytest.raises(telltale.Unavailable, match="closed"):
            client.receipt("x")
        with pytest.raises(telltale.Unavailable, match="closed"):
            client.flush()

    await asyncio.to_thread(use)


def test_what_was_never_used_needs_no_thread() -> None:
    before = threading.active_count()
    client = telltale.Client("http://127.0.0.1:1", "tt_good_key")
    assert threading.active_count() == before
    client.close()
    assert client.subject("session", "s-1").add(SCROLL) is False
    with pytest.raises(telltale.Unavailable, match="closed"):
        client.flush()


async def test_closing_frees_who_waits(gateway: Gateway) -> None:
    gateway.always = "hang"
    limits = telltale.Limits(linger_s=3_600, close_timeout_s=0.1)
    caught: list[Exception] = []
    asked: list[Callable[[], object]] = []

    def wait(ask: Callable[[], object]) -> None:
        try:
            ask()
        except telltale.TelltaleError as error:
            caught.append(error)

    client = telltale.Client(gateway.url, "tt_good_key", limits=limits, on_drop=lambda _: None)
    subject = client.subject("session", "s-1")
    subject.add(SCROLL)
    asked += [subject.verdict, lambda: client.receipt("x"), lambda: client.session_status("x")]
    waiting = [threading.Thread(target=wait, args=(ask,)) for ask in asked]
    for one in waiting:
        one.start()
    await gateway.seen(3)
    await asyncio.to_thread(client.close)
    for one in waiting:
        await asyncio.to_thread(one.join, 5)
        assert not one.is_alive()
    assert [str(error) for error in caught] == ["the client was closed"] * 3


def test_closing_does_not_wait_for_a_host_name(monkeypatch: pytest.MonkeyPatch) -> None:
    looking, go_on = threading.Event(), threading.Event()

    def look_up(*_: object, **__: object) -> None:
        looking.set()
        go_on.wait(30)
        raise socket.gaierror("no such host")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    drops: list[telltale.Dropped] = []
    limits = telltale.Limits(linger_s=0, close_timeout_s=0.1)
    client = telltale.Client("http://slow.example", "tt_good_key", limits=limits, on_drop=drops.append)
    client.subject("session", "s-1").add(SCROLL)
    assert looking.wait(10)
    closing = threading.Thread(target=client.close)
    closing.start()
    try:
        closing.join(10)
        assert not closing.is_alive()
    finally:
        go_on.set()
        closing.join()
    assert sum(drop.event_count for drop in drops) == 1


async def test_a_callback_cannot_wait_for_its_own_thread(gateway: Gateway, caplog: pytest.LogCaptureFixture) -> None:
    def use() -> None:
        client = telltale.Client(gateway.url, "tt_good_key", limits=FAST, on_receipt=lambda _: client.flush())
        with client:
            client.subject("session", "s-1").add(SCROLL)

    await asyncio.to_thread(use)
    assert "hand the work to another thread" in caplog.text


async def script(text: str, gateway: Gateway) -> str:
    """Run a program of its own; it is told the gateway's port."""
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-W", "error", "-c", textwrap.dedent(text), gateway.url.rpartition(":")[2]],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


async def test_a_program_that_just_ends_has_sent_everything(gateway: Gateway) -> None:
    """Also when the host must be looked up and the body compressed, both of which need a thread."""
    await script(
        """
        import sys, telltale
        client = telltale.Client(f"http://localhost:{sys.argv[1]}", "tt_good_key")
        for number in range(100):
            client.subject("session", "s-1").add({"type": "scroll", "y": number})
        """,
        gateway,
    )
    assert [event["y"] for event in gateway.stored_events("s-1")] == list(range(100))
    assert gateway.posts[0].headers["content-encoding"] == "gzip"


async def test_a_program_that_ends_while_the_server_is_away_tells_what_was_lost(gateway: Gateway) -> None:
    # No try is under way when the program ends.
    gateway.always = Answer(503, {"code": "too_many_in_flight"}, {"retry-after": "9"})
    out = await script(
        """
        import sys, telltale
        limits = telltale.Limits(close_timeout_s=2)
        client = telltale.Client(f"http://127.0.0.1:{sys.argv[1]}", "tt_good_key", limits=limits, on_drop=print)
        client.subject("session", "s-1").add({"type": "scroll", "y": 1})
        """,
        gateway,
    )
    assert "reason='closed', event_count=1" in out


async def test_a_forked_process_takes_no_client_along_but_may_be_the_first_to_use_it(gateway: Gateway) -> None:
    out = await script(
        """
        import os, sys, telltale, warnings
        warnings.simplefilter("ignore")  # newer Pythons warn of any fork beside threads
        url = f"http://127.0.0.1:{sys.argv[1]}"
        used, unused = telltale.Client(url, "tt_good_key"), telltale.Client(url, "tt_good_key")
        used.subject("session", "parent").add({"type": "scroll", "y": 1})
        child = os.fork()
        if child == 0:
            try:
                used.subject("session", "child").add({"type": "scroll", "y": 1})
            except RuntimeError as error:
                print(error, flush=True)
            used.close()
            unused.subject("session", "child").add({"type": "scroll", "y": 2})
        else:
            assert os.waitpid(child, 0)[1] == 0
        """,
        gateway,
    )
    assert "make another one here" in out
    assert [event["y"] for event in gateway.stored_events("child")] == [2]
    assert [event["y"] for event in gateway.stored_events("parent")] == [1]
