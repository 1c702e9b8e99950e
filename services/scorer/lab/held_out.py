"""Try rules and models on makers they never met: no family, person or source is on both sides.

Every session is judged, after each batch, by rules and models together, as live. The models of a fold met neither the
session's family or person, nor any copy of it. A second round holds out whole sources, people and bots alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.scorer.lab.dataset import Prefixes
from services.scorer.lab.learn import (
    Recipe,
    Rows,
    calibrate_rows,
    design_of,
    fit_all,
    folds_of,
    held_out_scores,
    model_file,
    rows_of,
)
from services.scorer.models import Model
from services.scorer.pipeline import Ruleset

_COARSE_FOLDS: Final = 5


@dataclass(frozen=True, slots=True)
class Course:
    """How one session went: events seen and risk after each batch, and whether it was let pass."""

    session: Prefixes
    counts: NDArray[np.int64]
    risk: NDArray[np.float64]
    stopped: NDArray[np.bool_]
    reasons: tuple[str, ...]

    @property
    def detected_after(self) -> int | None:
        """Events seen when it was first not let pass."""
        found = np.flatnonzero(self.stopped)
        return int(self.counts[found[0]]) if len(found) else None


def courses(
    prefixes: Sequence[Prefixes],
    names: Sequence[str],
    ruleset: Ruleset,
    models: Sequence[Sequence[Model]],
    fold: NDArray[np.int64],
) -> list[Course]:
    """Judge sessions as they were recorded, each with the models of its fold."""
    rulesets = [Ruleset(ruleset.features, ruleset.rules, ruleset.version, part) for part in models]
    return [
        _course(session, names, rulesets[number])
        for session, number in zip(prefixes, fold.tolist(), strict=True)
        if session.copy == 0
    ]


def _course(session: Prefixes, names: Sequence[str], ruleset: Ruleset) -> Course:
    risk, stopped = [], []
    reasons: tuple[str, ...] = ()
    for index, seen in enumerate(session.counts.tolist()):
        judgement, _ = ruleset.judge(session.features(index, names), seen)
        risk.append(judgement.risk_score)
        stopped.append(judgement.action != "ALLOW")
        reasons = tuple(reason.code for reason in judgement.reasons)
    return Course(session, session.counts, np.array(risk), np.array(stopped), reasons)


def models_by_fold(
    prefixes: Sequence[Prefixes], ruleset: Ruleset, recipes: Sequence[Recipe], fold: NDArray[np.int64]
) -> list[list[Model]]:
    """Train every recipe once a fold, without the fold's sessions; calibrate on the held-out scores of the others."""
    table = ruleset.features.table
    found: list[list[Model]] = [[] for _ in range(int(fold.max()) + 1)]
    for recipe in recipes:
        inputs = recipe.inputs(table)
        rows = _learnable(prefixes, rows_of(prefixes, list(table), inputs, recipe))
        if not inputs or not both_sides(rows):
            continue
        score, additives = held_out_scores(rows, design_of(rows, inputs, recipe), fold)
        for number, additive in enumerate(additives):
            calibration = calibrate_rows(rows, score, fold[rows.owner] != number, recipe)
            found[number].append(Model(model_file(additive, calibration, recipe), f"fold-{number}"))
    return found


def models_by_source(
    prefixes: Sequence[Prefixes], ruleset: Ruleset, recipes: Sequence[Recipe], sources: Sequence[str]
) -> list[list[Model]]:
    """Train every recipe once a source, without any session of that source, person or bot."""
    table = ruleset.features.table
    found: list[list[Model]] = [[] for _ in sources]
    for recipe in recipes:
        inputs = recipe.inputs(table)
        rows = _learnable(prefixes, rows_of(prefixes, list(table), inputs, recipe))
        if not inputs or not both_sides(rows):
            continue
        source = np.array([prefixes[index].origin.source for index in rows.owner.tolist()])
        coarse = folds_of(prefixes) % _COARSE_FOLDS
        without: dict[str, Model | None] = {}
        for number, name in enumerate(sources):
            left_out = name if (source == name).any() else ""  # of what is never learned from, one model serves all
            if left_out not in without:
                without[left_out] = _without(rows.part(source != left_out), coarse, inputs, recipe, left_out)
            if (model := without[left_out]) is not None:
                found[number].append(model)
    return found


def _without(
    others: Rows, fold: NDArray[np.int64], inputs: Sequence[str], recipe: Recipe, left_out: str
) -> Model | None:
    if not both_sides(others):
        return None
    design = design_of(others, inputs, recipe)
    score, _ = held_out_scores(others, design, fold)
    calibration = calibrate_rows(others, score, np.ones(len(score), dtype=bool), recipe)
    return Model(model_file(fit_all(others, design), calibration, recipe), f"without-{left_out}")


def both_sides(rows: Rows) -> bool:
    """Tell whether there are people and bots to learn from."""
    return bool(len(rows.bot)) and bool(rows.bot.any()) and not bool(rows.bot.all())


def _learnable(prefixes: Sequence[Prefixes], rows: Rows) -> Rows:
    learn = np.array([session.origin.learn for session in prefixes])
    return rows.part(learn[rows.owner])
