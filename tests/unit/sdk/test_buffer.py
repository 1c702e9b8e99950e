"""Nothing is lost, doubled or reordered between queue and requests, and the bounds hold."""

import subprocess
import sys
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from telltale._buffer import ENVELOPE_BYTES, Batch, Buffer, Item, Key
from telltale._models import Limits

LIMITS = Limits(
    linger_s=1.0,
    max_batch_events=5,
    max_batch_bytes=ENVELOPE_BYTES + 60,
    max_request_batches=3,
    max_request_bytes=3 * ENVELOPE_BYTES,
    max_buffered_events=40,
    max_buffered_bytes=12 * ENVELOPE_BYTES,
)
KEYS = [Key("behavior", "session", name) for name in "abcde"]


def item(text: str = "e", events: int = 1, track: bool = False) -> Item:
    return Item(text.encode(), events, track)


def test_a_full_batch_is_due_at_once_and_a_lone_event_after_the_linger() -> None:
    buffer = Buffer(LIMITS)
    buffer.add(KEYS[0], item(), now_s=10.0)
    assert (buffer.due_s(), buffer.take(10.9)) == (11.0, [])
    for _ in range(4):
        buffer.add(KEYS[0], item(), now_s=10.5)
    assert buffer.due_s() == 0.0
    (batch,) = buffer.take(10.5)
    assert batch.event_count == 5


def test_a_subjects_next_batch_waits_for_the_one_under_way() -> None:
    buffer = Buffer(LIMITS)
    for number in range(10):
        buffer.add(KEYS[0], item(str(number)), now_s=0.0)
    (first,) = buffer.take(0.0)
    assert buffer.take(100.0) == []
    buffer.release(first)
    (second,) = buffer.take(0.0)
    assert [one.json for one in (*first.items, *second.items)] == [b"%d" % number for number in range(10)]


def test_subjects_share_a_request_up_to_its_limits() -> None:
    buffer = Buffer(LIMITS)
    for key in KEYS:
        buffer.add(key, item(), now_s=0.0)
    sizes = [len(buffer.take(5.0)) for _ in range(4)]
    assert sizes == [2, 2, 1, 0]  # a third would pass max_request_bytes


def test_who_waits_for_a_verdict_goes_first_and_alone() -> None:
    buffer = Buffer(LIMITS)
    for key in KEYS[:3]:
        buffer.add(key, item(), now_s=0.0)
    buffer.seal_all()
    waiting = buffer.ask_verdict(KEYS[2], 500)
    assert buffer.take(0.0) == [waiting]
    assert len(buffer.take(0.0)) == 2


def test_no_verdict_is_asked_for_a_subject_without_waiting_events() -> None:
    buffer = Buffer(LIMITS)
    assert buffer.ask_verdict(KEYS[0], 500) is None
    buffer.add(KEYS[0], item(), now_s=0.0)
    buffer.take(9.0)
    assert buffer.ask_verdict(KEYS[0], 500) is None


def test_the_newest_is_refused_when_the_buffer_is_full() -> None:
    buffer = Buffer(Limits(max_buffered_events=2))
    assert [buffer.add(KEYS[0], item(text), 0.0) for text in "abc"] == [True, True, False]
    buffer.seal_all()
    (batch,) = buffer.take(0.0)
    assert [one.json for one in batch.items] == [b"a", b"b"]


def test_what_can_never_be_sent_is_an_error_of_the_caller() -> None:
    with pytest.raises(ValueError, match="larger than a batch"):
        Buffer(LIMITS).add(KEYS[0], item("x" * 61), 0.0)
    with pytest.raises(ValueError, match="larger than a batch"):
        Buffer(Limits()).add(KEYS[0], item("x", events=10_001, track=True), 0.0)


def test_a_whole_batch_keeps_its_id_and_its_place_behind_what_was_added_before() -> None:
    buffer = Buffer(LIMITS)
    buffer.add(KEYS[0], item("first"), 0.0)
    whole = Batch(KEYS[0], 0.0)
    whole.append(item("second"))
    assert buffer.add_batch(whole)
    buffer.add(KEYS[0], item("third"), 0.0)
    (first,) = buffer.take(0.0)
    buffer.release(first)
    assert buffer.take(0.0) == [whole]
    assert [one.json for one in first.items] == [b"first"]
    assert buffer.event_count == 3


def test_a_batch_that_no_server_takes_is_an_error_of_the_caller() -> None:
    whole = Batch(KEYS[0], 0.0)
    whole.append(item("x", events=10_001, track=True))
    with pytest.raises(ValueError, match="too large"):
        Buffer(LIMITS).add_batch(whole)


def test_a_closed_buffer_takes_nothing_more_and_counts_it() -> None:
    buffer = Buffer(LIMITS)
    buffer.add(KEYS[0], item(), 0.0)
    buffer.close()
    assert not buffer.add(KEYS[0], item(events=3, track=True), 0.0)
    assert (buffer.added, buffer.refused, len(buffer.take_rest())) == (1, 3, 1)


def test_who_sends_is_woken_when_something_may_leave_sooner() -> None:
    woken: list[float | None] = []
    buffer = Buffer(LIMITS, on_due=lambda: woken.append(buffer.due_s()))
    buffer.add(KEYS[0], item(), 1.0)
    buffer.add(KEYS[0], item(), 1.1)
    buffer.add(KEYS[1], item(), 1.2)
    assert woken == [2.0]  # when the first batch has lingered; what came later changes nothing
    buffer.add(KEYS[1], item(events=4, track=True), 1.3)
    assert woken == [2.0, 0.0]


