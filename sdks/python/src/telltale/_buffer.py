"""Events waiting to leave, cut into batches. Pure: time is an argument."""

import itertools
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import Final, NamedTuple
from uuid import UUID

import uuid_utils.compat as uuid_utils

from telltale._models import MAX_EVENTS_PER_BATCH, MAX_TRACKS_PER_BATCH, Limits

ENVELOPE_BYTES: Final = 512  # room for everything around the events of one batch
_READY_S: Final = 0.0


class Key(NamedTuple):
    """What a batch is about."""

    domain: str
    subject_type: str
    subject_id: str


class Item(NamedTuple):
    """One event or track, encoded."""

    json: bytes
    event_count: int
    is_track: bool


@dataclass(slots=True, eq=False)
class Batch:
    """Items of one subject that leave together.

    ``wait_ms`` above 0 asks for the verdict in the answer. ``uncertain`` is set once the server may have it.
    ``origin`` is the id of the batch this one was first part of; ``mended`` counts how often bad items were taken out.
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
    origin: UUID | None = None
    mended: int = 0

    @property
    def root_id(self) -> UUID:
        """The id of the batch this one is, or is part of."""
        return self.origin or self.batch_id

    def append(self, item: Item) -> None:
        """Add one item."""
        self.items.append(item)
        self.event_count += item.event_count
        self.track_count += item.is_track
        self.size_bytes += len(item.json) + 1

    def parted(self, *parts: list[Item]) -> list["Batch"]:
        """Make a new batch of each part; the last one carries the wish for a verdict."""
        batches = []
        for items in parts:
            batch = Batch(self.key, self.opened_at_s, origin=self.root_id)
            for item in items:
                batch.append(item)
            batches.append(batch)
        batches[-1].wait_ms = self.wait_ms
        return batches


@dataclass(slots=True)
class _Line:
    """One subject's batches, in order."""

    sealed: deque[Batch] = field(default_factory=deque)
    open: Batch | None = None
    under_way: bool = False


class Buffer:
    """Bounded, ordered by subject, never two batches of one subject under way.

    What is over the bound is refused rather than pushing out the oldest: the caller hears of it at once, and what
    was taken in stays taken in.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._lines: dict[Key, _Line] = {}
        self._lingering: OrderedDict[Key, float] = OrderedDict()  # open batches, oldest first
        self._ready: deque[Key] = deque()  # subjects with a sealed batch and none under way
        self.outstanding: set[Batch] = set()  # sealed and not over
        self.event_count = 0
        self.size_bytes = 0

    def add(self, key: Key, item: Item, now_s: float) -> bool:
        """Take in an item, or answer False when it would pass the bounds.

        Raises
        ------
        ValueError
            The item alone is too large for any batch.
        """
        limits = self._limits
        size = len(item.json) + 1
        if item.event_count > MAX_EVENTS_PER_BATCH or ENVELOPE_BYTES + size > limits.max_batch_bytes:
            raise ValueError("the item alone is larger than a batch may be: cut it")
        line = self._lines.get(key)
        joins = line is not None and line.open is not None and self._fits(line.open, item)
        room = size if joins else size + ENVELOPE_BYTES
        if (
            self.event_count + item.event_count > limits.max_buffered_events
            or self.size_bytes + room > limits.max_buffered_bytes
        ):
            return False
        line = line or self._lines.setdefault(key, _Line())
        batch = line.open if joins and line.open else self._open(key, line, now_s)
        batch.append(item)
        self.event_count += item.event_count
        self.size_bytes += room
        if batch.event_count >= limits.max_batch_events:
            self._seal(key, line)
        return True

    def due_s(self) -> float | None:
        """Tell when the next batch may leave (0 is now), or None while nothing waits."""
        if self._ready:
            return _READY_S
        if not self._lingering:
            return None
        return next(iter(self._lingering.values())) + self._limits.linger_s

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
            line.under_way = True
            taken.append(batch)
            size += batch.size_bytes
            if batch.wait_ms:
                break
        return taken

    def settle(self, event_count: int) -> None:
        """Free the room of events that were delivered or dropped."""
        self.event_count -= event_count

    def release(self, batch: Batch) -> None:
        """Free the room of a taken batch and let the subject's next one leave."""
        key = batch.key
        self.outstanding.discard(batch)
        self.size_bytes -= batch.size_bytes
        line = self._lines[key]
        line.under_way = False
        if line.sealed:
            self._make_ready(key, line)
        elif line.open is None:
            del self._lines[key]

    def seal_all(self) -> None:
        """Let every open batch leave without lingering."""
        for key in list(self._lingering):
            self._seal(key, self._lines[key])

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

    def is_under_way(self, key: Key) -> bool:
        """Tell whether a batch of the subject was taken and is not released."""
        line = self._lines.get(key)
        return line is not None and line.under_way

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

    def _fits(self, batch: Batch, item: Item) -> bool:
        return (
            batch.event_count + item.event_count <= self._limits.max_batch_events
            and batch.size_bytes + len(item.json) + 1 <= self._limits.max_batch_bytes
            and batch.track_count + item.is_track <= MAX_TRACKS_PER_BATCH
        )

    def _open(self, key: Key, line: _Line, now_s: float) -> Batch:
        if line.open:
            self._seal(key, line)
        line.open = Batch(key, now_s)
        self._lingering[key] = now_s
        return line.open

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
