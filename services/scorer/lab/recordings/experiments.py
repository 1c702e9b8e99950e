"""Readers of mouse-tracking experiments, one for each format: a person does one small task after another.

A reader gets the folder of a repository and gives the sessions in it; what it cannot read it leaves out. No clicks are
read: these recorders told at most when an answer was given, not when the button went down and up.
"""

import pickle
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import chain, pairwise
from pathlib import Path
from statistics import median, median_high
from typing import Any, Final

from services.scorer.lab.recordings.recorded import (
    Event,
    Recorded,
    Sample,
    changed,
    joined,
    json_of,
    list_in,
    listed,
    move,
    rows_of,
    sample_of,
    sessions_of,
)

# Places are told from where a trial starts.
_MAGPIE_START: Final = (800.0, 450.0)
# A finger on a touchscreen leaves a few samples at each end of a trial.
_LEAST_MAGPIE_SAMPLES: Final = 12
# A pixel is a share of the half of a window 100 to 4,000 pixels long; steps are told apart by the noise of a share.
_LEAST_STEP, _MOST_STEP = 0.0005, 0.02
_SHARE_NOISE: Final = 0.0001
_OPENSESAME_COLUMNS: Final = tuple(
    f"{column}_{item}"
    for item in ("get_response", "get_response_bef", "get_response_pos")
    for column in ("timestamps", "xpos", "ypos")
)
# OpenSesame counts from the middle of its window.
_COGMINU_MIDDLE: Final = (512.0, 384.0)
_KH_MIDDLE: Final = (840.0, 525.0)


def negation(folder: Path) -> Iterator[Recorded]:
    """Read a list of trials ``{"mouse_log": [[x, y, ms], ...]}`` a person, with places in shares of the window."""
    for file in sorted(folder.glob("raw_data/*/*.json")):
        found = json_of(file)
        trials: list[list[Sample]] = []
        for trial in found if isinstance(found, list) else ():
            told = (row for row in list_in(trial, "mouse_log") if isinstance(row, list) and len(row) == 3)
            trials.append(list(filter(None, (sample_of(t, x, y) for x, y, t in told))))
        events = _pixels(list(filter(None, trials)))
        yield from sessions_of(f"ma{file.stem}", f"ma{file.stem.split('-')[0]}", events)


def magpie_animals(folder: Path) -> Iterator[Recorded]:
    """Read a table with ``mt_times`` (ms), ``mt_x`` and ``mt_y`` as lists, a row for a trial."""
    names = ("submission_id", "trial_name", "trial_number", "mt_times", "mt_x", "mt_y")
    rows = rows_of(folder / "data" / "data-25.07.csv", *names)
    # The recorder filled pauses with a point every 44 to 48 ms.
    yield from _magpie("lo", rows, filled=(44, 48))


def magpie_dale(folder: Path) -> Iterator[Recorded]:
    """Read a table with ``timestamps_get_response`` (ms) and places as lists, a row for a trial."""
    file = folder / "data" / "02_main" / "Original Study" / "Results_Table_Main.csv"
    names = ("timestamps_get_response", "xpos_get_response", "ypos_get_response")
    rows = rows_of(file, "submission_id", "trial_name", "trial_number", *names, delimiter=";")
    # The recorder filled pauses with a point every 90 ms.
    yield from _magpie("ls", rows, filled=(90, 90))


def motr(folder: Path) -> Iterator[Recorded]:
    """Read ``participant_<n>.csv`` with ``responseTime`` (ms, anew in each text) and ``mousePosition``, polled."""
    for file in sorted(folder.glob("raw_collected_data/participant_*.csv")):
        rows = rows_of(file, "responseTime", "mousePositionX", "mousePositionY")
        trials: list[list[Sample]] = [[]]
        for t, x, y in filter(None, (sample_of(*told) for told in rows)):
            if trials[-1] and t < trials[-1][-1][0]:
                trials.append([])
            trials[-1].append((t, x, y))
        person = f"al{file.stem.split('_')[-1]}"
        yield from sessions_of(person, person, joined(person, map(_moves, trials)))


def cogminu(folder: Path) -> Iterator[Recorded]:
    """Read OpenSesame's ``subject-<n>.csv``; a number is one person in all tasks of an experimenter."""
    for file in sorted(folder.glob("*_project/raw*/subject-*.csv")):
        experimenter, task = file.parts[-3].removesuffix("_project"), file.parts[-2]
        number = file.stem.removeprefix("subject-")
        rows = rows_of(file, *_OPENSESAME_COLUMNS)
        events = _moves(_opensesame(rows, _COGMINU_MIDDLE))
        yield from sessions_of(f"cm-{experimenter}-{task}-{number}", f"cm-{experimenter}-{number}", events)


def kieslich(folder: Path) -> Iterator[Recorded]:
    """Read OpenSesame's table of all persons, with ``subject_nr``."""
    found: dict[str, list[list[str]]] = defaultdict(list)
    file = folder / "KieslichHenninger2017" / "merged_data" / "raw_data.csv.gz"
    for person, *told in rows_of(file, "subject_nr", *_OPENSESAME_COLUMNS):
        found[person].append(told)
    for person, rows in sorted(found.items()):
        yield from sessions_of(f"kh{person}", f"kh{person}", _moves(_opensesame(rows, _KH_MIDDLE)))


