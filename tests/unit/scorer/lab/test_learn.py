"""Who is held out from whom, how rows weigh, and that what is written down judges as it was fitted."""

from pathlib import Path

import numpy as np
import pytest

from services.scorer.features import Feature, load_features
from services.scorer.lab.corpus import Origin
from services.scorer.lab.dataset import Prefixes
from services.scorer.lab.held_out import both_sides, courses, models_by_fold, models_by_source
from services.scorer.lab.learn import design_of, folds_of, held_out_scores, rows_of, weights_of
from services.scorer.lab.recipes import RECIPES
from services.scorer.lab.results import results_of
from services.scorer.lab.train import train
from services.scorer.models import load_models, read_model
from services.scorer.pipeline import Ruleset, load_ruleset
from shared.topics import Domain

DOMAIN = load_features(Domain.BEHAVIOR)
NAMES = list(DOMAIN.table)
POINTER = RECIPES[0]


def session(source: str, group: str, maker: str, bot: bool, copy: int = 0, seed: int = 0) -> Prefixes:
    """Make up two prefixes of a session; bots bend less, whoever made them."""
    chance = np.random.default_rng(seed)
    rows = np.full((2, len(NAMES)), np.nan)
    for row, count in enumerate((60, 300)):
        rows[row, NAMES.index("pointer_moves")] = count
        rows[row, NAMES.index("pointer_stretches")] = count
        rows[row, NAMES.index("pointer_line_share")] = np.clip(0.3 + 0.2 * bot + 0.1 * chance.normal(), 0, 1)
    return Prefixes(Origin(source, group, maker, bot, learn=source != "tried"), copy, np.array([60, 300]), rows)


def made_up() -> list[Prefixes]:
    found = []
    for seed in range(60):
        source = ("one", "two")[seed % 2]
        found.append(session(source, f"{source}/people", f"{source}/person-{seed // 4}", False, seed % 3 % 2, seed))
        family = f"{source}/family-{seed % 6}"
        found.append(session(source, family, family, True, seed % 3 % 2, 1_000 + seed))
    return [*found, *(session("tried", "tried/people", f"tried/{n}", False, 0, 5_000 + n) for n in range(4))]


@pytest.fixture(scope="module")
def prefixes() -> list[Prefixes]:
    return made_up()


def test_no_maker_is_in_two_folds_and_every_family_has_one_of_its_own(prefixes: list[Prefixes]) -> None:
    fold = folds_of(prefixes)
    by_maker: dict[str, set[int]] = {}
    for one, number in zip(prefixes, fold.tolist(), strict=True):
        by_maker.setdefault(one.origin.maker, set()).add(number)

    assert all(len(numbers) == 1 for numbers in by_maker.values())
    families = [by_maker[one.origin.maker] for one in prefixes if one.origin.bot]
    assert len({number for numbers in families for number in numbers}) == len({tuple(n) for n in families}) == 6


def test_classes_weigh_the_same_and_families_within_their_source(prefixes: list[Prefixes]) -> None:
    learned = [one for one in prefixes if one.origin.learn]
    owner = np.arange(len(learned))
    weight = weights_of(learned, owner)
    bot = np.array([one.origin.bot for one in learned])
    groups = np.array([one.origin.group for one in learned])

    assert weight[bot].sum() == pytest.approx(weight[~bot].sum()) == pytest.approx(len(learned) / 2)
    shares = {str(group): weight[bot & (groups == group)].sum() for group in set(groups[bot].tolist())}
    assert max(shares.values()) == pytest.approx(min(shares.values()))


def test_a_held_out_score_does_not_depend_on_the_labels_of_its_fold(prefixes: list[Prefixes]) -> None:
    """Turning a family into people changes no score of that family."""
    inputs = POINTER.inputs(DOMAIN.table)
    rows = rows_of(prefixes, NAMES, inputs, POINTER)
    fold = folds_of(prefixes)
    here = fold[rows.owner] == 0
    turned = rows.part(np.ones(len(rows.bot), dtype=bool))
    turned.bot[here] = 1 - turned.bot[here]

    scores = [held_out_scores(part, design_of(part, inputs, POINTER), fold)[0] for part in (rows, turned)]

    assert scores[0][here] == pytest.approx(scores[1][here], abs=0.02)
    assert scores[0][~here] != pytest.approx(scores[1][~here], abs=0.02)


def test_verdicts_on_unmet_makers_tell_bots_from_people(prefixes: list[Prefixes]) -> None:
    ruleset = load_ruleset(Domain.BEHAVIOR)
    bare = Ruleset(ruleset.features, [], "none")
    fold = folds_of(prefixes)

    results = results_of(courses(prefixes, NAMES, bare, models_by_fold(prefixes, bare, RECIPES, fold), fold))

    figures = results.headline()
    assert figures["auc"] > 0.8
    assert figures["calibration_error"] < 0.25
    assert len(results.courses) == sum(one.copy == 0 for one in prefixes)
    assert {group.name for group in results.groups if not group.bot} == {"one/people", "two/people", "tried/people"}


def test_a_source_is_judged_by_models_of_the_others(prefixes: list[Prefixes]) -> None:
    ruleset = Ruleset(DOMAIN, [], "none")

    models = models_by_source(prefixes, ruleset, RECIPES, ["one", "two"])

    assert [[model.version for model in part] for part in models] == [["without-one"], ["without-two"]]


def test_one_side_alone_trains_nothing(tmp_path: Path, prefixes: list[Prefixes]) -> None:
    people = [one for one in prefixes if not one.origin.bot]

    assert not both_sides(rows_of(people, NAMES, POINTER.inputs(DOMAIN.table), POINTER))
    assert train(people, POINTER, tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_training_twice_gives_the_same_files_and_learns_from_no_one_it_must_not(
    tmp_path: Path, prefixes: list[Prefixes]
) -> None:
    without = [one for one in prefixes if one.origin.learn]

    facts = [train(part, POINTER, tmp_path / name) for part, name in ((prefixes, "a"), (prefixes, "b"), (without, "c"))]

    files = [(tmp_path / name / "pointer.json").read_bytes() for name in "abc"]
    assert files[0] == files[1] == files[2]
    assert facts[0] is not None and facts[0]["version"] == read_model(files[0]).version
    card = (tmp_path / "a" / "pointer.md").read_text()
    assert "one/people" in card and "tried/people" not in card


def test_no_model_reads_sizes_or_the_recorder() -> None:
    for recipe in RECIPES:
        units = {DOMAIN.table[name].unit for name in recipe.inputs(DOMAIN.table)}
        assert not units & {"count", "bool"}
        assert not any("grid" in name or name == "pointer_interval_ms" for name in recipe.inputs(DOMAIN.table))
    assert Feature("count", "") not in DOMAIN.table.values()


def test_shipped_models_come_with_their_card() -> None:
    for model in load_models("services.scorer.domains.behavior"):
        card = Path(f"services/scorer/domains/behavior/models/{model.name}.md").read_text()
        assert model.version in card
