"""The delivery books balance, and a loss shows whichever way it happens."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.insights.books import Bounds, Outcomes, Scoring, TopicBooks, balance, top_or_other

AT = ("events.behavior.v1", 0)
counts = st.integers(0, 10**9)


@given(counts, counts, counts, counts, counts)
def test_where_every_offset_has_an_outcome_nothing_is_unaccounted(
    first: int, persisted: int, duplicates: int, rejected: int, waiting: int
) -> None:
    following = first + persisted + duplicates + rejected
    books = balance(
        {AT: Bounds(first, following + waiting)}, {AT: Outcomes(first, following, persisted, duplicates, rejected)}
    )
    assert books == {AT[0]: TopicBooks(following + waiting - first, persisted, duplicates, rejected, waiting, 0)}


@given(counts, counts, counts, counts, counts, counts)
def test_accepted_is_always_the_sum_of_the_rest(
    beginning: int, end: int, first: int, following: int, persisted: int, rejected: int
) -> None:
    told = balance({AT: Bounds(beginning, end)}, {AT: Outcomes(first, following, persisted, 0, rejected)})[AT[0]]
    assert told.accepted == told.persisted + told.duplicates + told.rejected + told.in_flight + told.unaccounted


def test_offsets_passed_without_an_outcome_are_unaccounted() -> None:
    assert balance({AT: Bounds(0, 10)}, {AT: Outcomes(0, 10, 7, 0, 0)})[AT[0]].unaccounted == 3


def test_records_that_retention_took_before_they_were_read_are_unaccounted() -> None:
    told = balance({AT: Bounds(8, 10)}, {AT: Outcomes(0, 5, 5, 0, 0)})[AT[0]]
    assert (told.unaccounted, told.in_flight) == (3, 2)


def test_rows_whose_records_the_broker_lost_show_as_negative() -> None:
    assert balance({AT: Bounds(0, 6)}, {AT: Outcomes(0, 10, 10, 0, 0)})[AT[0]].unaccounted == -4


def test_a_partition_nobody_has_read_yet_is_in_flight() -> None:
    assert balance({AT: Bounds(4, 9)}, {})[AT[0]] == TopicBooks(accepted=5, in_flight=5)


def test_partitions_of_a_topic_are_added_up() -> None:
    bounds = {("a", 0): Bounds(0, 2), ("a", 1): Bounds(0, 3), ("b", 0): Bounds(0, 1)}
    assert {topic: told.accepted for topic, told in balance(bounds, {}).items()} == {"a": 5, "b": 1}


@given(st.dictionaries(st.text(max_size=3), counts, max_size=8), st.integers(0, 8))
def test_labels_are_bounded_and_the_largest_are_kept(found: dict[str, int], keep: int) -> None:
    label_of = top_or_other(found, keep, "_other")
    kept = [name for name, label in label_of.items() if label == name]
    assert label_of.keys() == found.keys()
    assert len(kept) == min(keep, len(found))
    assert all(found[name] >= found[rest] for name in kept for rest in found.keys() - set(kept))


@pytest.mark.parametrize(
    ("scoring", "unscored"),
    [
        (Scoring(batches=5, verdicts=5), 0),
        (Scoring(batches=5, verdicts=3), 2),
        (Scoring(batches=5, verdicts=4, scores_refused=1), 0),  # stored, refused by the scorer
        (Scoring(batches=4, verdicts=5, rows_refused=1), 0),  # judged, its row refused
        (Scoring(batches=4, verdicts=4, rows_refused=1, scores_refused=1), 0),  # refused by both
        (Scoring(batches=4, verdicts=3, rows_refused=1, scores_refused=1), 1),
    ],
)
def test_a_batch_is_judged_or_refused_or_missed(scoring: Scoring, unscored: int) -> None:
    assert scoring.unscored == unscored
