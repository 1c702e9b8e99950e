"""Every rule file of every domain under the shared checks."""

from collections import Counter
from collections.abc import Callable

import msgspec
import pytest

from services.scorer.features import load_features
from services.scorer.pipeline import load_ruleset, scored_domains
from services.scorer.rules import NamedRule
from shared.topics import Domain
from tests.unit.scorer.rule_checks import CHECKS, Table

DOMAINS = scored_domains()
EVERY_RULE = [(domain, named) for domain in DOMAINS for named in load_ruleset(domain).rules]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize(("domain", "named"), EVERY_RULE, ids=[f"{domain}/{named.id}" for domain, named in EVERY_RULE])
def test_rule(domain: Domain, named: NamedRule, check: Callable[[NamedRule, Table], None]) -> None:
    check(named, dict(load_features(domain).table))


@pytest.mark.parametrize("domain", DOMAINS)
def test_codes_are_unique(domain: Domain) -> None:
    codes = Counter(named.rule.reason for named in load_ruleset(domain).rules)

    assert [code for code, count in codes.items() if count > 1] == []


@pytest.mark.parametrize("domain", DOMAINS)
def test_the_rule_list_is_plain_data(domain: Domain) -> None:
    described = load_ruleset(domain).describe()

    assert msgspec.json.decode(msgspec.json.encode(described)) == described
    assert [row["id"] for row in described] == sorted(row["id"] for row in described)


@pytest.mark.parametrize("domain", DOMAINS)
def test_a_new_subject_has_every_feature_of_the_table(domain: Domain) -> None:
    features = load_features(domain)

    assert set(features.new().values()) == set(features.table)


@pytest.mark.parametrize("domain", DOMAINS)
def test_of_a_new_subject_no_rule_can_tell(domain: Domain) -> None:
    """A missing signal is no evidence."""
    ruleset = load_ruleset(domain)

    judgement, unknown = ruleset.judge(ruleset.features.new().values(), events_seen=0)

    assert unknown == [named.id for named in ruleset.rules]
    assert (judgement.action, judgement.label, judgement.risk_score) == ("ALLOW", "undecided", 0.0)
