"""The command makes a file of each source that is there, and tells how to get the others."""

import gzip
import json
from pathlib import Path

import pytest

from services.scorer.lab.recordings.__main__ import main
from services.scorer.lab.recordings.sources import SOURCES, Reader
from services.scorer.lab.sessions import Session, read_sessions
from tests.unit.scorer.lab.recordings.conftest import Put

READERS = [(name, reader) for source in SOURCES for name, reader in source.readers.items()]
SAPIMOUSE = "jjmatthiesen+trajectoryAnimation_SapiMouse/data/sapimouse/user1/session_1min.csv"
NATURAL = "199-bio+natural-pointer/mouse_data.json"


def put_two_sources(put: Put) -> Path:
    rows = [f"{100 + 8 * n},NoButton,Move,{n},{n}" for n in range(1_300)]
    put(SAPIMOUSE, "\n".join(["client timestamp,button,state,x,y", *rows]))
    return put(NATURAL, json.dumps([{"type": "move", "rel_time": n / 100, "x": n / 60, "y": 0.5} for n in range(60)]))


def test_every_source_that_is_there_is_made(put: Put, capsys: pytest.CaptureFixture[str]) -> None:
    folder = put_two_sources(put)

    assert main([str(folder), "--out", str(folder / "out")]) == 0
    told = capsys.readouterr()
    assert json.loads(told.out.splitlines()[-1]) == {"sapimouse": 2, "natural_pointer": 1}
    assert {file.name for file in (folder / "out").iterdir()} == {
        "sapimouse_mouse.jsonl.gz",
        "natural_pointer.jsonl.gz",
    }
    assert "get lucmos/biotouch from GitHub" in told.err and "get 199-bio/natural-pointer" not in told.err


def test_the_lab_reads_what_is_made(put: Put) -> None:
    folder = put_two_sources(put)
    main([str(folder), "--out", str(folder)])

    found = [s for name in ("sapimouse_mouse", "natural_pointer") for s in read_sessions(folder / f"{name}.jsonl.gz")]
    sessions = [session for session in found if isinstance(session, Session)]
    assert [(session.session_id, session.group, session.person) for session in sessions] == [
        ("user1-session_1min-0", "human_web", "user1"),
        ("user1-session_1min-1", "human_web", "user1"),
        ("natural_pointer-0", "natural_pointer", "natural_pointer"),
    ]
    assert [(session.label, len(session.events), session.refused) for session in sessions] == [
        ("human", 1_000, 0), ("human", 300, 0), ("human", 60, 0),
    ]  # fmt: skip


def test_only_what_is_asked_for_is_made_and_always_the_same(put: Put, capsys: pytest.CaptureFixture[str]) -> None:
    folder = put_two_sources(put)
    outs = [folder / "a", folder / "b"]
    for out in outs:
        assert main([str(folder), "--out", str(out), "--only", "sapimouse"]) == 0

    first, second = (list(out.iterdir()) for out in outs)
    assert [file.name for file in first] == ["sapimouse_mouse.jsonl.gz"]
    assert first[0].read_bytes() == second[0].read_bytes()
    line = gzip.decompress(first[0].read_bytes()).splitlines()[0]
    assert line.startswith(
        b'{"session": "user1-session_1min-0", "group": "human_web", "label": "human", "participant": '
    )
    assert "biotouch" not in capsys.readouterr().err


def test_a_source_of_two_repositories_needs_both(put: Put, capsys: pytest.CaptureFixture[str]) -> None:
    folder = put("lukasschueler+XPLab2020_FinalProject/README.md", "")

    assert main([str(folder), "--only", "magpie_dale"]) == 2
    told = capsys.readouterr()
    assert "get lokonnek/" in told.err and "get lukasschueler/" not in told.err
    assert json.loads(told.out) == {}


def test_an_empty_folder_tells_every_repository(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    told = capsys.readouterr()
    assert json.loads(told.out) == {}
    assert all(f"get {name} from GitHub" in told.err for name, _ in READERS)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("repository", "reader"), READERS)
def test_a_repository_without_recordings_gives_none(tmp_path: Path, repository: str, reader: Reader) -> None:
    assert list(reader(tmp_path)) == []


@pytest.mark.parametrize(("repository", "reader"), READERS)
@pytest.mark.parametrize("text", ["", "\n", "{", "[]", "{}", "[1]", '[{"a": 1}]', "a,b\n1\n,,,,\n", "\x00\ufffd,1\n"])
def test_files_of_noise_give_no_sessions(put: Put, repository: str, reader: Reader, text: str) -> None:
    for path in (
        "data/sapimouse/user1/session_1min.csv", "data/dsjtzs_txfz_training.txt", "data/collect_data/data_all.csv",
        "data/a.csv", "mouse_data.json", "raw_data/a/1-2.json", "data/data-25.07.csv",
        "data/02_main/Original Study/Results_Table_Main.csv", "raw_collected_data/participant_1.csv",
        "a_project/raw/subject-1.csv", "Datasets/Data_LSTM_Analysis/Data_PointClick_Task.pkl",
        "python/python/data/Game1.json", "res/Biotouch/a/0/b/a.b.1.json", "Part-2/Dataset/MousePad/s01/a.xml",
        "Part-2/Dataset/TouchScreen_without_stylus/s01/a.xml", "dataset2/a/Keystrokes.csv", "Facebook/f_1.csv",
        "IIITBh-Big.csv",
    ):  # fmt: skip
        folder = put(path, text)
    assert list(reader(folder)) == []


def test_sources_are_told_apart() -> None:
    assert len({source.name for source in SOURCES}) == len(SOURCES)
    assert len({source.file or source.name for source in SOURCES}) == len(SOURCES)
