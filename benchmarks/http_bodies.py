"""Request bodies that cost next to nothing: made anew twenty times a second, ids patched in for each request."""

import random
import uuid
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

Kind = Literal["objects", "track", "tiny"]
_STEP_MS: Final = 8  # a common mouse reports 125 times a second
_GZIP_WBITS: Final = 31


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What one request carries.

    Parameters
    ----------
    kind
        ``objects``: 50 events, 5.7 KB; ``track``: one pointer path of ``samples``; ``tiny``: one event.
    samples
        Length of a track.
    batches
        Batches of a request, each of another subject; more than one makes a JSON array.
    subjects
        How many sessions take turns. Each sends again after all others have: give enough that a session's batches
        do not overlap in time (8 ms an event).
    gzip
        Whether bodies are compressed.
    """

    kind: Kind = "objects"
    samples: int = 500
    batches: int = 1
    subjects: int = 10_000
    gzip: bool = False

    @property
    def events(self) -> int:
        """Events and samples of one request."""
        return {"objects": 50, "track": self.samples, "tiny": 1}[self.kind] * self.batches


class Bodies:
    """Gives bodies one after another; every batch has an id of its own and the next subject.

    Parameters
    ----------
    shape
        What they carry.
    seed
        Of the pointer's way.
    """

    def __init__(self, shape: Shape, seed: int = 1) -> None:
        self._shape = shape
        self._random = random.Random(seed)
        run = uuid.UUID(int=self._random.getrandbits(48) << 80 | uuid.uuid4().int >> 48, version=4)
        self._batch_prefix = str(run)[:24].encode()
        self._subjects = [b"load-%s-%06d" % (str(run)[:8].encode(), index) for index in range(shape.subjects)]
        self._count = 0
        self.length = 0  # of a plain body; the same until the next `renew`
        self._tail = b""

    def renew(self, now: datetime) -> None:
        """Let the events of the bodies to come end at ``now``."""
        content = {"objects": self._objects, "track": self._track, "tiny": self._tiny}[self._shape.kind](now)
        self._tail = b'"},"sent_at":"%s",%s}' % (_text(now).encode(), content.encode())
        one = len(b"".join(self._batch()))
        self._count -= 1
        batches = self._shape.batches
        self.length = one if batches == 1 else one * batches + batches + 1

    def next(self) -> bytes:
        """Give the next body."""
        if self._shape.batches == 1:
            body = b"".join(self._batch())
        else:
            body = b"[" + b",".join(b"".join(self._batch()) for _ in range(self._shape.batches)) + b"]"
        if not self._shape.gzip:
            return body
        packer = zlib.compressobj(1, zlib.DEFLATED, _GZIP_WBITS)
        return packer.compress(body) + packer.flush()

    def _batch(self) -> tuple[bytes, ...]:
        count = self._count
        self._count = count + 1
        return (
            b'{"batch_id":"%s%012x","domain":"behavior","subject":{"type":"session","id":"'
            % (self._batch_prefix, count),
            self._subjects[count % len(self._subjects)],
            self._tail,
        )

    def _objects(self, now: datetime) -> str:
        events = []
        for index, (x, y) in enumerate(self._way(50)):
            head = f'"occurred_at":"{_text(now - timedelta(milliseconds=_STEP_MS * (49 - index)))}"'
            if index % 10 == 9:
                dwell_ms = 60 + self._random.random() * 60
                events.append(f'{{"type":"key.press",{head},"key_class":"letter","dwell_ms":{dwell_ms:.3f}}}')
            elif index % 25 == 3:
                events.append(f'{{"type":"scroll",{head},"y":{y:.3f},"source":"wheel","trusted":true}}')
            else:
                events.append(f'{{"type":"pointer.move",{head},"x":{x:.3f},"y":{y:.3f},"pointer":"mouse"}}')
        return f'"events":[{",".join(events)}]'

    def _track(self, now: datetime) -> str:
        way = list(self._way(self._shape.samples))
        started_at = now - timedelta(milliseconds=_STEP_MS * len(way))
        times = ",".join(f"{_STEP_MS * index + self._random.random():.1f}" for index in range(len(way)))
        xs, ys = (",".join(f"{point[axis]:.1f}" for point in way) for axis in (0, 1))
        return (
            f'"tracks":[{{"type":"pointer.move","started_at":"{_text(started_at)}",'
            f'"t":[{times}],"x":[{xs}],"y":[{ys}]}}]'
        )

    def _tiny(self, now: datetime) -> str:
        return f'"events":[{{"type":"focus.gained","occurred_at":"{_text(now)}"}}]'

    def _way(self, steps: int) -> Iterator[tuple[float, float]]:
        """Go from one place to another as a hand does: fast in the middle, never straight."""
        chance = self._random
        x0, y0, x1, y1, bend = (chance.uniform(100, 900) for _ in range(5))
        for step in range(steps):
            part = step / steps
            eased = part * part * (3 - 2 * part)
            sway = 4 * part * (1 - part) * (bend - 500) / 8
            yield x0 + (x1 - x0) * eased + sway + chance.gauss(0, 1), y0 + (y1 - y0) * eased - sway + chance.gauss(0, 1)


def _text(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
