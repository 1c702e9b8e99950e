"""Rows as the persister writes them, added by the owner; the schema's own triggers count them."""

from datetime import datetime

import asyncpg

from services.insights.books import Outcomes
from shared.topics import Domain


class Rows:
    """Makes things happen in the database.

    Parameters
    ----------
    owner
        Connection as telltale_owner.
    """

    def __init__(self, owner: asyncpg.Connection) -> None:
        self._owner = owner

    async def batch(self, tenant_id: str, domain: Domain, at: datetime, *, events: int) -> None:
        await self._owner.execute(
            "INSERT INTO batches (received_at, source_offset, clock_skew_ms, source_partition, event_count, batch_id,"
            " tenant_id, domain, subject_type, subject_id, traceparent, payload)"
            " VALUES ($1, 0, 0, 0, $2, gen_random_uuid(), $3, $4, 'session', 's', '', '{}')",
            at, events, tenant_id, domain,
        )  # fmt: skip

    async def verdict(
        self, tenant_id: str, domain: Domain, at: datetime, *, action: str, risk: float, reasons: tuple[str, ...] = ()
    ) -> None:
        await self._owner.execute(
            "INSERT INTO verdicts (received_at, scored_at, occurred_at, session_started_at, source_offset, risk_score,"
            " confidence, source_partition, event_count, trust_score, verdict_id, batch_id, tenant_id, domain,"
            " subject_type, subject_id, action, label, traceparent, reason_codes, document)"
            " VALUES ($1, $1, $1, $1, 0, $2, 1, 0, 1, 50, gen_random_uuid(), gen_random_uuid(), $3, $4,"
            " 'session', 's', $5, 'human', '', $6, $7)",
            at, risk, tenant_id, domain, action, list(reasons), "{}",
        )  # fmt: skip

    async def dead_letter(
        self,
        tenant_id: str | None,
        at: datetime,
        *,
        topic: str = "t",
        stage: str = "scorer",
        reason: str = "undecodable",
    ) -> None:
        await self._owner.execute(
            "INSERT INTO dead_letters (source_timestamp, source_offset, source_partition, dead_letter_id, stage,"
            " reason, detail, source_topic, tenant_id, headers, payload)"
            " VALUES ($1, 0, 0, gen_random_uuid(), $4, $5, '', $3, $2, '{}', '')",
            at, tenant_id, topic, stage, reason,
        )  # fmt: skip

    async def books(self, topic: str, partition: int, told: Outcomes) -> None:
        await self._owner.execute(
            "INSERT INTO stream_offsets (topic, partition, first_offset, next_offset, persisted, duplicates, rejected)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7)",
            topic, partition, told.first_offset, told.next_offset, told.persisted, told.duplicates, told.rejected,
        )  # fmt: skip
