"""The comparison: wait for what is under way, then walk through Kafka, through what was told, and through the rows."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from deploy.operate.reconcile.accounts import (
    NO_TENANT,
    BatchKey,
    Fate,
    Miss,
    Place,
    Report,
    RowPlace,
    Sent,
    count_fate,
    fate_of,
)
from deploy.operate.reconcile.kafka import KafkaSide, open_kafka
from deploy.operate.reconcile.ledger import Receipt, Scratch, Told, read_receipts
from deploy.operate.reconcile.postgres import PostgresSide, Span, Unscored, open_postgres
from deploy.operate.reconcile.settling import Offsets, Say, settle
from services.insights.books import Bounds, Outcomes, Partition, balance
from services.scorer.pipeline import scored_domains
from shared.topics import DEAD_LETTERS, VERDICTS, Domain, events_topic

Missed = Callable[[Miss], None]
_WHY = {
    Fate.LOST: "on the broker, passed by the persister, and in no table",
    Fate.WAITING: "on the broker, and the persister has not come to it; see whether it runs, or wait longer",
    Fate.MISCOUNTED: "its row says another number of events than its record",
}


@dataclass(frozen=True, slots=True, repr=False)
class Request:
    """What to compare.

    Parameters
    ----------
    bootstrap, dsn, topic_prefix
        Where Kafka is, PostgreSQL as telltale_operator, and what stands before topic and group names.
    ledgers
        Files of receipts.
    tenant_id
        One tenant only; None is all.
    wait_s
        Longest wait for scorer and persister to come to what is on the broker now, in seconds.
    """

    bootstrap: str
    dsn: str
    topic_prefix: str = ""
    ledgers: Sequence[Path] = ()
    tenant_id: str | None = None
    wait_s: float = 60.0


async def compare(request: Request, say: Say, missed: Missed) -> Report:
    """Compare everything; each batch that is not where it should be is told to `missed` as it is found.

    Raises
    ------
    SourceAway
        Kafka or PostgreSQL does not answer.
    LedgerWrong
        A ledger cannot be read.
    """
    async with open_kafka(request.bootstrap) as kafka, open_postgres(request.dsn, request.tenant_id) as postgres:
        spans = await postgres.spans()
        with Scratch() as scratch:
            # Before the broker's ends are read: what a client was told of lies below them.
            told = scratch.add_told(_comparable(request, since=spans[0][1]))
            say(f"receipts: {told:,} batches in {len(request.ledgers)} files")
            return await _Comparison(request, kafka, postgres, scratch, spans, say, missed).run()


def _comparable(request: Request, since: datetime) -> Iterator[Receipt]:
    """Give the receipts asked for. Of those from before the oldest day kept, the rows are gone by rule."""
    for one in read_receipts(request.ledgers):
        if (request.tenant_id in (None, one.tenant) or not one.tenant) and (one.at is None or one.at >= since):
            yield one


class _Comparison:
    """One run, and what it needs at hand."""

    def __init__(
        self,
        request: Request,
        kafka: KafkaSide,
        postgres: PostgresSide,
        scratch: Scratch,
        spans: Sequence[Span],
        say: Say,
        missed: Missed,
    ) -> None:
        self._request = request
        self._kafka = kafka
        self._postgres = postgres
        self._scratch = scratch
        self._spans = spans
        self._say = say
        self._missed = missed
        self._report = Report()
        self._topic_of = {domain: request.topic_prefix + events_topic(domain) for domain in Domain}
        self._scored = scored_domains()

    async def run(self) -> Report:
        """Compare."""
        prefix = self._request.topic_prefix
        kept = [*self._topic_of.values(), prefix + VERDICTS, prefix + DEAD_LETTERS]
        bounds = await self._kafka.bounds(kept)
        events = {at: held for at, held in bounds.items() if at[0] in self._topic_of.values()}
        scored_topics = {self._topic_of[domain] for domain in self._scored}
        scored_next = await settle(
            self._kafka, self._postgres, prefix, events, scored_topics, self._request.wait_s, self._say
        )
        # In this order, or records that come and go in between would look lost.
        beginnings = await self._kafka.bounds(kept)
        books = await self._postgres.books(kept)
        ends = await self._kafka.bounds(kept)
        self._balance({at: Bounds(held.beginning, ends[at].end) for at, held in beginnings.items()}, books)
        for partition, held in sorted(events.items()):
            await self._walk_partition(partition, held, books)
        await self._walk_told()
        for span in self._spans:
            await self._walk_rows(span, scored_next, events)
        await self._find_doubled()
        return self._report

    def _balance(self, bounds: Mapping[Partition, Bounds], books: Mapping[Partition, Outcomes]) -> None:
        for at, held in sorted(bounds.items()):
            [told] = balance({at: held}, books).values()
            if told.unaccounted:
                self._report.unbalanced.append(f"{at[0]}/{at[1]}: {told.unaccounted:+} records without an outcome")

    async def _walk_partition(self, partition: Partition, held: Bounds, books: Mapping[Partition, Outcomes]) -> None:
        name = f"{partition[0]}/{partition[1]}"
        self._report.ranges[name] = (held.beginning, held.end)
        domain = next(domain for domain, topic in self._topic_of.items() if topic == partition[0])
        next_offset = books[partition].next_offset if partition in books else held.beginning
        async for window in self._kafka.records(partition, held, domain):
            wanted = [sent for sent in window if self._request.tenant_id in (None, sent.tenant_id)]
            await self._judge(wanted, next_offset)
            self._say(
                f"{name}: {window[-1].place.offset + 1 - held.beginning:,} of {held.end - held.beginning:,} records"
            )

    async def _judge(self, window: Sequence[Sent], next_offset: int) -> None:
        rows = await self._rows_of(window)
        rowless = [sent.place for sent in window if not _has_own_row(sent, rows)]
        letters = await self._postgres.letters("persister", rowless)
        for sent in window:
            found = rows.get((sent.tenant_id, sent.batch_id), []) if sent.batch_id is not None else []
            fate = fate_of(sent, found, letters.get(sent.place), next_offset)
            count_fate(self._report.of(sent.tenant_id), fate)
            if fate in _WHY:
                self._missed(Miss(fate, _WHY[fate], sent.tenant_id, sent.batch_id, sent.place))
                if sent.batch_id is not None and fate is not Fate.MISCOUNTED:
                    self._scratch.add_missed((sent.tenant_id, sent.batch_id), fate)

    async def _rows_of(self, window: Sequence[Sent]) -> dict[BatchKey, list[RowPlace]]:
        """Find the rows of a window's batches; those that are not where their stamp says are sought everywhere."""
        stamps = [sent.received_at for sent in window if sent.received_at is not None]
        if not stamps:
            return {}
        ids = [sent.batch_id for sent in window if sent.batch_id is not None]
        rows = await self._postgres.rows_near(ids, min(stamps), max(stamps))
        absent = [sent.batch_id for sent in window if sent.batch_id and (sent.tenant_id, sent.batch_id) not in rows]
        return rows | await self._postgres.rows_anywhere(absent)

    async def _walk_told(self) -> None:
        count = 0
        for window in self._scratch.told():
            await self._judge_told(window)
            count += len(window)
            self._say(f"receipts: {count:,} batches looked up")

    async def _judge_told(self, window: Sequence[Told]) -> None:
        rows = await self._postgres.rows_anywhere([told.batch_id for told in window])
        tenants_of: dict[UUID, list[str]] = {}
        for tenant_id, batch_id in rows:
            tenants_of.setdefault(batch_id, []).append(tenant_id)
        rowless = [told.batch_id for told in window if told.batch_id not in tenants_of]
        rejected = await self._postgres.rejected(rowless)
        for told in window:
            owners = [one for one in tenants_of.get(told.batch_id, []) if told.tenant_id in ("", one)]
            tenant_id = told.tenant_id or (owners[0] if owners else self._request.tenant_id or NO_TENANT)
            books = self._report.of(tenant_id)
            books.told += 1
            if owners:
                if told.events is not None and told.events not in {
                    row.events for row in rows[(tenant_id, told.batch_id)]
                }:
                    books.miscounted += 1
                    why = "its row says another number of events than the client was told"
                    self._missed(Miss(Fate.MISCOUNTED, why, tenant_id, told.batch_id))
            elif told.fate is None and told.batch_id not in rejected:
                books.lost += 1
                why = "acknowledged to the client, in no table, and not on the broker"
                self._missed(Miss(Fate.LOST, why, tenant_id, told.batch_id))

    async def _walk_rows(self, span: Span, scored_next: Offsets, events: Mapping[Partition, Bounds]) -> None:
        for tenant_id, batches in (await self._postgres.persisted(span)).items():
            self._report.of(tenant_id).persisted += batches
        async for window in self._postgres.unscored(span, self._scored):
            await self._judge_unscored(window, scored_next, events)
        day = "days without a partition" if span in (self._spans[0], self._spans[-1]) else f"{span[0]:%Y-%m-%d}"
        self._say(f"rows: looked through {day}")

    async def _judge_unscored(
        self, window: Sequence[Unscored], scored_next: Offsets, events: Mapping[Partition, Bounds]
    ) -> None:
        place_of = {row: Place(self._topic_of[Domain(row.domain)], row.partition, row.offset) for row in window}
        letters = await self._postgres.letters("scorer", place_of.values())
        unlettered = [row for row in window if place_of[row] not in letters]
        refused = await self._postgres.rejected_verdicts((row.tenant_id, row.batch_id) for row in unlettered)
        for row in unlettered:
            place = place_of[row]
            at = place.topic, place.partition
            if (row.tenant_id, row.batch_id) in refused or (at in events and place.offset >= events[at].end):
                continue  # its verdict is a dead letter, or it came after we began
            books = self._report.of(row.tenant_id)
            if place.offset >= scored_next.get(at, 0):
                books.unscored_waiting += 1
                why = "stored, and the scorer has not come to it; see whether it runs, or wait longer"
            else:
                books.unscored += 1
                why = "stored and passed by the scorer, and there is neither a verdict nor a dead letter"
            self._missed(Miss("unscored", why, row.tenant_id, row.batch_id, place))

    async def _find_doubled(self) -> None:
        for table in ("batches", "verdicts"):
            async for window in self._postgres.doubled(table):
                for row in window:
                    self._report.of(row.tenant_id).duplicated += row.more
                    self._missed(Miss("duplicated", f"{row.more} more rows in {table}", row.tenant_id, row.batch_id))
            self._say(f"rows: {table} looked through for doubles")


def _has_own_row(sent: Sent, rows: Mapping[BatchKey, Sequence[RowPlace]]) -> bool:
    found = rows.get((sent.tenant_id, sent.batch_id), ()) if sent.batch_id is not None else ()
    return any(row[:3] == (sent.domain, *sent.place[1:]) for row in found)
