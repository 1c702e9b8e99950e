"""The example of the page on adding rules: one file, and it is in verdicts, in the rule list and under the checks."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.scorer.domains.behavior import rules as rules_folder
from services.scorer.features import load_features
from services.scorer.lab.rules import rule_table
from services.scorer.pipeline import Ruleset, load_ruleset
from shared.contracts.behavior import DeviceFingerprint
from shared.topics import Domain
from tests.unit.scorer.inputs import at, fold_all, scored
from tests.unit.scorer.rule_checks import CHECKS

NAME = "example_of_the_page"
PAGE = Path(__file__).parents[3] / "docs" / "add-a-rule.md"


@pytest.fixture
def plain() -> Ruleset:
    return load_ruleset(Domain.BEHAVIOR)


@pytest.fixture
def extended(tmp_path: Path) -> Iterator[Ruleset]:
    """The behaviour rules with one more file in their folder."""
    [example] = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    # Under a name of its own, because a reader may have added the page's file for real.
    (tmp_path / f"{NAME}.py").write_text(example.replace("AUTOMATION_FLAGS_MANY", NAME.upper()))
    rules_folder.__path__.append(str(tmp_path))
    try:
        yield load_ruleset(Domain.BEHAVIOR)
    finally:
        rules_folder.__path__.remove(str(tmp_path))


def test_it_is_in_verdicts(extended: Ruleset) -> None:
    shown = DeviceFingerprint(occurred_at=at(0), automation_flags=["a", "b", "c"])
    _, verdict = fold_all([scored("first", [shown])], extended)

    (reason,) = [reason for reason in verdict.reasons if reason.code == NAME.upper()]
    assert reason.evidence == {"automation_flag_count": 3}


def test_it_is_in_the_rule_list(extended: Ruleset) -> None:
    assert NAME in [row["id"] for row in extended.describe()]
    assert NAME in list(rule_table(Domain.BEHAVIOR).columns[0].cells)


def test_it_is_under_the_shared_checks(extended: Ruleset) -> None:
    (named,) = [named for named in extended.rules if named.id == NAME]
    table = dict(load_features(Domain.BEHAVIOR).table)

    for check in CHECKS:
        check(named, table)


def test_it_changes_the_version_of_the_ruleset(plain: Ruleset, extended: Ruleset) -> None:
    assert extended.version != plain.version
    assert {named.id for named in extended.rules} - {named.id for named in plain.rules} == {NAME}
