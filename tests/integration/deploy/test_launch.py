"""The launcher every part is started by."""

import os
import subprocess
import time
from pathlib import Path

_LAUNCHER = Path(__file__).resolve().parents[3] / "deploy" / "local" / "launch.sh"


def _launch(pid_file: Path, *command: str) -> str:
    done = subprocess.run(
        ["/bin/sh", _LAUNCHER, pid_file, *command], capture_output=True, text=True, check=True, timeout=10
    )
    return done.stdout.strip()


def test_the_recorded_pid_is_the_commands_own(tmp_path: Path) -> None:
    printed = _launch(tmp_path / "pid", "/bin/sh", "-c", "echo $$")
    assert (tmp_path / "pid").read_text().strip() == printed


def test_arguments_arrive_unchanged(tmp_path: Path) -> None:
    assert _launch(tmp_path / "pid", "printf", "%s|", "two words", "$HOME", "50%") == "two words|$HOME|50%|"


def test_a_part_that_ends_at_once_is_not_started_at_once_again(tmp_path: Path) -> None:
    _launch(tmp_path / "pid", "true")
    soon_s = time.time() + 60  # whatever this machine does in between, the first start stays a recent one
    os.utime(tmp_path / "pid", (soon_s, soon_s))
    started = time.monotonic()
    _launch(tmp_path / "pid", "true")
    assert time.monotonic() - started >= 1.0
