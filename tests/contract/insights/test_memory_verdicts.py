"""The adapters in memory keep the contracts of the ports behind an explanation."""

import pytest

from services.insights.explaining import CurrentRuleset
from services.insights.memory import MemoryRules, MemoryStore
from shared.contracts.verdict import Verdict
from shared.topics import Domain
from tests.contract.insights.verdict_suites import SPENT, RuleBookContract, VerdictStoreContract


class MemoryVerdictWorld:
    def __init__(self) -> None:
        self.verdicts = MemoryStore()

    async def keep(self, *verdicts: Verdict) -> None:
        self.verdicts.verdicts += [(verdict, verdict.received_at + SPENT) for verdict in verdicts]

    async def go_away(self) -> None:
        self.verdicts.away = True


class MemoryRulesWorld:
    def __init__(self) -> None:
        self.rules = MemoryRules()

    async def put_in_force(self, domain: Domain, ruleset: CurrentRuleset) -> None:
        self.rules.rulesets[domain] = ruleset

    async def go_away(self) -> None:
        self.rules.away = True


class TestMemoryVerdicts(VerdictStoreContract):
    @pytest.fixture
    def world(self) -> MemoryVerdictWorld:
        return MemoryVerdictWorld()


class TestMemoryRules(RuleBookContract):
    @pytest.fixture
    def world(self) -> MemoryRulesWorld:
        return MemoryRulesWorld()
