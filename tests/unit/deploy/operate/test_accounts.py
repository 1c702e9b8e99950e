"""What becomes of a record, and what the sums say of it."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from deploy.operate.reconcile.accounts import (
    Fate,
    Miss,
    Place,
    Report,
    RowPlace,
    Sent,
    TenantBooks,
    count_fate,
    fate_of,
)

ID = UUID(int=7)
PLACE = Place("events.behavior.v1", 1, 10)
OWN = RowPlace("behavior", 1, 10, 3)
EARLIER = RowPlace("behavior", 1, 4, 3)
ELSEWHERE = RowPlace("behavior", 2, 10, 3)


def sent(*, events: int = 3, redriven: bool = False) -> Sent:
    return Sent(PLACE, "behavior", "acme", ID, events, datetime(2026, 3, 1, tzinfo=UTC), redriven)


@pytest.mark.parametrize(
    ("rows", "letter", "next_offset", "fate"),
    [
        ([OWN], None, 20, Fate.PERSISTED),
        ([EARLIER, OWN], None, 20, Fate.PERSISTED),
        ([EARLIER], None, 20, Fate.COPY),
        ([ELSEWHERE], None, 20, Fate.COPY),
        ([], None, 20, Fate.LOST),
        ([], None, 11, Fate.LOST),
        ([], None, 10, Fate.WAITING),
        ([], "row_refused", 20, Fate.REJECTED),
        ([EARLIER], "batch_id_conflict", 20, Fate.REJECTED),
        ([EARLIER], "row_refused", 20, Fate.COPY),  # its redrive was stored
    ],
)
def test_a_record_has_one_fate(rows: list[RowPlace], letter: str | None, next_offset: int, fate: Fate) -> None:
    assert fate_of(sent(), rows, letter, next_offset) == fate


def test_a_row_that_counts_other_events_is_told() -> None:
    assert fate_of(sent(events=4), [OWN], None, 20) == Fate.MISCOUNTED


def test_a_redriven_record_that_is_refused_again_is_the_same_batch() -> None:
    assert fate_of(sent(redriven=True), [], "row_refused", 20) == Fate.COPY


def test_every_record_but_a_copy_is_a_batch_in_kafka() -> None:
    books = TenantBooks()
    for fate in Fate:
        count_fate(books, fate)
    assert books == TenantBooks(in_kafka=5, copies=1, rejected=1, waiting=1, lost=1, miscounted=1)


@pytest.mark.parametrize("name", ["waiting", "lost", "duplicated", "miscounted", "unscored", "unscored_waiting"])
def test_whatever_is_not_where_it_should_be_is_not_clean(name: str) -> None:
    report = Report({"acme": TenantBooks(told=1, in_kafka=1, copies=1, persisted=1, rejected=1)})
    assert report.document()["clean"]
    setattr(report.of("other"), name, 1)
    assert not report.document()["clean"]
    assert report.document()[name] == 1
    assert report.document()["tenants"]["acme"][name] == 0


def test_unbalanced_books_are_not_clean() -> None:
    report = Report(unbalanced=["events.behavior.v1/0: +1"], ranges={"events.behavior.v1/0": (3, 10)})
    assert not report.clean
    assert (report.document()["unbalanced_partitions"], report.document()["records_seen"]) == (1, 7)


def test_a_miss_says_where_it_stood() -> None:
    assert Miss("lost", "why", "acme", ID, PLACE).document() == {
        "what": "lost", "why": "why", "tenant": "acme", "batch_id": str(ID), "topic": "events.behavior.v1",
        "partition": 1, "offset": 10,
    }  # fmt: skip
