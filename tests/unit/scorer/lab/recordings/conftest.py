from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from services.scorer.lab.recordings.recorded import Recorded

Put = Callable[[str, str], Path]


def rows_in(session: Recorded) -> list[list[Any]]:
    """Give the events of a session of rows."""
    return [event for event in session.events if isinstance(event, list)]


@pytest.fixture
def put(tmp_path: Path) -> Put:
    """Write one file of a repository; give the repository's folder."""

    def put(path: str, text: str) -> Path:
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return tmp_path

    return put
