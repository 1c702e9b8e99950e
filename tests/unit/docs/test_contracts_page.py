"""The contracts page names everything the contracts hold, and its example is valid."""

import json
import re
from pathlib import Path

import pytest

from shared.contracts.batch import decode_batch, event_count
from shared.contracts.behavior import AnyBehaviorEvent, AnyBehaviorTrack
from shared.contracts.dead_letter import DeadLetterReason
from shared.topics import TOPICS

PAGE = (Path(__file__).parents[3] / "docs" / "contracts.md").read_text()
TYPES = {kind.__struct_config__.tag for kind in (*AnyBehaviorEvent.__args__, *AnyBehaviorTrack.__args__)}


@pytest.mark.parametrize("name", sorted(TYPES) + sorted(DeadLetterReason))
def test_every_type_and_reason_is_named(name: str) -> None:
    assert f"`{name}`" in PAGE


def test_every_topic_is_named() -> None:
    missing = [topic.name for topic in TOPICS if topic.name not in PAGE and not topic.name.startswith("scorer-state")]
    assert missing == []


def test_the_example_is_a_valid_batch() -> None:
    [example] = re.findall(r"```json\n(.*?)```", PAGE, flags=re.DOTALL)
    assert json.loads(example)
    assert event_count(decode_batch(example.encode())) == 5


def test_links_lead_somewhere() -> None:
    docs = Path(__file__).parents[3]
    for page in [docs / "README.md", *(docs / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