def freihaut(folder: Path) -> Iterator[Recorded]:
    """Read the pickle ``{person: {task: {"eventType", "time" (ms), "x", "y"}}}``, each a list of all events."""
    file = folder / "Datasets" / "Data_LSTM_Analysis" / "Data_PointClick_Task.pkl"
    for person, tasks in sorted(_unpickled(file).items()):
        for task, told in sorted(tasks.items()):
            rows = zip(*(list_in(told, column) for column in ("eventType", "time", "x", "y")), strict=False)
            read = filter(None, (sample_of(*row) for kind, *row in rows if kind == "MousePositionChanged"))
            yield from sessions_of(f"fg{person[:8]}-{task}", f"fg{person[:8]}", [move(*sample) for sample in read])


def _unpickled(file: Path) -> dict[str, dict[str, Any]]:
    """Read a pickle of dictionaries; empty when it holds anything else."""
    with suppress(FileNotFoundError, EOFError, pickle.UnpicklingError), file.open("rb") as packed:
        found = _Lists(packed).load()
        return {person: tasks for person, tasks in found.items() if isinstance(tasks, dict)}
    return {}


class _Lists(pickle.Unpickler):
    """Unpickles lists in dictionaries; a pickle of anything else could run any code, and is refused."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "defaultdict"):
            return defaultdict
        if (module, name) == ("builtins", "list"):
            return list
        raise pickle.UnpicklingError(f"{module}.{name} is no list")


def _magpie(tag: str, rows: Iterable[list[str]], filled: tuple[float, float]) -> Iterator[Recorded]:
    """Read trials without the points that the recorder filled in; persons who tap have no path to tell."""
    found: dict[str, list[tuple[bool, str, int, list[Sample]]]] = defaultdict(list)
    for person, task, number, *told in rows:
        samples = _samples(told)
        if samples and number.isdigit():
            kept = samples[:1] + [b for a, b in pairwise(samples) if not filled[0] <= b[0] - a[0] <= filled[1]]
            found[person].append(("practice" not in task, task, int(number), kept))
    for person, trials in sorted(found.items()):
        if median(len(samples) for *_, samples in trials) >= _LEAST_MAGPIE_SAMPLES:
            x0, y0 = _MAGPIE_START
            ordered = [[(t, x + x0, y + y0) for t, x, y in samples] for *_, samples in sorted(trials)]
            name = f"{tag}{person}"
            yield from sessions_of(name, name, joined(name, map(_moves, ordered)))


def _opensesame(rows: Iterable[list[str]], middle: tuple[float, float]) -> list[Sample]:
    """Read the lists of all rows in the order of time; a row may repeat the trial of the row before it."""
    read = (_samples(row[start : start + 3]) for row in rows for start in range(0, len(row), 3))
    trials = {samples[0][0]: samples for samples in read if samples}
    return [(t, x + middle[0], y + middle[1]) for _, samples in sorted(trials.items()) for t, x, y in samples]


def _samples(told: list[str]) -> list[Sample]:
    """Read a list of times and two of places; empty when they do not go together."""
    times, xs, ys = map(listed, told)
    return list(zip(times, xs, ys, strict=True)) if len(times) == len(xs) == len(ys) else []


def _moves(samples: list[Sample]) -> list[Event]:
    return [move(*sample) for sample in changed(samples)]


def _pixels(trials: list[list[Sample]]) -> list[Event]:
    """Make pixels of shares: the smallest usual step of the hand is one pixel. Empty when there is no such step."""
    across, up = (_step(trials, axis) for axis in (1, 2))
    if across is None or up is None:
        return []
    left = min(x for _, x, _ in chain(*trials))
    top = max(y for *_, y in chain(*trials))
    events: list[Event] = []
    for trial in trials:
        # Each trial begins on a pixel, wherever the window was moved meanwhile.
        _, first_x, first_y = trial[0]
        start_x, start_y = round((first_x - left) / across), round((top - first_y) / up)
        events += [
            move(t, start_x + round((x - first_x) / across), start_y + round((first_y - y) / up)) for t, x, y in trial
        ]
    return events


def _step(trials: list[list[Sample]], axis: int) -> float | None:
    """Give the share that a pixel is: the least of the usual steps from sample to sample."""
    steps = [abs(b[axis] - a[axis]) for trial in trials for a, b in pairwise(trial)]
    counts = Counter(round(step / _SHARE_NOISE) for step in steps if step > _LEAST_STEP)
    usual = {size: sum(counts[near] for near in (size - 1, size, size + 1)) for size in counts}
    least = min((size for size, count in usual.items() if count >= max(usual.values()) / 4), default=0)
    near = [step for step in steps if step > _LEAST_STEP and abs(round(step / _SHARE_NOISE) - least) <= 1]
    return step if near and _LEAST_STEP < (step := median_high(near)) < _MOST_STEP else None
