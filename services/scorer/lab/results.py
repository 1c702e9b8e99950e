"""Sum up how sessions went: one row a family of bots or cohort of people, and the figures over all."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from services.scorer.lab.held_out import Course
from services.scorer.lab.learn import weights_of
from services.scorer.lab.measures import auc, calibration_error, recall_at, threshold_at

Array = NDArray[np.float64]

# Bots that take no pains: the pointer is there at once, goes straight or at one speed; keys come like clockwork.
OBVIOUS: Final = ("teleport", "straight_line", "constant_speed", "form_filler", "keys_constant", "keystrokes_constant")


@dataclass(frozen=True, slots=True)
class Group:
    """A family of bots or a cohort of people.

    ``recall`` is at 1 % of people above the line (bots only). ``stopped`` is the share whose last action was not ALLOW,
    ``ever_stopped`` at any batch. ``risk`` holds the quartiles of the last risk, ``detected_after`` the median of the
    events seen when first stopped.
    """

    name: str
    bot: bool
    sessions: int
    recall: float | None
    stopped: float
    ever_stopped: float
    risk: tuple[float, float, float]
    detected_after: float | None
    reasons: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Results:
    """All of it; ``score``, ``bot`` and ``weight`` are those of the last verdicts."""

    groups: tuple[Group, ...]
    score: Array
    bot: Array
    weight: Array
    courses: tuple[Course, ...]

    def headline(self) -> dict[str, Any]:
        """Give the figures over all, weighed as ``weights_of`` says."""
        families = [group for group in self.groups if group.bot]
        cohorts = [group for group in self.groups if not group.bot]
        obvious = [group for group in families if group.name.split("/")[-1] in OBVIOUS]
        return {
            "auc": rounded(auc(self.score, self.bot, self.weight)),
            "recall_at_fpr_01": rounded(recall_at(self.score, self.bot, 0.01, self.weight)),
            "recall_at_fpr_001": rounded(recall_at(self.score, self.bot, 0.001, self.weight)),
            "worst_family_recall": rounded(min((group.recall or 0.0 for group in families), default=None)),
            "worst_cohort_fpr": rounded(max((group.stopped for group in cohorts), default=None)),
            "calibration_error": rounded(calibration_error(self.score, self.bot, self.weight)),
            "events_to_detect_obvious": _slowest([group.detected_after for group in obvious]),
        }


def _slowest(times: Sequence[float | None]) -> float | None:
    """Give the longest; None when there are none, or one was never."""
    known = [time for time in times if time is not None]
    return max(known) if known and len(known) == len(times) else None


def results_of(courses: Sequence[Course]) -> Results:
    """Sum up sessions as they ended."""
    sessions = [course.session for course in courses]
    weight = weights_of(sessions, np.arange(len(sessions)))
    score = np.array([course.risk[-1] for course in courses])
    bot = np.array([float(session.origin.bot) for session in sessions])
    line = threshold_at(score[bot < 0.5], 0.01, weight[bot < 0.5])
    names = sorted({(session.origin.bot, session.origin.group) for session in sessions})
    groups = [
        _group([course for course in courses if course.session.origin.group == name], name, is_bot, line)
        for is_bot, name in names
    ]
    return Results(tuple(groups), score, bot, weight, tuple(courses))


def rounded(value: float | None) -> float | None:
    """Round a figure for reading."""
    return None if value is None else round(float(value), 4)


def _group(courses: Sequence[Course], name: str, bot: bool, line: float) -> Group:
    last = np.array([course.risk[-1] for course in courses])
    after = [course.detected_after for course in courses if course.detected_after is not None]
    reasons = Counter(reason for course in courses for reason in course.reasons)
    low, middle, high = np.quantile(last, [0.25, 0.5, 0.75])
    return Group(
        name=name,
        bot=bot,
        sessions=len(courses),
        recall=float((last > line).mean()) if bot else None,
        stopped=_share(course.stopped[-1] for course in courses),
        ever_stopped=_share(course.stopped.any() for course in courses),
        risk=(float(low), float(middle), float(high)),
        detected_after=float(np.median(after)) if 2 * len(after) >= len(courses) and after else None,
        reasons=tuple((reason, count / len(courses)) for reason, count in reasons.most_common(4)),
    )


def _share(hits: Iterable[Any]) -> float:
    found = [bool(hit) for hit in hits]
    return sum(found) / len(found)
