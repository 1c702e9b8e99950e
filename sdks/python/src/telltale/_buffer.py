"""Events waiting to leave, cut into batches. Time is an argument; every method may be called from any thread."""

import functools
import hashlib
import itertools
import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Concatenate, Final, NamedTuple, ParamSpec, TypeVar
from uuid import UUID, uuid5

import msgspec
import uuid_utils.compat as uuid_utils

from telltale._models import MAX_EVENTS_PER_BATCH, MAX_TRACKS_PER_BATCH, Limits, Receipt

ENVELOPE_BYTES: Final = 512  # room for everything around the events of one batch
_READY_S: Final = 0.0

_Params = ParamSpec("_Params")
_Result = TypeVar("_Result")


class Key(NamedTuple):
    """What a batch is about."""

    domain: str
    subject_type: str
    subject_id: str


class Item(msgspec.Struct, frozen=True, gc=False):
    """One event or track, encoded. The garbage collector need not look at the many that wait."""

    json: bytes
    event_count: int
    is_track: bool


@dataclass(slots=True, eq=False)
class Batch:
    """Items of one subject that leave together.

    ``wait_ms`` above 0 asks for the verdict in the answer. ``uncertain`` is set once the server may have it.
    ``whole`` is the batch this one was first part of, None for that one itself; ``answers`` tells whether the fate of
    this part is told as that of the whole. A whole's ``mended`` counts how often bad items were taken out of it or its
    parts, and its ``outcome`` is what became of it. ``traceparent`` is the trace of who opened it.
    """

    key: Key
    opened_at_s: float
    batch_id: UUID = field(default_factory=uuid_utils.uuid7)
    items: list[Item] = field(default_factory=list)
    event_count: int = 0
    track_count: int = 0
    size_bytes: int = ENVELOPE_BYTES
    wait_ms: int = 0
    uncertain: bool = False
    whole: "Batch | None" = None
    answers: bool = True
    mended: int = 0
    outcome: Receipt | Exception | None = None
    traceparent: str | None = None

    @property
    def root(self) -> "Batch":
        """The batch this one is, or is part of."""
        return self.whole or self

    def append(self, item: Item) -> None:
        """Add one item."""
        self.items.append(item)
        self.event_count += item.event_count
        self.track_count += item.is_track
        self.size_bytes += len(item.json) + 1

    def parted(self, *parts: list[Item]) -> list["Batch"]:
        """Make a new batch of each part; the last one carries the wish for a verdict, and answers.

        The ids follow from this one's and the items: parted again in the same way, the server knows the parts.
        """
        batches = []
        for place, items in enumerate(parts):
            batch = Batch(
                self.key,
                self.opened_at_s,
                uuid5(self.batch_id, _digest(place, items)),
                whole=self.root,
                answers=False,
                traceparent=self.traceparent,
            )
            for item in items:
                batch.append(item)
            batches.append(batch)
        batches[-1].wait_ms, batches[-1].answers = self.wait_ms, self.answers
        return batches


def _digest(place: int, items: list[Item]) -> str:
    # The place tells apart two parts that hold the same.
    digest = hashlib.sha256(f"{place}\n".encode())
    for item in items:
        digest.update(b"%d %d\n%b" % (item.is_track, len(item.json), item.json))
    return digest.hexdigest()


@dataclass(slots=True)
class _Line:
    """One subject's batches, in order."""

    sealed: deque[Batch] = field(default_factory=deque)
    open: Batch | None = None
    under_way: Batch | None = None


def _locked(
    method: Callable[Concatenate["Buffer", _Params], _Result],
) -> Callable[Concatenate["Buffer", _Params], _Result]:
    @functools.wraps(method)
    def call(self: "Buffer", /, *args: _Params.args, **kwargs: _Params.kwargs) -> _Result:
        with self.lock:
            return method(self, *args, **kwargs)

    return call


