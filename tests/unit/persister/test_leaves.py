from datetime import UTC, datetime, timedelta, timezone

import msgspec

from services.persister.leaves import Leaves
from services.persister.reading import Table, read_batch
from tests.unit.persister.records import batch_record


def leaf_of(leaves: Leaves, time: datetime) -> str:
    row = read_batch(batch_record())
    row = msgspec.structs.replace(row, values=(time, *row.values[1:]))
    (leaf,) = leaves.group(Table.BATCHES, [row])
    return leaf


def test_a_row_goes_to_its_utc_day_or_to_the_default() -> None:
    leaves = Leaves(["batches_20260301", "verdicts_20260302"])
    assert leaf_of(leaves, datetime(2026, 3, 1, 23, 59, 59, tzinfo=UTC)) == "batches_20260301"
    assert leaf_of(leaves, datetime(2026, 3, 2, tzinfo=UTC)) == "batches_default"
    assert leaf_of(leaves, datetime(2026, 3, 2, 1, tzinfo=timezone(timedelta(hours=2)))) == "batches_20260301"
    assert leaf_of(leaves, datetime.min.replace(tzinfo=timezone(timedelta(hours=2)))) == "batches_default"


def test_rows_keep_their_order_within_a_partition() -> None:
    rows = [read_batch(batch_record(offset)) for offset in range(5)]
    (group,) = Leaves([]).group(Table.BATCHES, rows).values()
    assert group == rows
