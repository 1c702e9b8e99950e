"""Rebuild a partition's states and watermarks from the logs, after every assignment."""

import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final

from services.scorer.stream.admission import Source
from services.scorer.stream.held import Held
from services.scorer.stream.ports import Judge, LogReader, S
from services.scorer.stream.watermark import STARTED_KEY, WATERMARK_KEY, Watermark, read_watermark
from shared import metrics
from shared.dead_letters import ConsumedRecord
from shared.topics import VERDICTS, state_topic

_log = logging.getLogger(__name__)
_PROGRESS_EVERY_S: Final = 2.0
_OWN_KEYS: Final = frozenset((STARTED_KEY, WATERMARK_KEY))


class Rebuild:
    """States and watermark as the records of a state log leave them."""

    def __init__(self) -> None:
        self.states: OrderedDict[bytes, bytes] = OrderedDict()
        self.mark = Watermark()
        self._started_at = -1

    @property
    def suspected(self) -> bool:
        """Whether somebody has begun what comes after the watermark."""
        return self._started_at == self.mark.source_next

    def add(self, record: ConsumedRecord) -> None:
        """Take one record, in log order. Raises `StateLogBroken`."""
        mark = read_watermark(record.headers)
        if mark.source_next < self.mark.source_next:
            return  # written late by a worker that had lost the partition
        self.mark = mark
        if record.key == STARTED_KEY:
            self._started_at = mark.source_next
        if record.key is None or record.key in _OWN_KEYS:
            return
        self.states.pop(record.key, None)
        if record.value is not None:
            self.states[record.key] = record.value


def published_up_to(records: Sequence[ConsumedRecord], source_topic: str) -> int:
    """Give the offset after the last input of a topic that these verdicts judge; 0 when they judge none."""
    wanted = source_topic.encode()
    found = 0
    for record in records:
        headers = dict(record.headers)
        if headers.get("ce_sourcetopic") == wanted:
            found = max(found, int(headers["ce_sourceoffset"]) + 1)
    return found


async def restore(
    source: Source,
    reader: LogReader,
    judge: Judge[S],
    topic_prefix: str,
    on_progress: Callable[[], None] = lambda: None,
) -> Held[S]:
    """Read a partition's logs to their end.

    Parameters
    ----------
    on_progress
        Called for every portion read.

    Raises
    ------
    StateLogBroken
        The state log holds something else.
    """
    started_s = reported_s = time.monotonic()
    count = 0

    def report(portion: Sequence[ConsumedRecord]) -> None:
        nonlocal count, reported_s
        on_progress()
        count += len(portion)
        if time.monotonic() - reported_s > _PROGRESS_EVERY_S:
            reported_s = time.monotonic()
            _log.info("restoring %s/%d: %d records read", source.topic, source.partition, count)

    rebuild = Rebuild()
    async for portion in reader.read(topic_prefix + state_topic(source.domain), source.partition, None):
        for record in portion:
            rebuild.add(record)
        report(portion)
    published_next, verdicts_end = 0, rebuild.mark.verdicts_next
    first, end = await reader.bounds(source.topic, source.partition)
    # Without inputs beyond the states there are no verdicts on such inputs: nothing to look for.
    if end > max(rebuild.mark.source_next, first):
        topic = topic_prefix + VERDICTS
        async for portion in reader.read(topic, source.partition, rebuild.mark.verdicts_next):
            published_next = max(published_next, published_up_to(portion, source.topic))
            verdicts_end = portion[-1].offset + 1
            report(portion)
    # Inputs the broker has deleted will not come.
    mark = rebuild.mark._replace(source_next=max(rebuild.mark.source_next, first))
    duration_s = time.monotonic() - started_s
    metrics.SCORER_RESTORE_SECONDS.observe(duration_s)
    _log.info(
        "restored %s/%d: %d subjects, next input %d, verdicts known up to input %d, %d records in %.3f s",
        source.topic, source.partition, len(rebuild.states), mark.source_next, published_next, count, duration_s,
    )  # fmt: skip
    return Held(judge, mark, published_next, verdicts_end, rebuild.states, rebuild.suspected)
