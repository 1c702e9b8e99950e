"""The delivery page argues with tests that there are."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "delivery.md").read_text()
NAMED = re.findall(r"`(tests/[\w./-]+)::(\w+)`", PAGE)
STEPS = re.findall(r"^## \d\. .+$", PAGE, re.MULTILINE)


@pytest.mark.parametrize(("path", "name"), NAMED, ids="::".join)
def test_every_named_test_is_there(path: str, name: str) -> None:
    assert re.search(rf"^\s*(async )?def {name}\(", (ROOT / path).read_text(), re.MULTILINE)


@pytest.mark.parametrize("step", STEPS)
def test_every_step_names_a_test_that_holds_it(step: str) -> None:
    argument = PAGE.partition(step)[2].partition("\n## ")[0]
    assert re.search(r"`tests/[\w./-]+::test_\w+`", argument)


def test_the_path_is_argued_from_the_client_to_the_dead_letters() -> None:
    assert len(STEPS) == 6


def test_no_test_is_named_in_a_way_that_is_not_checked() -> None:
    assert PAGE.count("::") == len(NAMED)
