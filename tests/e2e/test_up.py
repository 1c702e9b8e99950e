"""``make up``: from nothing to replayed verdicts, and again without harm."""

import json
from pathlib import Path

from tests.e2e.system import System

RECORDINGS = Path(__file__).parents[2] / "deploy" / "local" / "recordings" / "delbot.jsonl"


def test_every_recording_is_replayed_judged_and_kept_once(system: System) -> None:
    recordings = [json.loads(line) for line in RECORDINGS.read_text().splitlines()]
    summary = system.summary
    assert summary["sessions_replayed"] == len(recordings)
    assert summary["persisted_events"] == sum(len(recording["events"]) for recording in recordings)
    assert summary["verdicts"] >= len(recordings)
    assert (summary["lost"], summary["duplicated"]) == (0, 0)


def test_people_and_bots_are_told_apart(system: System) -> None:
    summary = system.summary
    assert summary["humans_allowed"] == summary["humans"]
    assert summary["bots_flagged"] > summary["bots"] / 2


def test_every_part_is_ready(system: System) -> None:
    shown = system.command("status")
    assert shown.returncode == 0
    assert shown.stdout.count("ready") == len(system.stack.all_parts)


def test_up_again_does_no_harm(system: System) -> None:
    again = system.command("up", "--detach")
    assert again.returncode == 0, again.stderr
    summary = json.loads(again.stdout.splitlines()[-1])
    assert (summary["lost"], summary["duplicated"]) == (0, 0)
    assert summary["persisted_events"] == system.summary["persisted_events"]
