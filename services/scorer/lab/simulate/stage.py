"""What happens in a session, in full detail, before any recorder has looked at it."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from services.scorer.lab.simulate.motion import Array, Path, Rng, shifted
from services.scorer.lab.simulate.page import Page


@dataclass(frozen=True, slots=True)
class Press:
    """A button held down, where the pointer then is."""

    down_ms: float
    up_ms: float
    target: str | None
    at: tuple[float, float] | None = None  # None: where the pointer is


@dataclass(frozen=True, slots=True)
class Key:
    """A key held down."""

    down_ms: float
    dwell_ms: float
    key_class: str
    target: str | None = None
    repeat: bool = False


@dataclass(frozen=True, slots=True)
class Stroke:
    """A finger on the screen from the first node of its path to the last."""

    path: Path
    pressure: Array
    radius: float


@dataclass(slots=True)
class Stage:
    """The session so far: where the pointer is, what time it is, and all that has happened."""

    rng: Rng
    page: Page
    x: float
    y: float
    now_ms: float = 0.0
    scroll_y: float = 0.0
    focused: str | None = None
    paths: list[Path] = field(default_factory=list)
    presses: list[Press] = field(default_factory=list)
    keys: list[Key] = field(default_factory=list)
    strokes: list[Stroke] = field(default_factory=list)
    scrolls: list[tuple[float, float, str]] = field(default_factory=list)
    notes: list[tuple[float, dict[str, Any]]] = field(default_factory=list)

    def wait(self, duration_ms: float) -> None:
        """Let time pass."""
        self.now_ms += max(0.0, duration_ms)

    def follow(self, path: Path) -> None:
        """Move the pointer along a path that starts now, at 0 ms."""
        self.paths.append(shifted(path, self.now_ms))
        self.now_ms += float(path.t[-1])
        self.x, self.y = float(path.x[-1]), float(path.y[-1])

    def press(self, dwell_ms: float, target: str | None, at: tuple[float, float] | None = None) -> None:
        """Press a button and let it go."""
        self.presses.append(Press(self.now_ms, self.now_ms + dwell_ms, target, at))
        self.now_ms += dwell_ms

    def scroll(self, after_ms: Array, by_px: Array, source: str) -> None:
        """Scroll in steps; ``after_ms`` counts from now."""
        while self.scrolls and self.scrolls[-1][0] > self.now_ms:  # what still ran on is stopped
            self.scrolls.pop()
        self.scroll_y = self.scrolls[-1][1] if self.scrolls else 0.0
        places = np.maximum(0.0, self.scroll_y + np.cumsum(by_px))
        self.scrolls += [(self.now_ms + t, y, source) for t, y in zip(after_ms.tolist(), places.tolist(), strict=True)]
        self.scroll_y = float(places[-1])
        self.now_ms += float(after_ms[-1])

    def touch(self, stroke: Stroke) -> None:
        """Put a finger down now, move it and lift it; the stroke starts at 0 ms."""
        self.strokes.append(Stroke(shifted(stroke.path, self.now_ms), stroke.pressure, stroke.radius))
        self.now_ms += float(stroke.path.t[-1])

    def focus(self, name: str) -> None:
        """Move the focus to an element."""
        if self.focused not in {None, name}:
            self.note("focus.lost", target=self.focused)
        if self.focused != name:
            self.note("focus.gained", target=name)
        self.focused = name

    def change(self, name: str, method: str, length: int) -> None:
        """Give a field a new value."""
        self.note("form.changed", field=name, method=method, length=length)

    def leave(self, duration_ms: float) -> None:
        """Look at another tab for some time."""
        self.note("focus.lost")
        self.note("visibility.changed", state="hidden")
        self.wait(duration_ms)
        self.note("visibility.changed", state="visible")
        self.note("focus.gained")

    def note(self, kind: str, **fields: Any) -> None:
        """Let something else happen now."""
        self.notes.append((self.now_ms, {"type": kind, **fields}))
