"""What clients were told, line by line."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from deploy.operate.reconcile.accounts import Fate
from deploy.operate.reconcile.ledger import WINDOW, LedgerWrong, Receipt, Scratch, Told, read_receipts, write_receipts

A, B = UUID(int=1), UUID(int=2)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "receipts" / "one.jsonl"
    receipts = [Receipt(A, 3, "acme", datetime(2026, 3, 1, tzinfo=UTC)), Receipt(B)]
    write_receipts(path, receipts[:1])
    write_receipts(path, receipts[1:])
    assert list(read_receipts([path])) == receipts


def test_a_line_that_is_still_being_written_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "one.jsonl"
    write_receipts(path, [Receipt(A, 3)])
    path.write_bytes(path.read_bytes() + b'{"batch_id": "0000')
    assert [one.batch_id for one in read_receipts([path])] == [A]


@pytest.mark.parametrize("line", ["{}", "no json", '{"batch_id": "x"}', '{"batch_id": 1}', "\udcff"])
def test_a_line_that_is_no_receipt_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "one.jsonl"
    write_receipts(path, [Receipt(A, 3)])
    path.write_bytes(path.read_bytes() + line.encode(errors="surrogateescape") + b"\n")
    with pytest.raises(LedgerWrong, match=r"one\.jsonl:2: no receipt"):
        list(read_receipts([path]))


def test_a_ledger_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(LedgerWrong, match=r"gone\.jsonl: cannot be read"):
        list(read_receipts([tmp_path / "gone.jsonl"]))


def test_a_batch_told_twice_is_one_and_tenants_are_kept_apart() -> None:
    with Scratch() as scratch:
        assert scratch.add_told([Receipt(A, 3, "acme"), Receipt(A, 3, "acme"), Receipt(A, 3, "other")]) == 2


def test_what_the_look_into_kafka_found_is_told_with_the_batch() -> None:
    with Scratch() as scratch:
        scratch.add_told([Receipt(A, 3, "acme"), Receipt(B, 3)])
        scratch.add_missed(("other", A), Fate.LOST)
        scratch.add_missed(("other", B), Fate.WAITING)
        [window] = scratch.told()
    assert sorted(window) == [Told("", B, 3, Fate.WAITING), Told("acme", A, 3, None)]


def test_what_was_told_comes_in_windows() -> None:
    with Scratch() as scratch:
        scratch.add_told(Receipt(UUID(int=number), 1) for number in range(WINDOW + 1))
        assert [len(window) for window in scratch.told()] == [WINDOW, 1]
