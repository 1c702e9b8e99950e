"""Handing checked batches to the broker, and waiting for their verdicts: the same for every way in."""

import logging
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from services.gateway.batches import Item
from services.gateway.body import RETRY_FULL_S
from services.gateway.ports import BrokerUnavailable, Publisher, PublisherFull, Record, Replies
from services.gateway.recent import Accepted, RecentBatches
from shared import metrics
from shared.cloudevents import BatchHeaders, batch_headers
from shared.problems import BROKER_UNAVAILABLE, TOO_MANY_IN_FLIGHT, Problem
from shared.topics import Domain, partition_key
from shared.tracing import trace_id_of

_log = logging.getLogger(__name__)
_RETRY_BROKER_S: Final = 2
_SKEW_WORTH_TELLING_S: Final = 60.0
_BATCHES: Final = {domain: metrics.GATEWAY_BATCHES.labels(domain) for domain in Domain}
_EVENTS: Final = {domain: metrics.GATEWAY_EVENTS.labels(domain) for domain in Domain}


class Stamp(NamedTuple):
    """What is the same for every batch of a request."""

    tenant_id: str
    received_at: datetime
    timestamp_ms: int
    traceparent: str


def stamp_of(tenant_id: str, received_at: datetime, traceparent: str) -> Stamp:
    """Stamp a request."""
    return Stamp(tenant_id, received_at, int(received_at.timestamp() * 1000), traceparent)


class Handover:
    """Publishes batches, and collects verdicts for those who wait.

    Parameters
    ----------
    publisher, replies
        The broker, and verdicts for those who wait.
    recent
        Where acceptance is noted for receipts.
    """

    def __init__(self, publisher: Publisher, replies: Replies, recent: RecentBatches) -> None:
        self._publisher = publisher
        self._replies = replies
        self._recent = recent

    async def publish(self, items: Sequence[Item], stamp: Stamp, reply_to: str | None = None) -> None:
        """Return once the broker has every batch.

        Raises
        ------
        Problem
            ``too_many_in_flight`` when nothing was handed over, ``broker_unavailable`` when nobody knows.
        """
        records = [_record(item, stamp, reply_to) for item in items]
        try:
            await self._publisher.publish(records)
        except PublisherFull:
            raise Problem(TOO_MANY_IN_FLIGHT, retry_after_s=RETRY_FULL_S) from None
        except BrokerUnavailable as error:
            # Once the outage is known, a line for every refused request would only drown it; they are counted.
            level = logging.WARNING if self._publisher.ready else logging.DEBUG
            _log.log(level, "not accepted: %s", error, extra={"trace_id": trace_id_of(stamp.traceparent)})
            raise Problem(BROKER_UNAVAILABLE, retry_after_s=_RETRY_BROKER_S) from None
        for item, record in zip(items, records, strict=True):
            _BATCHES[record.domain].inc()
            _EVENTS[record.domain].inc(item.events)
            subject = f"{item.subject.type}/{item.subject.id}"
            accepted = Accepted(record.domain, subject, item.events, stamp.received_at)
            self._recent.add((stamp.tenant_id, item.batch_id), accepted)

    async def publish_and_wait(self, items: Sequence[Item], stamp: Stamp, wait_s: float) -> Mapping[UUID, bytes]:
        """Publish as `publish` does, then give the verdicts (JSON) that came in time."""
        deadline_s = time.monotonic() + wait_s
        # Only a batch we took before can have been answered here; another process's is judged again, as a duplicate.
        again = [item.batch_id for item in items if (stamp.tenant_id, item.batch_id) in self._recent]
        verdicts = dict(await self._replies.answered(stamp.tenant_id, again)) if again else {}
        fresh = [item for item in items if item.batch_id not in verdicts]
        if fresh:
            channel = self._replies.channel
            with self._replies.expect(stamp.tenant_id, [item.batch_id for item in fresh]) as watch:
                await self.publish(fresh, stamp, channel)
                if channel is not None:
                    verdicts |= await watch.collect(deadline_s - time.monotonic())
        return verdicts


def _record(item: Item, stamp: Stamp, reply_to: str | None) -> Record:
    subject = item.subject
    skew_s = item.skew.total_seconds()
    if abs(skew_s) > _SKEW_WORTH_TELLING_S:
        metrics.GATEWAY_CLOCK_SKEWED.inc()
    headers = batch_headers(
        BatchHeaders(
            item.batch_id,
            stamp.tenant_id,
            item.domain,
            f"{subject.type}/{subject.id}",
            stamp.received_at,
            item.events,
            round(skew_s * 1000),
            stamp.traceparent,
            reply_to,
        )
    )
    return Record(
        item.domain, partition_key(stamp.tenant_id, subject.type, subject.id), item.raw, headers, stamp.timestamp_ms
    )
