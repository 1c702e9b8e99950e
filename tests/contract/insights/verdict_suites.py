"""What every adapter of the ports behind an explanation must do."""

import uuid
from abc import abstractmethod
from datetime import UTC, datetime, timedelta
from typing import Protocol

import msgspec
import pytest

from services.insights.explaining import MAX_BATCHES, CurrentRuleset
from services.insights.ports import RuleBook, SourceAway, VerdictStore
from shared.contracts.verdict import SessionFacts, Verdict
from shared.topics import Domain
from tests.unit.persister.records import verdict_of

START = datetime.now(UTC).replace(microsecond=250_000) - timedelta(minutes=20)
SPENT = timedelta(milliseconds=3)


class VerdictWorld(Protocol):
    """A store of verdicts, and the means to put some there; each is scored ``SPENT`` after it was received."""

    verdicts: VerdictStore

    @abstractmethod
    async def keep(self, *verdicts: Verdict) -> None: ...

    @abstractmethod
    async def go_away(self) -> None: ...


def session_of(
    tenant_id: str, places: range, *, subject_id: str = "s", began: timedelta = timedelta(0)
) -> list[Verdict]:
    """Make the verdicts of one session, by their places in it, a second apart."""
    started_at = START + began
    return [
        msgspec.structs.replace(
            verdict_of(
                tenant_id=tenant_id, subject_id=subject_id, received_at=started_at + timedelta(seconds=place - 1)
            ),
            session=SessionFacts(started_at, started_at + timedelta(seconds=place - 1), place, 2 * place),
        )
        for place in places
    ]


class VerdictStoreContract:
    """`VerdictStore`; give it by the fixture ``world``."""

    @pytest.fixture
    def tenant_id(self) -> str:
        return f"t-{uuid.uuid4().hex[:12]}"

    async def test_a_verdict_comes_with_the_batches_before_it_and_no_others(
        self, world: VerdictWorld, tenant_id: str
    ) -> None:
        session = session_of(tenant_id, range(1, 6))
        others = [
            *session_of(tenant_id, range(1, 3), began=-timedelta(hours=2)),
            *session_of(tenant_id, range(1, 3), subject_id="another"),
            *session_of("t-" + tenant_id, range(1, 3)),
        ]
        await world.keep(*others, *session)
        found = await world.verdicts.stored(tenant_id, session[2].verdict_id)
        assert found is not None
        assert found.verdict == session[2]
        assert (found.scored_at - session[2].received_at, found.processing_time_ms) == (SPENT, 3.0)
        assert [(batch.place, batch.batch_id, batch.verdict_id) for batch in found.batches] == [
            (place, session[place - 1].batch_id, session[place - 1].verdict_id) for place in (3, 2, 1)
        ]
        first = found.batches[-1]
        assert (first.received_at, first.event_count, first.action, first.risk_score) == (START, 2, "CHALLENGE", 0.5)

    async def test_a_batch_that_came_late_stands_where_it_was_judged(self, world: VerdictWorld, tenant_id: str) -> None:
        session = session_of(tenant_id, range(1, 4))
        late = msgspec.structs.replace(session[1], received_at=START - timedelta(minutes=3))
        await world.keep(session[0], late, session[2])
        found = await world.verdicts.stored(tenant_id, late.verdict_id)
        assert found is not None
        assert [batch.batch_id for batch in found.batches] == [late.batch_id, session[0].batch_id]

    async def test_of_a_long_session_the_latest_batches_are_told(self, world: VerdictWorld, tenant_id: str) -> None:
        session = session_of(tenant_id, range(1, MAX_BATCHES + 11))
        await world.keep(*session)
        found = await world.verdicts.stored(tenant_id, session[-1].verdict_id)
        assert found is not None
        assert [batch.place for batch in found.batches] == list(range(MAX_BATCHES + 10, 10, -1))

    async def test_what_is_not_the_tenants_is_not_there(self, world: VerdictWorld, tenant_id: str) -> None:
        (verdict,) = session_of(tenant_id, range(1, 2))
        await world.keep(verdict)
        assert await world.verdicts.stored("t-" + tenant_id, verdict.verdict_id) is None
        assert await world.verdicts.stored(tenant_id, verdict.batch_id) is None

    async def test_away_is_said(self, world: VerdictWorld, tenant_id: str) -> None:
        await world.go_away()
        with pytest.raises(SourceAway):
            await world.verdicts.stored(tenant_id, uuid.uuid4())


class RulesWorld(Protocol):
    """A book of rules, and the means to change it."""

    rules: RuleBook

    @abstractmethod
    async def put_in_force(self, domain: Domain, ruleset: CurrentRuleset) -> None: ...

    @abstractmethod
    async def go_away(self) -> None: ...


class RuleBookContract:
    """`RuleBook`; give it by the fixture ``world``."""

    async def test_the_rules_are_those_in_force(self, world: RulesWorld) -> None:
        for version in ("one", "two"):
            ruleset = CurrentRuleset(version, [{"id": f"rule_{version}", "when": [{"value": 0.5}]}], [{"name": "m"}])
            await world.put_in_force(Domain.BEHAVIOR, ruleset)
            assert await world.rules.current(Domain.BEHAVIOR) == ruleset
        assert await world.rules.current(Domain.FLEET) is None

    async def test_away_is_said(self, world: RulesWorld) -> None:
        await world.go_away()
        with pytest.raises(SourceAway):
            await world.rules.current(Domain.BEHAVIOR)
