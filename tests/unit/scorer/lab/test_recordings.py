"""Verdicts on the recordings that come with the project: real people pass, most of the bots do not."""

from pathlib import Path

import pytest

from services.scorer.lab.evaluate import GroupResult, evaluate, result_table
from services.scorer.lab.recordings import Recording, inputs_of, read_recordings
from services.scorer.pipeline import load_ruleset
from shared.contracts.behavior import KeyPress, PointerMove, TouchStart
from shared.topics import Domain

RECORDINGS = Path("deploy/local/recordings/delbot.jsonl")


@pytest.fixture(scope="module")
def results() -> dict[str, GroupResult]:
    return evaluate(read_recordings(RECORDINGS), load_ruleset(Domain.BEHAVIOR))


def test_every_person_is_let_pass(results: dict[str, GroupResult]) -> None:
    people = [result for result in results.values() if result.label == "human"]

    assert sum(result.sessions for result in people) == 12
    assert sum(result.last["ALLOW"] for result in people) == 12


def test_most_bots_are_not(results: dict[str, GroupResult]) -> None:
    bots = [result for result in results.values() if result.label == "bot"]

    assert sum(result.sessions for result in bots) == 12
    assert sum(result.last["ALLOW"] for result in bots) < 6


def test_results_are_laid_out_by_group(results: dict[str, GroupResult]) -> None:
    table = result_table(results)

    assert list(table.columns[0].cells) == sorted(results)


def test_shares_of_the_screen_become_pixels() -> None:
    recording = Recording(label="human", events=[[0.0, "move", 0.5, 0.25]], resolution=(800, 600))

    (item,) = inputs_of(recording, "one")

    (event,) = item.batch.events
    assert isinstance(event, PointerMove) and (event.x, event.y) == (400, 150)


def test_what_no_client_could_send_is_left_out() -> None:
    nan = float("nan")
    events = [[0, "PressedTouch", 5, 5], [1, "ReleasedTouch", nan, nan], [2, "scroll", 1, 1]]

    (item,) = inputs_of(Recording(label="human", events=events), "one")

    assert [type(event) for event in item.batch.events] == [TouchStart]


def test_keyboards_are_read_too() -> None:
    (item,) = inputs_of(Recording(label="human", events=[[0, 90, 65], [150, 240, 66]]), "one")

    assert [(type(event), event.dwell_ms) for event in item.batch.events if isinstance(event, KeyPress)] == [
        (KeyPress, 90),
        (KeyPress, 90),
    ]
