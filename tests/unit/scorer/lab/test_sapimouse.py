"""Raw SapiMouse recordings become sessions that the lab reads."""

import json
from pathlib import Path

import pytest

from services.scorer.lab.sapimouse import main
from services.scorer.lab.sessions import Session, read_sessions


def _recording(folder: Path, user: str, moves: int) -> None:
    file = folder / user / "session_1min.csv"
    file.parent.mkdir(parents=True)
    rows = [f"{100 + 8 * n},NoButton,Move,{n % 1900},{n % 1000}" for n in range(moves)]
    rows[3:3] = ["125,Left,Pressed,3,3", "190,Left,Released,3,3", "191,NoButton,Wheel,3,3"]
    file.write_text("client timestamp,button,state,x,y\n" + "\n".join(rows) + "\n")


def test_recordings_become_parts_of_a_thousand_events(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _recording(tmp_path, "user1", 1_298)
    _recording(tmp_path, "user2", 40)  # too short to tell anything
    out = tmp_path / "out" / "sapimouse.jsonl.gz"
    assert main([str(tmp_path), "--out", str(out)]) == 0
    assert json.loads(capsys.readouterr().out)["sessions"] == 2
    sessions = [session for session in read_sessions(out) if isinstance(session, Session)]
    assert [len(session.events) for session in sessions] == [1_000, 300]
    assert {session.person for session in sessions} == {"user1"}
    assert [session.refused for session in sessions] == [0, 0]


def test_the_same_recordings_give_the_same_file(tmp_path: Path) -> None:
    _recording(tmp_path, "user1", 150)
    files = [tmp_path / name for name in ("a.gz", "b.gz")]
    for file in files:
        main([str(tmp_path), "--out", str(file)])
    assert files[0].read_bytes() == files[1].read_bytes()


def test_a_folder_without_recordings_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 2
    assert "user*/session_*min.csv" in capsys.readouterr().err
