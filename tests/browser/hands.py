"""People at a real browser: recorded and simulated hands, played back as trusted input with their own timing."""

import asyncio
import json
import string
import time
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
from playwright.async_api import CDPSession
from playwright.async_api import Page as BrowserPage

from deploy.local.settings import CHECKOUT
from services.scorer.lab.simulate.actors import Actor
from services.scorer.lab.simulate.actors import play as play_goals
from services.scorer.lab.simulate.motion import Path, Rng, joined
from services.scorer.lab.simulate.page import Goal, Page, Target
from services.scorer.lab.simulate.stage import Key, Stage, Stroke

RECORDINGS: Final = CHECKOUT / "deploy" / "local" / "recordings" / "delbot.jsonl"
_REPORT_MS: Final = 8.0  # a mouse at 125 Hz
_MOUSE: Final = "Input.dispatchMouseEvent"
_KEY: Final = "Input.dispatchKeyEvent"
_TOUCH: Final = "Input.dispatchTouchEvent"
# Key, code and Windows' number of a key of each class that has but one.
_KEYS: Final = {
    "space": (" ", "Space", 32), "backspace": ("Backspace", "Backspace", 8), "enter": ("Enter", "Enter", 13),
    "tab": ("Tab", "Tab", 9), "modifier": ("Shift", "ShiftLeft", 16), "punctuation": (".", "Period", 190),
    "delete": ("Delete", "Delete", 46), "arrow": ("ArrowLeft", "ArrowLeft", 37),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Step:
    """One input event, so many milliseconds after the first."""

    at_ms: float
    method: str
    params: dict[str, Any]


async def play(cdp: CDPSession, steps: list[Step]) -> None:
    """Dispatch the steps, each at its time; the browser takes them as a device's."""
    began_s, began_epoch_s = time.perf_counter(), time.time()
    sent: list[asyncio.Task[Any]] = []
    for step in steps:
        await asyncio.sleep(max(0.0, began_s + step.at_ms / 1_000 - time.perf_counter()))
        params = step.params | {"timestamp": began_epoch_s + step.at_ms / 1_000}
        sent.append(asyncio.create_task(cdp.send(step.method, params)))  # its answer waits for a frame
    await asyncio.gather(*sent)


def recorded(label: str) -> list[list[Step]]:
    """Give the recorded sessions of people (``human``) or bots (``bot``), each as steps of a mouse."""
    lines = [json.loads(line) for line in RECORDINGS.read_text().splitlines()]
    return [_of_recording(line["events"]) for line in lines if line["label"] == label]


def circles(seconds: float, rate_hz: float = 125) -> list[Step]:
    """Move a mouse round and round at a steady rate."""
    turns = np.arange(0, seconds, 1 / rate_hz)
    return [_mouse(t * 1_000, "mouseMoved", 500 + 300 * np.cos(5 * t), 400 + 250 * np.sin(5 * t), 0) for t in turns]


def on_page(actor: Actor, rng: Rng, goals: list[Goal], width: int, height: int) -> list[Step]:
    """Let a simulated person reach for what is on a real page, click, tap and type made-up words."""
    stage = Stage(rng=rng, page=Page(width, height, tuple(goals)), x=width * 0.8, y=height * 0.8)
    play_goals(stage, actor)
    steps = _sampled(joined(stage.paths)) if stage.paths else []
    steps += [step for key in stage.keys for step in _key(key, rng)]
    for press in stage.presses:
        moves = [step for step in steps if step.method == _MOUSE and step.at_ms <= press.down_ms]
        here = (moves[-1].params["x"], moves[-1].params["y"]) if moves else (stage.x, stage.y)
        x, y = press.at or here
        steps += [_mouse(press.down_ms, "mousePressed", x, y, 1), _mouse(press.up_ms, "mouseReleased", x, y, 1)]
    steps += [step for stroke in stage.strokes for step in _touched(stroke)]
    return sorted(steps, key=lambda step: step.at_ms)


async def target_of(page: BrowserPage, name: str) -> Target:
    """Make a goal's target of the element with this id."""
    box = await page.locator(f"#{name}").bounding_box()
    assert box is not None, f"{name} is not shown"
    return Target(name, box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, box["width"], box["height"])


def _of_recording(events: list[list[Any]]) -> list[Step]:
    began = events[0][0]
    names = {"move": "mouseMoved", "down": "mousePressed", "up": "mouseReleased"}
    held = 0
    steps = []
    for at, kind, x, y in events:
        held = {"down": 1, "up": 0}.get(kind, held)
        steps.append(_mouse(at - began, names[kind], x, y, 0 if kind == "move" and not held else 1))
    assert all(earlier.at_ms <= later.at_ms for earlier, later in pairwise(steps))
    return steps


def _sampled(path: Path) -> list[Step]:
    """Report where the pointer is, as a mouse does while it moves."""
    t = np.maximum.accumulate(path.t)
    at = np.arange(t[0], t[-1] + _REPORT_MS, _REPORT_MS)
    px, py = np.round(np.interp(at, t, path.x)), np.round(np.interp(at, t, path.y))
    moved = np.append(True, (np.diff(px) != 0) | (np.diff(py) != 0))
    return [
        _mouse(*row, 0) for row in zip(at[moved], ["mouseMoved"] * int(moved.sum()), px[moved], py[moved], strict=True)
    ]


def _touched(stroke: Stroke) -> list[Step]:
    at = np.arange(stroke.path.t[0], stroke.path.t[-1], _REPORT_MS)
    x, y = np.interp(at, stroke.path.t, stroke.path.x), np.interp(at, stroke.path.t, stroke.path.y)
    force = np.interp(at, stroke.path.t, stroke.pressure)
    steps = []
    for number, (t, px, py, pressed) in enumerate(zip(*(one.tolist() for one in (at, x, y, force)), strict=True)):
        point = {"x": px, "y": py, "force": pressed, "radiusX": stroke.radius, "radiusY": stroke.radius}
        steps.append(Step(t, _TOUCH, {"type": "touchMove" if number else "touchStart", "touchPoints": [point]}))
    return [*steps, Step(float(stroke.path.t[-1]), _TOUCH, {"type": "touchEnd", "touchPoints": []})]


def _mouse(at_ms: float, kind: str, x: float, y: float, held: int) -> Step:
    button = "left" if held else "none"
    params = {"type": kind, "x": float(x), "y": float(y), "button": button, "buttons": held, "pointerType": "mouse"}
    return Step(float(at_ms), _MOUSE, params | ({"clickCount": 1} if kind != "mouseMoved" else {}))


def _key(key: Key, rng: Rng) -> list[Step]:
    named = _KEYS.get(key.key_class)
    if named is None:
        letters = string.digits if key.key_class == "digit" else string.ascii_lowercase
        letter = letters[int(rng.integers(len(letters)))]
        named = (letter, f"Digit{letter}" if letter.isdigit() else f"Key{letter.upper()}", ord(letter.upper()))
    name, code, number = named
    params = {"key": name, "code": code, "windowsVirtualKeyCode": number}
    text = {"text": name} if len(name) == 1 else {"text": "\r"} if name == "Enter" else {}
    down = Step(key.down_ms, _KEY, params | text | {"type": "keyDown" if text else "rawKeyDown"})
    return [down, Step(key.down_ms + key.dwell_ms, _KEY, params | {"type": "keyUp"})]
