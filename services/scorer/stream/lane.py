"""One chunk of one partition, from polled records to everything acknowledged by the broker.

The order is the promise: dead letters, then verdicts, then states with the watermark, then the caller's ack. So states
are never ahead of verdicts, and whatever a crash leaves undone is done again from what the broker has.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic

from services.scorer.stream.admission import Refused, Source
from services.scorer.stream.folding import Slice, fold_slice, letter_records, refuse_slice, state_records
from services.scorer.stream.held import Held
from services.scorer.stream.ports import Announcer, BatchTooLarge, Judge, Publisher, S, Trial
from services.scorer.stream.suspicion import CRASHED, harmless, start_record
from services.scorer.stream.watermark import Watermark
from shared import metrics
from shared.contracts.dead_letter import DeadLetterReason
from shared.dead_letters import ConsumedRecord
from shared.topics import DEAD_LETTERS, VERDICTS, state_topic

_log = logging.getLogger(__name__)
# This many chunks with nothing but dead letters in a row are no accident of one client.
ALARMING_REJECTED_CHUNKS = 3


class GapInInput(Exception):
    """A chunk does not follow what is in the states: crash, a restart reads from the committed offset again."""


@dataclass(frozen=True, slots=True)
class Outlets:
    """Where a lane writes to, and its clock."""

    publisher: Publisher
    announcer: Announcer
    topic_prefix: str
    trial: Trial
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


class Lane(Generic[S]):
    """Scores the chunks of one partition, one after the other.

    Parameters
    ----------
    source
        The partition.
    held
        Its states, restored.
    judge
        The pure core.
    max_states
        Live states at most.
    """

    def __init__(self, source: Source, held: Held[S], judge: Judge[S], outlets: Outlets, max_states: int) -> None:
        self.source = source
        self.held = held
        self._judge = judge
        self._outlets = outlets
        self._max_states = max_states
        self._verdicts = outlets.topic_prefix + VERDICTS
        self._states = outlets.topic_prefix + state_topic(source.domain)
        self._letters = outlets.topic_prefix + DEAD_LETTERS
        self._rejected_chunks = 0
        self._place = (source.topic, source.partition)
        self._started = False
        self.first_input = held.mark.source_next

    async def score(self, chunk: Sequence[ConsumedRecord]) -> None:
        """Score a chunk and return when the broker has all that follows from it.

        Raises
        ------
        GapInInput
            Records between the watermark and the chunk are missing.
        BatchTooLarge
            One single record's verdict or state does not fit into a record batch.
        PublishFailed
            The broker did not acknowledge in time.
        """
        done = self.held.mark.source_next
        if chunk[0].offset > done:
            raise GapInInput(f"{self.source.topic}/{self.source.partition}: at {done}, got {chunk[0].offset}")
        fresh = [record for record in chunk if record.offset >= done]
        if not fresh:
            return
        score = self._score_all
        if not self._started:
            mark = start_record(self.held.mark)
            await self._outlets.publisher.publish(self._states, self.source.partition, [mark])
            self._started = True
            score = self._score_suspects if self.held.suspected else score
        rejected = await score(fresh)
        self._watch_rejections(rejected == len(fresh))

    async def _score_suspects(self, records: Sequence[ConsumedRecord]) -> int:
        """Score what a predecessor may have died of; give the number of dead letters."""
        _log.warning("%s/%d: a worker has ended with this chunk in hand, trying it", *self._place)
        rejected = 0
        while records:
            good, culprit = await harmless(self._outlets.trial, self.source, self.held, self._judge, records)
            rejected += await self._score_all(records[:good])
            if culprit:
                _log.error("%s/%d: input %d ends the process", *self._place, records[good].offset)
                refusal = Refused(DeadLetterReason.FOLD_FAILED, CRASHED)
                rejected += await self._commit(refuse_slice(self.source, self.held, records[good], refusal))
                good += 1
            records = records[good:]
        return rejected

    async def _score_all(self, records: Sequence[ConsumedRecord]) -> int:
        """Score records, in slices when their states need more than a record batch; give the number of dead letters."""
        rejected = 0
        parts = [records] if records else []
        while parts:
            part = parts.pop()
            try:
                with metrics.SCORER_CHUNK_SECONDS.labels("fold").time():
                    out = fold_slice(self.source, self.held, self._judge, part, self._outlets.now())
                rejected += await self._commit(out)
            except BatchTooLarge:
                if len(part) == 1:
                    raise
                middle = len(part) // 2
                parts += [part[middle:], part[:middle]]
        return rejected

    async def _commit(self, out: Slice[S]) -> int:
        """Make what a slice comes to known, in the promised order; give the number of dead letters."""
        mark = Watermark(out.source_next, self.held.mark.verdicts_next, out.event_time)
        expired, evicted = self.held.removable(out.changed, mark, self._max_states)
        out.removed = expired + evicted
        if out.letters:
            await self._outlets.publisher.publish_by_key(
                self._letters, letter_records(out.letters, self._outlets.now())
            )
        await self._publish_verdicts(out)
        self._outlets.announcer.announce(out.announcements)
        await asyncio.sleep(0)  # replies are on their way before the states are encoded
        await self._publish_states(out, mark)
        self._count(out, len(expired), len(evicted))
        return len(out.letters)

    async def _publish_verdicts(self, out: Slice[S]) -> None:
        if not out.verdicts:
            return
        with metrics.SCORER_CHUNK_SECONDS.labels("verdicts").time():
            first = await self._outlets.publisher.publish(self._verdicts, self.source.partition, out.verdicts)
        # From here on, folding these records again publishes nothing.
        self.held.published_next = max(self.held.published_next, out.source_next)
        if first is not None:
            self.held.verdicts_end = first + len(out.verdicts)
        now = self._outlets.now()
        for received_at in out.received:
            metrics.SCORER_VERDICT_SECONDS.observe(max(0.0, (now - received_at).total_seconds()))

    async def _publish_states(self, out: Slice[S], mark: Watermark) -> None:
        # While verdicts are ahead of the states, they lie below their known end; a restart must look there again.
        if out.source_next >= self.held.published_next:
            mark = mark._replace(verdicts_next=self.held.verdicts_end)
        with metrics.SCORER_CHUNK_SECONDS.labels("states").time():
            records = state_records(out, self._judge, mark)
            await self._outlets.publisher.publish(self._states, self.source.partition, records)
        self.held.apply(mark, out.changed, out.removed)

    def _watch_rejections(self, all_rejected: bool) -> None:
        self._rejected_chunks = self._rejected_chunks + 1 if all_rejected else 0
        metrics.SCORER_REJECTED_CHUNKS.labels(self.source.domain, self.source.partition).set(self._rejected_chunks)
        if self._rejected_chunks == ALARMING_REJECTED_CHUNKS:
            _log.error("nothing but dead letters in %d chunks of %s", self._rejected_chunks, self.source.topic)

    def _count(self, out: Slice[S], expired: int, evicted: int) -> None:
        domain, tally = self.source.domain, out.tally
        for outcome, count in tally.outcomes.items():
            metrics.SCORER_BATCHES.labels(domain, outcome).inc(count)
        for action, count in tally.actions.items():
            metrics.SCORER_VERDICTS.labels(domain, action).inc(count)
        for reason, count in tally.reasons.items():
            metrics.SCORER_RULE_HITS.labels(domain, reason).inc(count)
        metrics.SCORER_EVENTS.labels(domain).inc(tally.events)
        for letter in out.letters:
            metrics.DEAD_LETTERS.labels("scorer", letter.reason).inc()
        metrics.SCORER_STATES_DROPPED.labels("expired").inc(expired)
        if evicted:
            metrics.SCORER_STATES_DROPPED.labels("evicted").inc(evicted)
