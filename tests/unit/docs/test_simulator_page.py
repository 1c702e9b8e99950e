"""The simulator's page lists every family, as the simulator does."""

import re
from pathlib import Path

from services.scorer.lab.simulate.families import FAMILIES

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/simulator.md").read_text()
ROWS = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", PAGE, re.MULTILINE))


def test_every_family_is_listed_and_no_other() -> None:
    assert set(ROWS) == set(FAMILIES)


def test_families_are_described_as_the_command_lists_them() -> None:
    assert {name: about for name, about in ROWS.items() if not about.startswith(FAMILIES[name].about.rstrip("."))} == {}


def test_every_option_named_is_there() -> None:
    command = (ROOT / "services/scorer/lab/simulate/__main__.py").read_text()
    named = set(re.findall(r"(?<![\w-])--[a-z]+", PAGE))
    assert {option for option in named if f'"{option}"' not in command} == set()


def test_every_test_named_is_there() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)`", PAGE)
    assert named and all((ROOT / name).is_file() for name in named)