def test_while_one_thread_changes_something_no_other_can() -> None:
    """The hooks are called in the midst of a change: another thread finds the buffer locked."""
    free: list[bool] = []

    def look() -> None:
        with ThreadPoolExecutor(1) as another:
            free.append(another.submit(buffer.lock.acquire, blocking=False).result())

    buffer = Buffer(LIMITS, on_due=look, trace=look)
    buffer.add(KEYS[0], item(), 0.0)
    assert free == [False, False]
    buffer.seal_all()
    whole = Batch(KEYS[1], 0.0)
    whole.append(item())
    buffer.add_batch(whole)
    first, *_ = buffer.take(0.0)
    buffer.add(KEYS[0], item(events=5, track=True), 0.0)
    told = len(free)
    buffer.release(first)
    assert len(free) > told
    assert not any(free)


def test_a_callers_hook_that_fails_leaves_nothing_half_counted() -> None:
    buffer = Buffer(LIMITS, trace=lambda: str(1 / 0))
    with pytest.raises(ZeroDivisionError):
        buffer.add(KEYS[0], item(), 0.0)
    assert (buffer.added, buffer.event_count, buffer.size_bytes, buffer.due_s()) == (0, 0, 0, None)


def test_forked_processes_give_ids_of_their_own() -> None:
    """Servers fork their workers when the client, and what makes its ids, is long imported."""
    program = """
import os
from telltale._buffer import Batch, Key
def make():
    os.write(1, b"%d\\n" % Batch(Key("behavior", "session", "s-1"), 0.0).batch_id.int)
make()
children = []
for _ in range(20):
    child = os.fork()
    if not child:
        make()
        os._exit(0)
    children.append(child)
assert not any(os.waitpid(child, 0)[1] for child in children)
"""
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, timeout=30)
    ids = done.stdout.split()
    assert len(ids) == len(set(ids)) == 21


def test_no_batch_has_more_tracks_than_the_server_takes() -> None:
    buffer = Buffer(Limits(max_batch_events=10_000))
    for _ in range(1_001):
        buffer.add(KEYS[0], item("t", track=True), 0.0)
    (batch,) = buffer.take(0.0)
    assert batch.track_count == 1_000


class BufferMachine(RuleBasedStateMachine):
    """Adds, requests, answers and questions in any order."""

    under_way = Bundle("under_way")

    def __init__(self) -> None:
        super().__init__()
        self.buffer = Buffer(LIMITS)
        self.now_s = 0.0
        self.added: dict[Key, list[bytes]] = defaultdict(list)
        self.left: dict[Key, list[bytes]] = defaultdict(list)
        self.taken: list[Batch] = []
        self.ids: set[object] = set()
        self.number = 0

    @rule(key=st.sampled_from(KEYS), events=st.integers(1, 4), pad=st.integers(0, 40), track=st.booleans())
    def add(self, key: Key, events: int, pad: int, track: bool) -> None:
        self.number += 1
        text = f"{self.number:06d}" + "x" * pad
        if self.buffer.add(key, item(text, events, track), self.now_s):
            self.added[key].append(text.encode())

    @rule(key=st.sampled_from(KEYS), count=st.integers(1, 5))
    def add_batch(self, key: Key, count: int) -> None:
        batch = Batch(key, self.now_s)
        for _ in range(count):
            self.number += 1
            batch.append(item(f"{self.number:06d}"))
        if self.buffer.add_batch(batch):
            self.added[key] += [one.json for one in batch.items]

    @rule(seconds=st.floats(0, 2))
    def wait(self, seconds: float) -> None:
        self.now_s += seconds

    @rule()
    def take(self) -> None:
        batches = self.buffer.take(self.now_s)
        assert len(batches) <= LIMITS.max_request_batches
        assert len(batches) == 1 or sum(batch.size_bytes for batch in batches) <= LIMITS.max_request_bytes
        for batch in batches:
            assert batch.key not in {other.key for other in self.taken}
            assert batch.batch_id not in self.ids
            assert batch.size_bytes <= LIMITS.max_batch_bytes
            assert batch.event_count <= LIMITS.max_batch_events
            self.ids.add(batch.batch_id)
            self.left[batch.key] += [one.json for one in batch.items]
            self.taken.append(batch)

    @rule(choose=st.randoms(use_true_random=False))
    def release(self, choose: object) -> None:
        if self.taken:
            batch = self.taken.pop(choose.randrange(len(self.taken)))  # type: ignore[attr-defined]
            self.buffer.settle(batch.event_count)
            self.buffer.release(batch)

    @rule(key=st.sampled_from(KEYS))
    def ask(self, key: Key) -> None:
        self.buffer.ask_verdict(key, 100)

    @rule()
    def seal_all(self) -> None:
        self.buffer.seal_all()

    @invariant()
    def bounds_hold(self) -> None:
        assert 0 <= self.buffer.event_count <= LIMITS.max_buffered_events
        assert 0 <= self.buffer.size_bytes <= LIMITS.max_buffered_bytes

    @invariant()
    def each_subject_keeps_its_order(self) -> None:
        for key, left in self.left.items():
            assert left == self.added[key][: len(left)]

    def teardown(self) -> None:
        while self.buffer.event_count:
            self.buffer.seal_all()
            self.take()
            assert self.taken, "events are left but nothing leaves"
            self.release(_First())
        assert dict(self.left) == {key: texts for key, texts in self.added.items() if texts}
        assert self.buffer.size_bytes == 0
        assert (self.buffer.outstanding, self.buffer.due_s(), self.buffer._lines) == (set(), None, {})


class _First:
    def randrange(self, count: int) -> int:
        return 0


BufferMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestBuffer = BufferMachine.TestCase
