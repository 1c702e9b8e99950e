"""Housekeeping in PostgreSQL: partitions made ahead, old ones dropped."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Final

from services.persister.errors import Retry
from services.persister.postgres import PostgresStore
from services.persister.writing import pause_with_jitter
from shared import metrics

_log = logging.getLogger(__name__)
_EVERY_S: Final = 3_600.0


async def keep_house(store: PostgresStore, keep_days_by_table: Mapping[str, int], keep_kpi_days: int) -> None:
    """Tend the partitions now and every hour, until cancelled."""
    attempt = 0
    while True:
        try:
            undated = await store.maintain(keep_days_by_table, keep_kpi_days)
        except Retry as away:
            _log.warning("partitions not tended yet: %s", away)
            await pause_with_jitter(attempt)
            attempt += 1
            continue
        attempt = 0
        for table, rows in undated.items():
            metrics.PERSISTER_UNDATED_ROWS.labels(table).set(rows)
            if rows:
                _log.warning("rows in the default partition of %s: %d", table, rows)
        await asyncio.sleep(_EVERY_S)
