"""The command writes what it says it writes; its last line is one JSON object."""

import gzip
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from services.scorer.lab.simulate.__main__ import API_KEY_VARIABLE, main
from services.scorer.lab.simulate.families import FAMILIES


@pytest.mark.parametrize("name", ["out.jsonl", "out.jsonl.gz"])
def test_sessions_are_written_and_counted(tmp_path: Path, name: str) -> None:
    out = tmp_path / name
    result = CliRunner().invoke(main, ["--sessions", "4", "--families", "mouse, wind", "--out", str(out)])

    assert result.exit_code == 0
    content = gzip.decompress(out.read_bytes()) if name.endswith(".gz") else out.read_bytes()
    lines = content.decode().splitlines()
    told = json.loads(result.stdout.splitlines()[-1])
    assert [json.loads(line)["group"] for line in lines] == ["mouse", "wind", "mouse", "wind"]
    assert told["sessions"] == 4 and told["by_family"]["wind"]["sessions"] == 2
    assert told["events"] == sum(family["events"] for family in told["by_family"].values())


def test_the_list_names_every_family() -> None:
    result = CliRunner().invoke(main, ["--list"])

    assert all(name in result.stdout for name in FAMILIES)


def test_an_unknown_family_is_an_error() -> None:
    result = CliRunner().invoke(main, ["--families", "mouse,ghost"])

    assert result.exit_code == 2 and "ghost" in result.output


def test_sending_needs_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(API_KEY_VARIABLE, raising=False)
    result = CliRunner().invoke(main, ["--sessions", "1", "--send", "http://127.0.0.1:1"])

    assert result.exit_code == 1 and API_KEY_VARIABLE in result.output
