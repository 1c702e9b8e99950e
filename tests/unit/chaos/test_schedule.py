"""The schedule of chaos: seeded, bounded, and never an act on a part that is not there."""

from itertools import pairwise

import pytest

from tests.chaos.schedule import MOST_AT_ONCE, TARGETS, Act, Kind, plan

BY_NAME = {target.name: target for target in TARGETS}


def away_until_s(act: Act) -> float:
    if act.kind is Kind.PAUSE:
        return act.at_s + act.hold_s
    return act.at_s + act.hold_s + BY_NAME[act.part].recovery_s


def test_the_same_seed_gives_the_same_acts_and_another_seed_others() -> None:
    assert plan(50, 7) == plan(50, 7)
    assert plan(50, 7) != plan(50, 8)


def test_a_shorter_plan_is_the_beginning_of_a_longer_one() -> None:
    assert plan(200, 3)[:20] == plan(20, 3)


@pytest.mark.parametrize("seed", range(5))
def test_every_part_and_every_kind_of_act_has_its_turn(seed: int) -> None:
    acts = plan(200, seed)
    assert len(acts) == 200
    assert {act.part for act in acts} == set(BY_NAME)
    assert {act.kind for act in acts} == set(Kind)


@pytest.mark.parametrize("seed", range(5))
def test_few_parts_are_away_at_a_time_and_some_overlap(seed: int) -> None:
    acts = plan(300, seed)
    assert all(earlier.at_s <= later.at_s for earlier, later in pairwise(acts))
    at_once = []
    for index, act in enumerate(acts):
        away = [other.part for other in acts[:index] if away_until_s(other) > act.at_s + 1e-9]
        assert act.part not in away
        at_once.append(len(away) + 1)
    assert max(at_once) == MOST_AT_ONCE
    assert sum(count > 1 for count in at_once) > len(acts) / 4


@pytest.mark.parametrize("seed", range(5))
def test_extra_scorers_join_before_anything_else_and_after_they_left(seed: int) -> None:
    joined: set[str] = set()
    for act in plan(300, seed):
        if not BY_NAME[act.part].extra:
            assert act.kind not in {Kind.JOIN, Kind.LEAVE}
            continue
        assert (act.kind is Kind.JOIN) == (act.part not in joined)
        joined = joined - {act.part} if act.kind is Kind.LEAVE else joined | {act.part}


@pytest.mark.parametrize("seed", range(5))
def test_pauses_are_short_or_longer_than_a_session(seed: int) -> None:
    pauses = [act for act in plan(400, seed) if act.kind is Kind.PAUSE]
    for part, session_s in (("scorer", 10.0), ("persister", 6.0)):
        lengths = [act.hold_s for act in pauses if act.part == part]
        assert any(length > session_s for length in lengths)
        assert any(length <= 2.0 for length in lengths)
        assert all(length <= 2.0 or length > session_s for length in lengths)


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5])
def test_two_hundred_acts_take_six_to_eight_minutes(seed: int) -> None:
    assert 6 * 60 < plan(200, seed)[-1].at_s < 8 * 60
