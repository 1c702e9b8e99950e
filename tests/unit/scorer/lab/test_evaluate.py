"""The evaluate command on outside recordings: a line for each session, a summary, and nothing stops it."""

import json
from pathlib import Path
from typing import Any

import pytest

from services.scorer.lab.evaluate import main
from services.scorer.lab.outside import score_file
from services.scorer.lab.sessions import Session, read_sessions
from services.scorer.pipeline import Ruleset, load_ruleset
from shared.topics import Domain

RECORDINGS = Path("deploy/local/recordings/delbot.jsonl")
FIELDS = [
    "session_id", "label", "risk_score", "trust_score", "action", "confidence", "reasons", "events_to_decision",
    "events",
]  # fmt: skip


@pytest.fixture(scope="module")
def ruleset() -> Ruleset:
    return load_ruleset(Domain.BEHAVIOR)


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def driven(session_id: str, label: str | None = "bot") -> str:
    found = {"type": "device.fingerprint", "t": 0, "webdriver": True}
    walk = [{"type": "pointer.move", "t": 16 * n, "x": 3 * n, "y": n} for n in range(1, 60)]
    return json.dumps({"session_id": session_id, "label": label, "events": [found, *walk]})


def test_every_session_gets_its_line_in_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.jsonl"

    assert main(["--sessions", str(RECORDINGS), "--out", str(out)]) == 0

    told = rows(out)
    assert [row["session_id"] for row in told] == [
        s.session_id for s in read_sessions(RECORDINGS) if isinstance(s, Session)
    ]
    assert all(list(row) == FIELDS for row in told)
    assert all(row["trust_score"] == round(100 * (1 - row["risk_score"])) for row in told)
    summary = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (summary["sessions"], summary["labelled"], summary["bad_lines"]) == (24, 24, 0)


def test_a_driven_browser_is_stopped_at_its_first_batch(tmp_path: Path, ruleset: Ruleset) -> None:
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text(driven("a") + "\n")

    summary = score_file(source, out, ruleset)

    (row,) = rows(out)
    assert row["action"] in ("REVIEW", "BLOCK")
    assert "WEBDRIVER_ACTIVE" in row["reasons"]
    assert summary.describe()["bots_not_allowed"] == 1.0


def test_lines_without_labels_or_events_are_scored_all_the_same(tmp_path: Path, ruleset: Ruleset) -> None:
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text(
        "\n".join(["nonsense", driven("a", None), '{"session_id": "b", "events": [1]}', driven("a", None)])
    )

    summary = score_file(source, out, ruleset).describe()

    assert [row["session_id"] for row in rows(out)] == ["a", "b", "a"]
    assert rows(out)[0] == rows(out)[2]
    assert rows(out)[1]["action"] == "ALLOW"
    assert summary == {"sessions": 3, "empty_sessions": 1, "bad_lines": 1, "events": 120, "refused_events": 1}


def test_the_same_file_gives_the_same_bytes(tmp_path: Path, ruleset: Ruleset) -> None:
    for name in ("one", "two"):
        score_file(RECORDINGS, tmp_path / name, ruleset)

    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--sessions", "missing.jsonl", "--out", "never.jsonl"],
        ["--sessions", str(RECORDINGS), "--out", "no/such/folder/x"],
    ],
)
def test_a_file_that_is_not_there_is_told(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert "cannot score" in capsys.readouterr().err
    assert not Path("never.jsonl").exists()


def test_nothing_to_do_is_not_an_error(tmp_path: Path, ruleset: Ruleset) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text("")

    assert score_file(source, tmp_path / "out", ruleset).describe()["sessions"] == 0
