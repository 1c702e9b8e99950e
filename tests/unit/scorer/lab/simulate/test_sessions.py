"""Whole sessions: of the contract, in order, the same for the same seed."""

import json
from collections import Counter
from datetime import datetime
from itertools import pairwise
from typing import Any

import msgspec
import pytest

from services.scorer.lab.simulate.families import BOTS, FAMILIES, PEOPLE
from services.scorer.lab.simulate.sessions import Session, event_count, simulate, simulate_all
from shared.contracts.batch import BehaviorBatch, decode_batch
from shared.contracts.batch import event_count as count_of_batch

ASKED_BOTS = {
    "teleport", "straight_line", "constant_speed", "bezier", "minimum_jerk", "spline_human_timing", "perlin_noise",
    "replay_jitter", "replay_rescaled", "form_filler", "keys_constant", "keys_gaussian", "keys_sampled",
}  # fmt: skip
ASKED_PEOPLE = {
    "mouse", "trackpad", "touch", "keyboard_only", "screen_reader", "password_manager", "clamped_timers",
    "remote_desktop", "motor_impairment",
}  # fmt: skip


def batches_of(session: Session) -> list[BehaviorBatch]:
    """Decode a session as the gateway would, a few events at a time."""
    batches = []
    for start in range(0, len(session["events"]), 500):
        part = session["events"][start : start + 500]
        body = {
            "domain": "behavior",
            "batch_id": "00000000-0000-7000-8000-000000000000",
            "subject": {"type": "session", "id": session["session_id"]},
            "events": [event for event in part if "t" not in event],
            "tracks": [event for event in part if "t" in event],
        }
        batch = decode_batch(msgspec.json.encode(body))
        assert isinstance(batch, BehaviorBatch)
        batches.append(batch)
    return batches


def starts(session: Session) -> list[datetime]:
    return [datetime.fromisoformat(event.get("occurred_at") or event["started_at"]) for event in session["events"]]


def test_every_family_asked_for_is_there() -> None:
    assert set(BOTS) >= ASKED_BOTS
    assert set(PEOPLE) >= ASKED_PEOPLE
    assert {family.label for family in BOTS.values()} == {"bot"}
    assert {family.label for family in PEOPLE.values()} == {"human"}


@pytest.mark.parametrize("name", FAMILIES)
def test_sessions_keep_the_contract_and_their_order(name: str) -> None:
    for index in range(4):
        session = simulate(name, 1, index)

        batches = batches_of(session)
        assert sum(map(count_of_batch, batches)) == event_count(session) > 0
        assert session["label"] == FAMILIES[name].label and session["group"] == name
        assert all(later >= earlier for earlier, later in pairwise(starts(session)))
        assert all(list(track.t) == sorted(track.t) for batch in batches for track in batch.tracks)


def test_a_seed_gives_the_same_sessions_whatever_else_is_simulated() -> None:
    names = ["mouse", "bezier", "keys_sampled"]
    together = {session["session_id"]: session for session in simulate_all(names, 6, seed=7)}

    assert together["bezier-7-1"] == simulate("bezier", 7, 1)
    assert simulate("mouse", 7, 0)["events"] != simulate("mouse", 8, 0)["events"]


def test_families_take_turns() -> None:
    groups = Counter(session["group"] for session in simulate_all(["mouse", "bezier"], 5, seed=1))

    assert groups == {"mouse": 3, "bezier": 2}


def test_no_key_value_is_told() -> None:
    classes = {
        event["key_class"] if isinstance(event["key_class"], str) else None
        for session in simulate_all(["keyboard_only", "fast_typist"], 20, seed=3)
        for event in session["events"]
        if event["type"] == "key.press"
    }
    assert not {"a", "e", "1"} & classes


def test_a_line_of_the_public_format_is_plain_json() -> None:
    session: dict[str, Any] = json.loads(msgspec.json.encode(simulate("mouse", 1, 0)))

    assert set(session) == {"session_id", "label", "group", "events"}
