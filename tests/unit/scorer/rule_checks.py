"""What every rule must fulfil, in any domain. A new rule file gets all of it without a test of its own."""

import copy
import re
from collections.abc import Callable

from services.scorer.features import Feature
from services.scorer.rules import NamedRule, Outcome

Table = dict[str, Feature]
_CODE = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+")


def answers_its_cases(named: NamedRule, table: Table) -> None:
    for case in named.rule.cases:
        assert named.rule.judge(case.features) is case.outcome, case.about


def has_a_case_of_each_outcome(named: NamedRule, table: Table) -> None:
    assert {case.outcome for case in named.rule.cases} == set(Outcome)


def cases_name_only_what_it_needs(named: NamedRule, table: Table) -> None:
    for case in named.rule.cases:
        assert set(case.features) <= set(named.rule.needs), case.about


def says_what_and_why(named: NamedRule, table: Table) -> None:
    first, _, rest = named.doc.partition("\n\n")
    assert first.endswith(".") and "\n" not in first, "the docstring begins with one sentence"
    assert rest.strip(), "and goes on to say why"
    assert named.rule.message.endswith(".")


def bounds_say_why(named: NamedRule, table: Table) -> None:
    assert named.rule.when
    assert all(bound.why.strip() for bound in named.rule.enough + named.rule.when)


def name_and_code_tell_each_other(named: NamedRule, table: Table) -> None:
    assert _CODE.fullmatch(named.rule.reason)
    assert named.id == named.rule.reason.lower()


def weight_is_a_probability(named: NamedRule, table: Table) -> None:
    assert 0 < named.rule.weight < 1


def features_exist(named: NamedRule, table: Table) -> None:
    assert set(named.rule.needs) <= set(table)


def missing_features_give_unknown(named: NamedRule, table: Table) -> None:
    assert named.rule.judge({}) is Outcome.UNKNOWN
    for case in named.rule.cases:
        for name in named.rule.needs:
            assert named.rule.judge({**case.features, name: None}) is Outcome.UNKNOWN


def is_deterministic_and_changes_nothing(named: NamedRule, table: Table) -> None:
    for case in named.rule.cases:
        features = dict(case.features)
        before = copy.deepcopy(features)
        assert named.rule.judge(features) is named.rule.judge(features)
        assert features == before


CHECKS: list[Callable[[NamedRule, Table], None]] = [
    answers_its_cases,
    has_a_case_of_each_outcome,
    cases_name_only_what_it_needs,
    says_what_and_why,
    bounds_say_why,
    name_and_code_tell_each_other,
    weight_is_a_probability,
    features_exist,
    missing_features_give_unknown,
    is_deterministic_and_changes_nothing,
]
