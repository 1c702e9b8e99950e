"""From what happened to the events a client would have sent, as objects and tracks of the public contract."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np

from services.scorer.lab.simulate.motion import Path, Rng, joined, position
from services.scorer.lab.simulate.recorder import Recorder, clamped, handling_delays, rounded, sample_path
from services.scorer.lab.simulate.stage import Key, Stage, Stroke

_SMOOTH_MS: Final = 130.0
_COLUMNS: Final = {
    "pointer.move": ("x", "y"), "touch.move": ("x", "y"), "scroll": ("y",), "key.press": ("key_class", "dwell_ms"),
}  # fmt: skip
_KEPT: Final = {
    "moves": {"pointer.move", "touch.start", "touch.move", "touch.end"},
    "clicks": {"pointer.move", "pointer.down", "pointer.up", "touch.start", "touch.move", "touch.end"},
    "keys": {"key.press"},
    "inputs": {
        "pointer.move", "pointer.down", "pointer.up", "touch.start", "touch.move", "touch.end", "key.press", "scroll",
    },
}  # fmt: skip
_Event = dict[str, Any]
_Timed = tuple[float, _Event]


def capture(stage: Stage, recorder: Recorder, *, trusted: bool) -> list[_Event]:
    """Record a session; the events come in the order of their times."""
    rng = stage.rng
    timed = [
        *_pointer(stage, recorder, rng),
        *(event for number, stroke in enumerate(stage.strokes) for event in _touch(stroke, number, recorder, rng)),
        *(_key(key, recorder, rng) for key in stage.keys),
        *_scrolls(stage, recorder, rng),
        *((float(clamped(recorder, np.array([at_ms]))[0]), fields) for at_ms, fields in stage.notes),
    ]
    kept = _KEPT.get(recorder.scope)
    wanted = sorted((item for item in timed if kept is None or item[1]["type"] in kept), key=lambda item: item[0])
    if recorder.as_tracks:
        wanted = _with_tracks(wanted, rng)
    return [_stamped(item, recorder, number, trusted) for number, item in enumerate(wanted)]


def _pointer(stage: Stage, recorder: Recorder, rng: Rng) -> list[_Timed]:
    presses = stage.presses
    edges = np.array([time for press in presses for time in (press.down_ms, press.up_ms)])
    path = joined([_rest(stage), *stage.paths]) if stage.paths else _rest(stage)
    path = Path(np.maximum.accumulate(path.t), path.x, path.y)
    kind = {"pointer": "mouse"} if recorder.tells_pointer else {}
    timed: list[_Timed] = []
    if stage.paths:
        seen = sample_path(recorder, rng, path, edges)
        columns = zip(*(np.round(column, 4).tolist() for column in seen), strict=True)
        timed = [(t, {"type": "pointer.move", "x": x, "y": y, **kind}) for t, x, y in columns]
    if not presses:
        return timed
    at_ms = np.maximum.accumulate(
        clamped(recorder, edges + 0.1 + (0 if recorder.burst_ticks else 1) * handling_delays(recorder, rng, len(edges)))
    )
    x, y = position(path, edges)
    for row, press in enumerate(presses):
        name = {"target": press.target} if recorder.tells_targets and press.target else {}
        for offset, what in enumerate(("pointer.down", "pointer.up")):
            place = press.at or (float(x[2 * row + offset]), float(y[2 * row + offset]))
            px, py = rounded(recorder, np.array(place)).tolist()
            timed.append((float(at_ms[2 * row + offset]), {"type": what, "x": px, "y": py, **kind, **name}))
    return timed


def _rest(stage: Stage) -> Path:
    """Start the path where the pointer was found."""
    if stage.paths:
        first = stage.paths[0]
        return Path(first.t[:1], first.x[:1], first.y[:1])
    return Path(np.zeros(1), np.array([stage.x]), np.array([stage.y]))


def _touch(stroke: Stroke, number: int, recorder: Recorder, rng: Rng) -> list[_Timed]:
    path = stroke.path
    begin, end = (float(clamped(recorder, np.array([t]))[0]) for t in (path.t[0], path.t[-1]))
    seen = sample_path(recorder, rng, path, path.t[-1:])
    press = np.interp(seen.t, path.t, stroke.pressure)
    (x0, x1), (y0, y1) = (rounded(recorder, column[[0, -1]]).tolist() for column in (path.x, path.y))
    facts: _Event = {"touch_id": number % 10}
    timed: list[_Timed] = [(begin, {"type": "touch.start", "x": x0, "y": y0, **facts})]
    for t, x, y, force in zip(*(column.tolist() for column in (*seen, press)), strict=True):
        if begin < t < end:
            timed.append((t, {"type": "touch.move", "x": round(x, 4), "y": round(y, 4), **facts}))
            if recorder.tells_pointer and not recorder.as_tracks:
                timed[-1][1].update(pressure=round(min(1.0, max(0.0, force)), 3), radius=round(stroke.radius, 2))
    return [*timed, (end, {"type": "touch.end", "x": x1, "y": y1, **facts})]


def _key(key: Key, recorder: Recorder, rng: Rng) -> _Timed:
    delay = float(handling_delays(recorder, rng, 1)[0])
    down, up = clamped(recorder, np.array([key.down_ms, key.down_ms + key.dwell_ms]) + delay).tolist()
    event: _Event = {"type": "key.press", "key_class": key.key_class, "dwell_ms": round(max(0.0, up - down), 4)}
    if key.repeat:
        event["repeat"] = True
    if key.target and recorder.tells_targets:
        event["target"] = key.target
    return down, event


def _scrolls(stage: Stage, recorder: Recorder, rng: Rng) -> list[_Timed]:
    """See scroll offsets once a frame; browsers that scroll smoothly spread each notch over several."""
    if not stage.scrolls:
        return []
    steps = sorted(stage.scrolls)
    t, y, source = np.array([row[0] for row in steps]), np.array([row[1] for row in steps]), steps[0][2]
    frame = recorder.frame_ms or 16.667
    if recorder.burst_ticks:
        frame = recorder.burst_ticks * recorder.timer_ms
    near = np.concatenate([[time, time + 0.5 * _SMOOTH_MS, time + _SMOOTH_MS] for time in t])
    frames = np.unique(np.floor((near[:, None] + np.arange(0, 2 * _SMOOTH_MS, frame)) / frame)) * frame + rng.uniform(
        0, frame
    )
    frames = frames[(frames >= t[0]) & (frames <= t[-1] + _SMOOTH_MS + 2 * frame)]
    if recorder.smooth_scroll and source != "script":
        area_t = np.append(np.repeat(t, 2), t[-1] + 2_000) - np.append(np.tile((0.01, 0.0), len(t)), 0)
        held = np.append(np.append(0.0, np.repeat(y, 2)[:-1]), y[-1])
        area = np.append(0, np.cumsum(np.diff(area_t) * (held[1:] + held[:-1]) / 2))
        offsets = (np.interp(frames, area_t, area) - np.interp(frames - _SMOOTH_MS, area_t, area)) / _SMOOTH_MS
    else:
        offsets = np.append(0.0, y)[np.searchsorted(t, frames, side="right")]
    offsets = np.round(offsets)
    new = np.append(offsets[0] != 0, offsets[1:] != offsets[:-1])
    times = clamped(recorder, frames[new] + handling_delays(recorder, rng, int(new.sum())))
    return [
        (at, {"type": "scroll", "y": place}) for at, place in zip(times.tolist(), offsets[new].tolist(), strict=True)
    ]


def _with_tracks(timed: list[_Timed], rng: Rng) -> list[_Timed]:
    """Put samples of a kind together as tracks, one for what a client sends at a time."""
    flush_ms = float(rng.choice([500.0, 1_000.0, 2_000.0, 5_000.0]))
    out: list[_Timed] = []
    runs: dict[tuple[object, ...], list[_Timed]] = {}
    for at_ms, event in timed:
        if event["type"] not in _COLUMNS or event.get("repeat"):
            out.append((at_ms, event))
            continue
        run = runs.setdefault((event["type"], event.get("touch_id")), [])
        if run and at_ms - run[0][0] > flush_ms:
            out.append(_track(run))
            run.clear()
        run.append((at_ms, event))
    out += [_track(run) for run in runs.values()]
    return sorted(out, key=lambda item: item[0])


def _track(run: list[_Timed]) -> _Timed:
    start, first = run[0]
    facts = {name: value for name, value in first.items() if name in {"type", "pointer", "touch_id"}}
    columns = {name: [event[name] for _, event in run] for name in _COLUMNS[first["type"]]}
    return start, {**facts, "t": [round(at_ms - start, 4) for at_ms, _ in run], **columns}


def _stamped(item: _Timed, recorder: Recorder, number: int, trusted: bool) -> _Event:
    at_ms, event = item
    at = datetime.fromtimestamp(recorder.epoch_s, UTC) + timedelta(milliseconds=at_ms)
    event = {**event, "started_at" if "t" in event else "occurred_at": at.isoformat(timespec="microseconds")}
    if recorder.tells_trusted and not event["type"].startswith(("device", "network")):
        event["trusted"] = trusted
    if recorder.numbers_events and "t" not in event:
        event["event_id"] = f"{number:06d}"
    return event
