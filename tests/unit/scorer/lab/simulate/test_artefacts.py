"""No generator is known by its recorder: what that decides tells people and bots apart no better than a coin."""

from collections.abc import Callable
from datetime import datetime
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from services.scorer.lab.simulate.families import BOTS, FAMILIES, PEOPLE
from services.scorer.lab.simulate.sessions import Session, simulate_all

SESSIONS = 240
# People whose recorders were drawn as the bots' were; aids have their own steps, clicks and channels.
ALIKE = {
    "pointer": ({"mouse", "trackpad", "clamped_timers", "remote_desktop", "motor_impairment"}, set[str]()),
    "touch": ({"touch"}, set[str]()),
    "keys": ({"keyboard_only", "fast_typist", "slow_typist"}, {"form_filler"}),
}


def names_of(device: str, label: str) -> list[str]:
    table, (people, no_bots) = (PEOPLE if label == "human" else BOTS), ALIKE[device]
    return [
        name
        for name, family in table.items()
        if family.device == device and (name in people if label == "human" else name not in no_bots)
    ]


def samples_of(session: Session) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give the times (ms) of all samples and the places of the pointer's."""
    times, places = [0.0], [0.0]
    for event in session["events"]:
        begin = datetime.fromisoformat(event.get("occurred_at") or event["started_at"])
        times += [begin.timestamp() * 1_000 + offset for offset in event.get("t", [0.0])]
        if event["type"].startswith(("pointer", "touch")):
            places += np.ravel([event["x"], event["y"]]).tolist()
    return np.array(times[1:]), np.array(places)


def share_on_grid(values: NDArray[np.float64], step: float) -> float:
    return float(np.mean(np.abs(values / step - np.round(values / step)) < 0.02))


def recorder_facts(session: Session) -> list[float]:
    """Tell grid, timer, time of day, channels and spelling; nothing of what was done."""
    times, places = samples_of(session)
    offsets = times - times.min()
    events = session["events"]
    first = datetime.fromisoformat(events[0].get("occurred_at") or events[0]["started_at"])
    return [
        *(share_on_grid(places.ravel(), step) for step in (1.0, 0.8, 0.6667, 0.5)),
        *(share_on_grid(offsets, step) for step in (0.1, 1.0, 16.667, 15.625, 100.0)),
        float(first.hour), float(first.weekday()), float(first.microsecond % 1_000), first.timestamp(),
        float(any("t" in event for event in events)),
        *(float(any(name in event for event in events)) for name in ("pointer", "trusted", "target", "event_id")),
        *(float(any(event["type"] == name for event in events)) for name in ("device.fingerprint", "network.facts")),
    ]  # fmt: skip


@cache
def sessions_of(device: str) -> list[Session]:
    """Give as many sessions of people as of bots."""
    half = SESSIONS // 2
    return [*simulate_all(names_of(device, "human"), half, 11), *simulate_all(names_of(device, "bot"), half, 11)]


def auc_of(facts: Callable[[Session], list[float]], device: str) -> float:
    sessions = sessions_of(device)
    rows = np.array([facts(session) for session in sessions])
    bots = np.array([session["label"] == "bot" for session in sessions])
    model = ExtraTreesClassifier(n_estimators=80, max_depth=6, random_state=0)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    scores = cross_val_predict(model, rows, bots, cv=folds, method="predict_proba")[:, 1]
    return float(roc_auc_score(bots, scores))


@pytest.mark.parametrize("device", ALIKE)
def test_the_recorder_does_not_tell_people_from_bots(device: str) -> None:
    assert 0.4 < auc_of(recorder_facts, device) < 0.6


def test_the_same_classifier_would_find_an_artefact() -> None:
    def leaky(session: Session) -> list[float]:
        return [*recorder_facts(session), float(session["label"] == "bot")]

    assert auc_of(leaky, "keys") > 0.95


def test_facts_of_the_device_are_spread_alike() -> None:
    assert {family.honesty for name, family in FAMILIES.items() if family.label == "bot" and name != "form_filler"} == {
        "honest"
    }
