"""The sessions page names what the session API has, and its examples of spelling are read."""

import re
from pathlib import Path

import pytest

from services.gateway.sessions.documents import DataDocument, TrackDocument
from services.gateway.sessions.kinds import GROUPS
from services.gateway.sessions.layout import TIMES
from services.gateway.sessions.reference import session_paths
from services.gateway.sessions.spelling import plain

PAGE = (Path(__file__).parents[3] / "docs" / "sessions.md").read_text()
ROWS = re.findall(r"^\| (`.+?) \|", PAGE.partition("## How behaviour")[2].partition("\n- ")[0], re.MULTILINE)


def test_every_operation_is_named() -> None:
    paths = session_paths(lambda *_: {}, lambda _: {}, (), [])
    named = {f"{method.upper()} {path}" for path, operations in paths.items() for method in operations}
    assert {one for one in named if f"`{one}`" not in PAGE} == set()


@pytest.mark.parametrize("document", [DataDocument, TrackDocument])
def test_every_field_of_an_answer_is_named(document: type) -> None:
    own = {"session_id", "batch_id", "batchId", "confidence", "reasons"}
    missing = [name for name in document.__struct_encode_fields__ if name not in own and f"`{name}`" not in PAGE]  # type: ignore[attr-defined]
    assert missing == []


def test_every_group_named_is_read() -> None:
    named = {name for row in ROWS for name in re.findall(r"`(\w+)`", row)} - {"events", "tracks"}
    assert len(named) >= 12
    assert {name for name in named if plain(name) not in GROUPS} == set()


def test_every_time_named_is_read() -> None:
    [named] = re.findall(r"\*\*Times\*\* are `(\w+)` \(or (.+?)\)", PAGE)
    assert {named[0], *re.findall(r"`(\w+)`", named[1])} <= set(TIMES)
