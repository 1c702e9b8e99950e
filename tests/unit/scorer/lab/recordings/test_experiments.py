"""Each format of mouse-tracking experiments, from lines written by hand."""

import gzip
import json
import pickle
from collections import defaultdict
from pathlib import Path

import pytest

from services.scorer.lab.recordings import experiments
from services.scorer.lab.recordings.sources import Reader
from tests.unit.scorer.lab.recordings.conftest import Put, rows_in


def across(count: int) -> str:
    """Tell the numbers from 0 on as a list in a field."""
    return "[" + ", ".join(map(str, range(count))) + "]"


def test_negation_makes_pixels_of_shares(put: Put) -> None:
    # A pixel is 0.004 of the window across and 0.005 up; the hand goes one to the right and two up, then three back.
    there = [[-0.1 + 0.004 * n, 0.2 + 0.01 * (n // 2) + 0.005 * (n % 2), 5_000 + 10 * n] for n in range(60)]
    back = [[0.3 - 0.012 * n, 0.2, 7_000 + 10 * n] for n in range(3)]
    noise = [{"value": 1}, "noise", {"mouse_log": [[1, 2], None, ["x", 1, 5_001]]}, {"mouse_log": None}]
    folder = put("raw_data/0517_negation/123-456.json", json.dumps([{"mouse_log": back}, *noise, {"mouse_log": there}]))
    put("raw_data/0517_negation/124-456.json", json.dumps([{"mouse_log": [[0, 0, n] for n in range(90)]}]))  # no step

    (session,) = experiments.negation(folder)
    assert (session.name, session.person) == ("ma123-456-0", "ma123")
    # The top is 0.495, 59 pixels over 0.2; the left is -0.1.
    assert session.events[:3] == [[0, "move", 0, 59], [10, "move", 1, 58], [20, "move", 2, 57]]
    assert session.events[60:] == [[2_000, "move", 100, 59], [2_010, "move", 97, 59], [2_020, "move", 94, 59]]


MAGPIE_FORMATS = [
    (
        experiments.magpie_animals, "data/data-25.07.csv", ",", "lo", 46,
        "submission_id,trial_name,trial_number,mt_times,mt_x,mt_y",
    ),
    (
        experiments.magpie_dale, "data/02_main/Original Study/Results_Table_Main.csv", ";", "ls", 90,
        "submission_id;trial_name;trial_number;timestamps_get_response;xpos_get_response;ypos_get_response",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("reader", "path", "mark", "tag", "filled_ms", "head"), MAGPIE_FORMATS)
def test_magpie_trials_are_joined_without_filled_points(
    put: Put, reader: Reader, path: str, mark: str, tag: str, filled_ms: int, head: str
) -> None:
    def row(person: str, task: str, number: str, *lists: list[int]) -> str:
        return mark.join([person, task, number, *(f'"{json.dumps(told)}"' for told in lists)])

    # A point that the recorder filled in, a real one after it, and one that stays where it was.
    times = [0, filled_ms, filled_ms + 17, filled_ms + 34, *range(200, 230)]
    xs = [0, 5, 10, 10, *range(20, 50)]
    lines = [
        row("7", "main", "2", times, xs, [0] * 34),
        row("7", "practice", "3", times, xs, [-1] * 34),
        row("7", "main", "10", times, xs, [1] * 34),
        row("7", "main", "x", times, xs, [0] * 34),
        row("7", "main", "4", times, xs, [0] * 33),  # lists of unequal length
        mark.join(["7", "main", "5", "NA", "NA", "NA"]),
        "7",
        *(row("8", "main", str(n), list(range(11)), list(range(11)), [0] * 11) for n in range(9)),  # a person who taps
    ]
    (session,) = reader(put(path, "\n".join([head, *lines])))

    assert (session.name, session.person) == (f"{tag}7-0", f"{tag}7")
    # The start is put at 800, 450; practice comes first, and trials go by number.
    assert session.events[:3] == [
        [0, "move", 800, 449], [filled_ms + 17, "move", 810, 449], [200, "move", 820, 449],
    ]  # fmt: skip
    assert [event[3] for event in rows_in(session)] == [449] * 32 + [450] * 32 + [451] * 32
    assert rows_in(session)[32][0] >= rows_in(session)[31][0] + 600


def test_motr_texts_are_joined(put: Put) -> None:
    rows = ["1590,768.0,385.0", "1640,768.0,385.0", "1690,760.0,385.0", ",1.0,1.0", "1700"]
    rows += [f"{2_000 + 50 * n},{n},0" for n in range(40)] + [f"{100 + 50 * n},{n},9" for n in range(18)]
    text = "\n".join(["responseTime,mousePositionX,mousePositionY", *rows])

    (session,) = experiments.motr(put("raw_collected_data/participant_12.csv", text))
    assert (session.name, session.person) == ("al12-0", "al12")
    assert session.events[:3] == [[0, "move", 768, 385], [100, "move", 760, 385], [410, "move", 0, 0]]
    assert len(session.events) == 60
    last, first = rows_in(session)[41:43]
    assert (last[0], last[2:], first[2:]) == (410 + 50 * 39, [39, 0], [0, 9])  # the clock starts anew here
    assert first[0] >= last[0] + 600


OPENSESAME = "timestamps_{0},xpos_{0},ypos_{0}"


def test_cogminu_reads_both_lists_of_a_trial_once(put: Put) -> None:
    head = f"{OPENSESAME.format('get_response_bef')},{OPENSESAME.format('get_response_pos')}"
    before = '"[100.0, 110.0, 120.0]","[0, 0, 1]","[0, 0, -2]"'
    after = f'"{json.dumps([130 + 10 * n for n in range(60)])}","{across(60)}","{json.dumps([5] * 60)}"'
    text = "\n".join([head, f"{before},{after}", f"{before},{after}", "NA,NA,NA,None,None,None", "1"])

    folder = put("nahyun_project/raw_arrow/subject-3.csv", text)
    put("nahyun_project/raw_word/subject-3.csv", text)
    arrow, word = experiments.cogminu(folder)
    assert [arrow.name, word.name] == ["cm-nahyun-raw_arrow-3-0", "cm-nahyun-raw_word-3-0"]
    assert {arrow.person, word.person} == {"cm-nahyun-3"}
    # The middle is 512, 384; the second sample is a rest.
    assert arrow.events[:4] == [
        [0, "move", 512, 384], [20, "move", 513, 382], [30, "move", 512, 389], [40, "move", 513, 389],
    ]  # fmt: skip
    assert len(arrow.events) == 62


def test_kieslich_puts_the_trials_of_a_person_together(tmp_path: Path) -> None:
    def row(person: int, start: int) -> str:
        return f'{person},"{json.dumps([start + 10.0 * n for n in range(40)])}","{across(40)}","{across(40)}"'

    lines = [f"subject_nr,{OPENSESAME.format('get_response')}", row(2, 9_000), row(2, 5_000), row(3, 0), "2,NA,NA,NA"]
    file = tmp_path / "KieslichHenninger2017" / "merged_data" / "raw_data.csv.gz"
    file.parent.mkdir(parents=True)
    file.write_bytes(gzip.compress("\n".join(lines).encode()))

    (session,) = experiments.kieslich(tmp_path)  # the third person did too little
    assert (session.name, session.person) == ("kh2-0", "kh2")
    assert session.events[:2] == [[0, "move", 840, 525], [10, "move", 841, 526]]
    assert session.events[40] == [4_000, "move", 840, 525]


FREIHAUT = "Datasets/Data_LSTM_Analysis/Data_PointClick_Task.pkl"


def _pickled(folder: Path, found: object) -> Path:
    file = folder / FREIHAUT
    file.parent.mkdir(parents=True)
    file.write_bytes(pickle.dumps(found))
    return folder


def test_freihaut_reads_moves(tmp_path: Path) -> None:
    task = defaultdict(
        list,
        eventType=["MouseClick", "MousePositionChanged", "MousePositionChanged"] + ["MousePositionChanged"] * 59,
        time=[1_558_080_030_000, 1_558_080_030_100, None, *range(1_558_080_030_117, 1_558_080_030_176)],
        x=[5, 6, 7, *range(59)],
        y=[8] * 62,
    )
    folder = _pickled(tmp_path, {"3CDPvCyqw2": {"HS": task, "LS": {"time": [1, 2]}}, "someone": []})

    (session,) = experiments.freihaut(folder)
    assert (session.name, session.person) == ("fg3CDPvCyq-HS-0", "fg3CDPvCyq")
    assert session.events[:3] == [[0, "move", 6, 8], [17, "move", 0, 8], [18, "move", 1, 8]]


@pytest.mark.parametrize("found", [{"a": Path("x")}, {"a": print}, {"a": {1}.__class__}])
def test_a_pickle_of_anything_but_lists_is_refused(tmp_path: Path, found: object) -> None:
    assert list(experiments.freihaut(_pickled(tmp_path, found))) == []