class Buffer:
    """Bounded, ordered by subject, never two batches of one subject under way.

    What is over the bound is refused rather than pushing out the oldest: the caller hears of it at once, and what
    was taken in stays taken in.

    Parameters
    ----------
    limits
        When a batch is full, and what may wait.
    on_due
        Called, with the lock held, when something may leave sooner than `due_s` said before.
    trace
        Gives the trace of the caller as it opens a batch.

    Attributes
    ----------
    lock
        Held while anything changes; hold it to read several counts at one moment.
    """

    def __init__(
        self,
        limits: Limits,
        on_due: Callable[[], None] = lambda: None,
        trace: Callable[[], str | None] = lambda: None,
    ) -> None:
        self.lock = threading.RLock()
        self._limits = limits
        self._on_due = on_due
        self._trace = trace
        self._lines: dict[Key, _Line] = {}
        self._lingering: OrderedDict[Key, float] = OrderedDict()  # open batches, oldest first
        self._ready: deque[Key] = deque()  # subjects with a sealed batch and none under way
        self.outstanding: set[Batch] = set()  # sealed and not over
        self.event_count = 0
        self.size_bytes = 0
        self.added = 0
        self.refused = 0
        self.closed = False

    @_locked
    def close(self) -> None:
        """Take nothing more."""
        self.closed = True

    def add(self, key: Key, item: Item, now_s: float) -> bool:
        """Take in an item, or answer False when it would pass the bounds or nothing more is taken.

        Raises
        ------
        ValueError
            The item alone is too large for any batch.
        """
        # Every event comes through here: calls are spared where it costs no clarity.
        limits = self._limits
        count = item.event_count
        size = len(item.json) + 1
        if count > MAX_EVENTS_PER_BATCH or ENVELOPE_BYTES + size > limits.max_batch_bytes:
            raise ValueError("the item alone is larger than a batch may be: cut it")
        with self.lock:
            line = self._lines.get(key)
            batch = line.open if line is not None else None
            if batch is not None and (
                batch.event_count + count > limits.max_batch_events
                or batch.size_bytes + size > limits.max_batch_bytes
                or (item.is_track and batch.track_count >= MAX_TRACKS_PER_BATCH)
            ):
                batch = None
            room = size if batch is not None else size + ENVELOPE_BYTES
            # The caller's hook comes first: nothing is counted yet, should it fail.
            traceparent = self._trace() if batch is None else None
            if not self._take_in(count, room):
                return False
            if line is None:
                line = self._lines[key] = _Line()
            if batch is None:
                batch = self._open(line, Batch(key, now_s, traceparent=traceparent))
            batch.append(item)
            if batch.event_count >= limits.max_batch_events:
                self._seal(key, line)
            return True

    @_locked
    def add_batch(self, batch: Batch) -> bool:
        """Take in a whole batch, which leaves as it is, or answer False as `add` does.

        Raises
        ------
        ValueError
            It is larger than any server takes, or than this buffer.
        """
        if batch.event_count > MAX_EVENTS_PER_BATCH or batch.size_bytes > self._limits.max_buffered_bytes:
            raise ValueError("the batch is too large: cut it")
        if not self._take_in(batch.event_count, batch.size_bytes):
            return False
        line = self._lines.setdefault(batch.key, _Line())
        self._open(line, batch)
        self._seal(batch.key, line)
        return True

    @_locked
    def due_s(self) -> float | None:
        """Tell when the next batch may leave (0 is now), or None while nothing waits."""
        if self._ready:
            return _READY_S
        if not self._lingering:
            return None
        return next(iter(self._lingering.values())) + self._limits.linger_s

    @_locked
    def take(self, now_s: float) -> list[Batch]:
        """Take what shall leave in one request: at most one batch a subject, and alone what waits for a verdict."""
        for key in self._expired(now_s):
            self._seal(key, self._lines[key])
        taken: list[Batch] = []
        size = 0
        while self._ready and len(taken) < self._limits.max_request_batches:
            line = self._lines[self._ready[0]]
            batch = line.sealed[0]
            too_large = size + batch.size_bytes > self._limits.max_request_bytes
            if taken and (too_large or batch.wait_ms):
                break
            self._ready.popleft()
            line.sealed.popleft()
            line.under_way = batch
            taken.append(batch)
            size += batch.size_bytes
            if batch.wait_ms:
                break
        return taken

    @_locked
    def settle(self, event_count: int) -> None:
        """Free the room of events that were delivered or dropped."""
        self.event_count -= event_count

    @_locked
    def release(self, batch: Batch) -> None:
        """Free the room of a taken batch and let the subject's next one leave."""
        key = batch.key
        self.outstanding.discard(batch)
        self.size_bytes -= batch.size_bytes
        line = self._lines[key]
        line.under_way = None
        if line.sealed:
            self._make_ready(key, line)
        elif line.open is None:
            del self._lines[key]

    @_locked
    def seal_all(self) -> set[Batch]:
        """Let every open batch leave without lingering; give all batches that are not over."""
        for key in list(self._lingering):
            self._seal(key, self._lines[key])
        return set(self.outstanding)

    @_locked
    def ask_verdict(self, key: Key, wait_ms: int) -> Batch | None:
        """Let the subject's newest waiting batch ask for the verdict and leave; None when no batch waits."""
        line = self._lines.get(key)
        if line is None:
            return None
        if line.open:
            self._seal(key, line)
        if not line.sealed:
            return None
        batch = line.sealed[-1]
        batch.wait_ms = max(batch.wait_ms, wait_ms)
        if not line.under_way:
            self._ready.remove(key)
            self._ready.appendleft(key)  # somebody waits
        return batch

    @_locked
    def under_way(self, key: Key) -> Batch | None:
        """Give the subject's batch that was taken and is not released."""
        line = self._lines.get(key)
        return line.under_way if line is not None else None

    @_locked
    def take_rest(self) -> list[Batch]:
        """Take every batch that is not under way; these are over, there is nothing to release."""
        self.seal_all()
        rest = [batch for line in self._lines.values() for batch in line.sealed]
        self._ready.clear()
        for line in self._lines.values():
            line.sealed.clear()
        self._lines = {key: line for key, line in self._lines.items() if line.under_way}
        self.outstanding.difference_update(rest)
        self.size_bytes -= sum(batch.size_bytes for batch in rest)
        return rest

    def _expired(self, now_s: float) -> list[Key]:
        start_s = now_s - self._limits.linger_s
        return [key for key, _ in itertools.takewhile(lambda entry: entry[1] <= start_s, self._lingering.items())]

    def _take_in(self, event_count: int, size_bytes: int) -> bool:
        """Count what is to come in, or refuse it for want of room."""
        limits = self._limits
        event_sum, byte_sum = self.event_count + event_count, self.size_bytes + size_bytes
        if self.closed or event_sum > limits.max_buffered_events or byte_sum > limits.max_buffered_bytes:
            self.refused += event_count
            return False
        self.added += event_count
        self.event_count, self.size_bytes = event_sum, byte_sum
        return True

    def _open(self, line: _Line, batch: Batch) -> Batch:
        if line.open:
            self._seal(batch.key, line)
        line.open = batch
        self._lingering[batch.key] = batch.opened_at_s
        if len(self._lingering) == 1:
            self._on_due()
        return batch

    def _seal(self, key: Key, line: _Line) -> None:
        assert line.open is not None
        del self._lingering[key]
        self.outstanding.add(line.open)
        line.sealed.append(line.open)
        line.open = None
        if not line.under_way and len(line.sealed) == 1:
            self._make_ready(key, line)

    def _make_ready(self, key: Key, line: _Line) -> None:
        if any(batch.wait_ms for batch in line.sealed):
            self._ready.appendleft(key)
        else:
            self._ready.append(key)
        self._on_due()
