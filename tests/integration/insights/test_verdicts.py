"""What explains a verdict, on the real database and a real scorer's ops port."""

import uuid
from collections.abc import AsyncIterator

import asyncpg
import pytest

from deploy.local.host import free_ports
from deploy.local.servers_for_tests import Servers
from services.insights.database import Database
from services.insights.explaining import CurrentRuleset
from services.insights.ports import SourceAway
from services.insights.postgres import PostgresVerdictStore
from services.insights.scorer_rules import ScorerRules
from services.persister.planning import Stream
from services.persister.postgres import PostgresStore, open_pool
from services.scorer.ops import Rulesets, scorer_routes
from services.scorer.pipeline import load_ruleset
from shared.contracts.verdict import Verdict
from shared.ops import serving
from shared.topics import Domain
from tests.contract.insights.verdict_suites import RuleBookContract, VerdictStoreContract, session_of
from tests.contract.persister.suites import plan_of
from tests.unit.persister.records import verdict_record


class PostgresVerdictWorld:
    """Verdicts written by the persister's own store."""

    def __init__(self, store: PostgresStore, database: Database) -> None:
        self._store = store
        self._database = database
        self.verdicts = PostgresVerdictStore(database)

    async def keep(self, *verdicts: Verdict) -> None:
        stream = Stream(f"test.{uuid.uuid4()}", 0)
        await self._store.claim({stream: 0})
        await self._store.write(plan_of(stream, "verdicts.v1", [verdict_record(0, verdict) for verdict in verdicts]))

    async def go_away(self) -> None:
        await self._database.__aexit__(None, None, None)


@pytest.fixture
async def postgres(servers: Servers) -> AsyncIterator[PostgresVerdictWorld]:
    pool = await open_pool(servers.postgres_dsn_by_role["telltale_persister"])
    async with Database(servers.postgres_dsn_by_role["telltale_insights"], connections=1) as database:
        yield PostgresVerdictWorld(PostgresStore(pool), database)
    await pool.close()


class TestPostgresVerdicts(VerdictStoreContract):
    @pytest.fixture
    def world(self, postgres: PostgresVerdictWorld) -> PostgresVerdictWorld:
        return postgres


async def test_a_verdict_is_found_by_its_id_without_reading_the_table(
    servers: Servers, postgres: PostgresVerdictWorld
) -> None:
    (verdict,) = session_of(f"t-{uuid.uuid4().hex[:12]}", range(1, 2))
    await postgres.keep(verdict)
    owner = await asyncpg.connect(servers.postgres_dsn_by_role["telltale_owner"])
    try:
        async with owner.transaction():
            await owner.execute("SET LOCAL enable_seqscan = off")
            plan = await owner.fetch("EXPLAIN SELECT FROM verdicts WHERE verdict_id = $1", verdict.verdict_id)
    finally:
        await owner.close()
    assert not [line for (line,) in plan if "Seq Scan" in line]


class ScorerWorld:
    """A scorer's ops routes on a port of their own."""

    def __init__(self, rulesets: Rulesets, rules: ScorerRules) -> None:
        self._rulesets = rulesets
        self.rules = rules

    async def put_in_force(self, domain: Domain, ruleset: CurrentRuleset) -> None:
        assert isinstance(self._rulesets, dict)
        self._rulesets[domain] = {
            "version": ruleset.version,
            "rules": list(ruleset.rules),
            "models": list(ruleset.models),
        }

    async def go_away(self) -> None:
        await self.rules.__aexit__(None, None, None)
        self.rules = ScorerRules("http://127.0.0.1:1")  # nobody listens there
        await self.rules.__aenter__()


@pytest.fixture
async def scorer() -> AsyncIterator[ScorerWorld]:
    (port,) = free_ports(1)
    rulesets: dict[Domain, dict[str, object]] = {}
    async with serving(scorer_routes(dict, rulesets), "127.0.0.1", port):
        async with ScorerRules(f"http://127.0.0.1:{port}/") as rules:
            world = ScorerWorld(rulesets, rules)
            yield world
        await world.rules.__aexit__(None, None, None)


class TestScorerRules(RuleBookContract):
    @pytest.fixture
    def world(self, scorer: ScorerWorld) -> ScorerWorld:
        return scorer


async def test_the_real_rules_come_whole(scorer: ScorerWorld) -> None:
    ruleset = load_ruleset(Domain.BEHAVIOR)
    models = [model.describe() for model in ruleset.models]
    await scorer.put_in_force(Domain.BEHAVIOR, CurrentRuleset(ruleset.version, ruleset.describe(), models))
    told = await scorer.rules.current(Domain.BEHAVIOR)
    assert told is not None
    assert (told.version, told.rules, told.models) == (ruleset.version, ruleset.describe(), models)


async def test_a_stranger_on_the_port_counts_as_away(servers: Servers) -> None:
    (port,) = free_ports(1)
    async with serving([], "127.0.0.1", port), ScorerRules(f"http://127.0.0.1:{port}") as rules:
        with pytest.raises(SourceAway):
            await rules.current(Domain.BEHAVIOR)
