"""Of a refused request the good is sent again and only the bad dropped, whatever the server refuses."""

from collections import deque
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telltale._buffer import Batch, Item, Key
from telltale._models import Problem, ProblemItem
from telltale._refusals import plan_after


def batch_of(name: str, items: list[str], **state: object) -> Batch:
    batch = Batch(Key("behavior", "session", name), 0.0)
    for text in items:
        batch.append(Item(text.encode(), 1, text.startswith("track")))
    for field, value in state.items():
        setattr(batch, field, value)
    return batch


def problem(status: int, *pointers: str) -> Problem:
    code = "body_too_large" if status == 413 else "invalid_batch"
    return Problem(status=status, code=code, errors=[ProblemItem(pointer=pointer) for pointer in pointers])


def texts(batch: Batch) -> list[str]:
    return [item.json.decode() for item in batch.items]


def test_only_the_named_items_are_dropped() -> None:
    batch = batch_of("a", ["one", "track-one", "bad", "track-bad", "two"], wait_ms=50)
    plan = plan_after([batch], problem(422, "/events/1/x", "/tracks/1/t/0"))
    ((good,),) = plan.resend
    (bad,) = plan.drop
    assert (texts(good), texts(bad)) == (["one", "track-one", "two"], ["bad", "track-bad"])
    assert good.batch_id != batch.batch_id  # other content under the same id would pass for a duplicate
    assert (good.wait_ms, bad.wait_ms, good.root) == (50, 0, batch)
    assert (good.answers, bad.answers) == (True, False)


def test_a_batch_the_server_may_have_is_never_sent_under_a_new_id() -> None:
    batch = batch_of("a", ["one", "old"], uncertain=True)
    late = Problem(status=422, code="invalid_batch", errors=[ProblemItem(pointer="/events/1", code="clock_skew")])
    assert plan_after([batch], late).drop == [batch]
    assert plan_after([batch], problem(413)).drop == [batch]


def test_what_was_never_valid_was_never_taken() -> None:
    """A lost answer, then 422 for its content: the good items may leave under a new id."""
    plan = plan_after([batch_of("a", ["one", "bad"], uncertain=True)], problem(422, "/events/1/x"))
    assert [texts(batch) for (batch,) in plan.resend] == [["one"]]
    assert not plan.drop[0].uncertain


@pytest.mark.parametrize(
    "refused",
    [
        Problem(status=400, title="no problem document in the answer"),  # a proxy's page
        Problem(status=400, code="invalid_parameter", errors=[ProblemItem(pointer="")]),
        Problem(status=422, code="invalid_batch"),
    ],
)
def test_a_refusal_that_is_not_for_what_it_holds_tells_nothing_of_an_earlier_try(refused: Problem) -> None:
    batch = batch_of("a", ["one"], uncertain=True)
    assert plan_after([batch], refused).drop == [batch]
    assert batch.uncertain


def test_parted_again_in_the_same_way_the_parts_have_the_same_ids() -> None:
    """A file that is sent again counts once, also where the server did not take its batches whole."""

    def parts_of(items: list[str]) -> list[UUID]:
        batch = batch_of("a", items, batch_id=UUID(int=1))
        cut, mended = plan_after([batch], problem(413)), plan_after([batch], problem(422, "/events/1/x"))
        return [part.batch_id for plan in (cut, mended) for request in plan.resend for part in request]

    first = parts_of(["same", "same", "same", "same"])
    assert len(first) == len(set(first)) == 3
    assert parts_of(["same", "same", "same", "same"]) == first
    assert not set(parts_of(["same", "same", "other", "same"])) & set(first[1:])


def test_bad_items_all_over_cost_a_bounded_number_of_requests() -> None:
    batch = batch_of("a", [f"bad-{number}" for number in range(9_999)] + ["good"])
    todo, dropped, requests = deque([[batch]]), 0, 0
    while todo:
        current = todo.popleft()
        requests += 1
        answer = _answer(current, 10_000, True)
        if answer is not None:
            plan = plan_after(current, answer)
            dropped += sum(len(one.items) for one in plan.drop)
            todo.extendleft(reversed(plan.resend))
    assert dropped >= 9_999
    assert requests <= 130


def test_good_batches_leave_with_their_ids_before_the_bad_one_is_looked_at() -> None:
    batches = [batch_of(name, ["one"]) for name in "abc"]
    plan = plan_after(batches, problem(422, "/1/events/0"))
    assert plan.resend == [[batches[0], batches[2]], [batches[1]]]


def test_a_refusal_that_says_nothing_of_items_drops_the_batch() -> None:
    batch = batch_of("a", ["one", "two"])
    assert plan_after([batch], problem(422, "/subject/id")).drop == [batch]
    assert plan_after([batch, batch_of("b", ["one"])], problem(401)).resend == []


@given(
    sizes=st.lists(st.lists(st.booleans(), min_size=1, max_size=12), min_size=1, max_size=8),
    limit=st.integers(1, 12),
    named=st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_every_item_ends_once(sizes: list[list[bool]], limit: int, named: bool) -> None:
    """A server that takes at most `limit` items a request and no bad ones."""
    batches = [
        batch_of(str(number), [f"{'bad' if bad else 'good'}-{number}-{index}" for index, bad in enumerate(items)])
        for number, items in enumerate(sizes)
    ]
    expected = sorted(text for batch in batches for text in texts(batch))
    todo, stored, dropped, requests = deque([batches]), [], [], 0
    while todo:
        current = todo.popleft()
        requests += 1
        answer = _answer(current, limit, named)
        if answer is None:
            stored += [text for batch in current for text in texts(batch)]
            continue
        plan = plan_after(current, answer)
        dropped += [text for batch in plan.drop for text in texts(batch)]
        todo.extendleft(reversed(plan.resend))
    assert sorted(stored + dropped) == expected
    assert not any(text.startswith("bad") for text in stored)
    if named:
        assert not any(text.startswith("good") for text in dropped)
    assert requests <= 8 * len(expected)


def _answer(batches: list[Batch], limit: int, named: bool) -> Problem | None:
    if sum(len(batch.items) for batch in batches) > limit:
        return problem(413)
    pointers = []
    for number, batch in enumerate(batches):
        bad = [index for index, text in enumerate(texts(batch)) if text.startswith("bad")]
        if bad:
            pointers.append((f"/{number}" if len(batches) > 1 else "") + f"/events/{bad[0]}/x")
    return problem(422, *(pointers if named else [])) if pointers else None
