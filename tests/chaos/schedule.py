"""What is done to which part when. Pure: the same seed gives the same acts."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Final, NamedTuple

MOST_AT_ONCE: Final = 3
_GAP_S: Final = 2.0
_SHORTEST_GAP_S, _LONGEST_GAP_S = 0.05, 6.0
_SHORT_PAUSE_S: Final = (0.1, 2.0)
_SHARE_OF_LONG_PAUSES: Final = 0.4
_OFF_S: Final = (0.0, 4.0)


class Kind(StrEnum):
    """What can be done to a part."""

    KILL = "kill"  # SIGKILL; whoever supervises it starts it again
    TERMINATE = "terminate"  # asked to end; whoever supervises it starts it again
    PAUSE = "pause"  # SIGSTOP, and SIGCONT after a while
    RESTART = "restart"  # stopped by its supervisor and started again after a while
    JOIN = "join"  # one more scorer
    LEAVE = "leave"  # one scorer less


class Act(NamedTuple):
    """One thing done to one part: when, in seconds since the beginning, and for how long, where that has a meaning."""

    at_s: float
    kind: Kind
    part: str
    hold_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Target:
    """A part that acts are done to.

    Parameters
    ----------
    weight
        How often it is chosen.
    recovery_s
        About how long it needs to be back after its end.
    long_pause_s
        Range of pauses that others notice; for members of a consumer group above their session timeout.
    extra
        Whether it comes and goes, instead of being always there.
    """

    name: str
    weight: int
    recovery_s: float
    long_pause_s: tuple[float, float]
    extra: bool = False


TARGETS: Final = (
    Target("gateway", 3, 2.0, (3.0, 12.0)),
    Target("scorer", 4, 2.0, (10.2, 14.0)),
    Target("scorer-2", 3, 2.0, (10.2, 14.0), extra=True),
    Target("scorer-3", 3, 2.0, (10.2, 14.0), extra=True),
    Target("persister", 4, 2.0, (6.2, 10.0)),
    Target("insights", 1, 2.0, (2.0, 6.0)),
    Target("kafka", 2, 6.0, (2.0, 8.0)),
    Target("postgres", 2, 3.0, (2.0, 8.0)),
    Target("redis", 1, 1.0, (2.0, 6.0)),
)
_ALWAYS_THERE: Final = {Kind.KILL: 4, Kind.TERMINATE: 2, Kind.PAUSE: 3, Kind.RESTART: 2}
_JOINED: Final = {Kind.KILL: 3, Kind.TERMINATE: 1, Kind.PAUSE: 3, Kind.LEAVE: 2}


def plan(kills: int, seed: int, targets: Sequence[Target] = TARGETS) -> list[Act]:
    """Choose acts, in order of time.

    They overlap, but one part has one act at a time, and no more than `MOST_AT_ONCE` parts are away at a time.

    Parameters
    ----------
    kills
        How many acts.
    """
    random = Random(seed)
    acts: list[Act] = []
    busy_until_s: dict[str, float] = {}
    joined: set[str] = set()
    now_s = 0.0
    while len(acts) < kills:
        now_s += min(max(random.expovariate(1 / _GAP_S), _SHORTEST_GAP_S), _LONGEST_GAP_S)
        away = sorted(until_s for until_s in busy_until_s.values() if until_s > now_s)
        if len(away) >= MOST_AT_ONCE:
            now_s = away[-MOST_AT_ONCE]
        free = [target for target in targets if busy_until_s.get(target.name, 0.0) <= now_s]
        target = random.choices(free, [target.weight for target in free])[0]
        act = _act(random, now_s, target, joined)
        busy_until_s[target.name] = now_s + act.hold_s + (0.0 if act.kind is Kind.PAUSE else target.recovery_s)
        acts.append(act)
    return acts


def _act(random: Random, at_s: float, target: Target, joined: set[str]) -> Act:
    if target.extra and target.name not in joined:
        joined.add(target.name)
        return Act(at_s, Kind.JOIN, target.name)
    weights = _JOINED if target.extra else _ALWAYS_THERE
    kind = random.choices(list(weights), list(weights.values()))[0]
    if kind is Kind.LEAVE:
        joined.discard(target.name)
    return Act(at_s, kind, target.name, _hold_s(random, kind, target))


def _hold_s(random: Random, kind: Kind, target: Target) -> float:
    if kind is Kind.RESTART:
        return random.uniform(*_OFF_S)
    if kind is Kind.PAUSE:
        return random.uniform(*(target.long_pause_s if random.random() < _SHARE_OF_LONG_PAUSES else _SHORT_PAUSE_S))
    return 0.0
