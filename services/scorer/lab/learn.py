"""From features to models: what each may read, how it is fitted, and how it is tried on makers it never met."""

import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.scorer.features import Feature
from services.scorer.lab.additive import Additive, Design, calibrate
from services.scorer.lab.dataset import Prefixes
from services.scorer.models import Calibration, ModelFile, Part, Telling

Array = NDArray[np.float64]

# Of all weight of a class, what each source gets, when it is there: recordings before simulations.
_SOURCE_WEIGHT: Final = {"simulator": 0.35}
_WEIGHT: Final = 0.325
# A source of so few sessions gets half of that.
_FEW_SESSIONS: Final = 50
# Sizes say how much was seen and how fine a recorder is, not who moves.
_NOT_EVIDENCE: Final = frozenset({"count", "bool"})


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one model is made.

    Parameters
    ----------
    reads
        Tells of a feature's name and row in the table whether the model may read it.
    enough
        Smallest values of features for any answer.
    evidence
        The count that says how much was seen.
    stands_on
        Tells of a feature's name the count behind it, and at how much of it the feature counts half.
    penalty
        See ``additive.Design``; in rows.
    prior
        The share of bots its answers are for: lower where what it learned from is less like the people outside.
    """

    name: str
    about: str
    telling: Telling
    reads: Callable[[str, Feature], bool]
    enough: Mapping[str, float]
    evidence: str
    stands_on: Callable[[str], tuple[str, float]]
    penalty: float
    prior: float

    def inputs(self, table: Mapping[str, Feature]) -> list[str]:
        """Give the names of the features that the model reads."""
        return [
            name for name, feature in table.items() if feature.unit not in _NOT_EVIDENCE and self.reads(name, feature)
        ]


@dataclass(frozen=True, slots=True)
class Rows:
    """What one model learns from: a row for each learned prefix it may judge."""

    columns: Array
    trust: Array
    seen: Array
    bot: Array
    weight: Array
    owner: NDArray[np.int64]  # index of the prefixes in the list they come from

    def part(self, chosen: NDArray[np.bool_]) -> "Rows":
        """Give some of the rows."""
        return Rows(
            self.columns[chosen],
            self.trust[chosen],
            self.seen[chosen],
            self.bot[chosen],
            self.weight[chosen],
            self.owner[chosen],
        )


def rows_of(prefixes: Sequence[Prefixes], names: Sequence[str], inputs: Sequence[str], recipe: Recipe) -> Rows:
    """Collect the rows a model may judge; each class weighs the same, and within it sources, groups and sessions."""
    columns, counts, seen, owner = [], [], [], []
    wanted = [names.index(name) for name in inputs]
    least = [(names.index(name), value) for name, value in recipe.enough.items()]
    behind = [recipe.stands_on(name) for name in inputs]
    of, half = [names.index(name) for name, _ in behind], np.array([half for _, half in behind])
    evidence = names.index(recipe.evidence)
    for index, session in enumerate(prefixes):
        for row in session.learned():
            values = session.rows[row]
            if all(values[column] >= value for column, value in least):
                columns.append(values[wanted])
                counts.append(values[of])
                seen.append(values[evidence])
                owner.append(index)
    owners = np.array(owner, dtype=np.int64)
    bot = np.array([float(prefixes[index].origin.bot) for index in owner])
    shape = (len(owner), len(inputs))
    known = np.nan_to_num(np.array(counts).reshape(shape))
    return Rows(
        np.array(columns).reshape(shape),
        known / (known + half),
        np.array(seen),
        bot,
        weights_of(prefixes, owners),
        owners,
    )


def weights_of(prefixes: Sequence[Prefixes], owner: NDArray[np.int64]) -> Array:
    """Weigh rows: half of all for each class, in it a part for each source.

    In that, every family of bots weighs the same, and every session of people. All weights sum up to the rows.
    """
    origins = [prefixes[index].origin for index in owner.tolist()]
    rows = Counter(owner.tolist())
    # People's cohorts can be a handful; a family of bots stands for all that its program may do.
    shares = [o.group if o.bot else "" for o in origins]
    sessions: defaultdict[tuple[str, bool, str], set[int]] = defaultdict(set)
    groups: defaultdict[tuple[str, bool], set[str]] = defaultdict(set)
    whole: defaultdict[tuple[str, bool], set[int]] = defaultdict(set)
    for index, origin, share in zip(owner.tolist(), origins, shares, strict=True):
        sessions[origin.source, origin.bot, share].add(index)
        groups[origin.source, origin.bot].add(share)
        whole[origin.source, origin.bot].add(index)
    sizes = {side: len(found) for side, found in whole.items()}
    weight = np.array([
        _SOURCE_WEIGHT.get(o.source, _WEIGHT)
        * sizes[o.source, o.bot]
        / (sizes[o.source, o.bot] + _FEW_SESSIONS)
        / (len(groups[o.source, o.bot]) * len(sessions[o.source, o.bot, share]) * rows[index])
        for index, o, share in zip(owner.tolist(), origins, shares, strict=True)
    ])  # fmt: skip
    bot = np.array([o.bot for o in origins], dtype=bool)
    for side in (bot, ~bot):
        if side.any():
            weight[side] *= 0.5 * len(owner) / weight[side].sum()
    return weight


def folds_of(prefixes: Sequence[Prefixes]) -> NDArray[np.int64]:
    """Give each session its fold: one for each family of bots, and people by person spread over all of them."""
    families = sorted({session.origin.maker for session in prefixes if session.origin.bot})
    return np.array([
        families.index(session.origin.maker)
        if session.origin.bot
        else zlib.crc32(session.origin.maker.encode()) % max(1, len(families))
        for session in prefixes
    ])  # fmt: skip


def design_of(rows: Rows, inputs: Sequence[str], recipe: Recipe) -> Design:
    """Lay rows out for fitting."""
    return Design(rows.columns, rows.trust, inputs, recipe.penalty)


def held_out_scores(rows: Rows, design: Design, fold: NDArray[np.int64]) -> tuple[Array, list[Additive]]:
    """Score every row with a model that met neither its family nor its person; give the models by fold too."""
    score, models = np.zeros(len(rows.bot)), []
    by_row = fold[rows.owner]
    start = design.fit(np.ones(len(score), dtype=bool), rows.bot, rows.weight)
    for number in range(int(fold.max()) + 1):
        here = by_row == number
        beta = design.fit(~here, rows.bot, rows.weight, start)
        models.append(design.curves(beta))
        score[here] = design.matrix[here] @ beta
    return score, models


def fit_all(rows: Rows, design: Design) -> Additive:
    """Fit every row."""
    return design.curves(design.fit(np.ones(len(rows.bot), dtype=bool), rows.bot, rows.weight))


def calibrate_rows(rows: Rows, score: Array, chosen: NDArray[np.bool_], recipe: Recipe) -> Calibration:
    """Fit the calibration on some rows and their held-out scores."""
    return calibrate(
        score[chosen], rows.seen[chosen], rows.bot[chosen], rows.weight[chosen], recipe.evidence, recipe.prior
    )


def model_file(model: Additive, calibration: Calibration, recipe: Recipe) -> ModelFile:
    """Put a model together as it is written down."""
    return ModelFile(
        name=recipe.name,
        about=recipe.about,
        telling=recipe.telling,
        enough=dict(recipe.enough),
        intercept=model.intercept,
        parts={name: Part(curve, *recipe.stands_on(name)) for name, curve in model.curves.items()},
        calibration=calibration,
    )
