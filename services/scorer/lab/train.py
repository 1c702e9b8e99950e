"""Train the models that run beside the rules: ``python -m services.scorer.lab.train``.

Learns from the recordings whose licence allows it, where they are there, and from the simulator; writes
``services/scorer/domains/behavior/models/<name>.json`` and a card beside it. The same data give the same files.
The last line is one JSON object.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from rich.console import Console

from services.scorer.features import load_features
from services.scorer.lab.card import card_of
from services.scorer.lab.corpus import read_corpus, simulated, simulated_count
from services.scorer.lab.dataset import Prefixes, table_of
from services.scorer.lab.learn import (
    Recipe,
    calibrate_rows,
    design_of,
    fit_all,
    folds_of,
    held_out_scores,
    model_file,
    rows_of,
)
from services.scorer.lab.measures import auc
from services.scorer.lab.recipes import RECIPES
from services.scorer.models import read_model
from shared.topics import Domain

MODELS: Final = Path("services/scorer/domains/behavior/models")
# Sessions of each simulated cohort and family, and copies of each session as another recorder would have it.
PEOPLE, BOTS, SEED, COPIES = 200, 100, 1, 1


def learning_table(people: int = PEOPLE, bots: int = BOTS, copies: int = COPIES) -> list[Prefixes]:
    """Fold everything that may be learned from or tried on."""
    recorded = list(read_corpus())
    domain = load_features(Domain.BEHAVIOR)
    found = table_of(recorded, len(recorded), copies, domain)
    return found + table_of(simulated(people, bots, SEED), simulated_count(people, bots), copies, domain)


def train(prefixes: Sequence[Prefixes], recipe: Recipe, folder: Path) -> dict[str, Any] | None:
    """Train one model on everything that may be learned from; write it and its card. None when a side is missing."""
    table = load_features(Domain.BEHAVIOR).table
    inputs = recipe.inputs(table)
    learned = [session for session in prefixes if session.origin.learn]
    rows = rows_of(learned, list(table), inputs, recipe)
    if not inputs or not len(rows.bot) or not 0 < rows.bot.mean() < 1:
        return None
    design = design_of(rows, inputs, recipe)
    score, _ = held_out_scores(rows, design, folds_of(learned))
    calibration = calibrate_rows(rows, score, np.ones(len(score), dtype=bool), recipe)
    file = model_file(fit_all(rows, design), calibration, recipe)
    data = msgspec.json.format(msgspec.json.encode(file), indent=1) + b"\n"
    model = read_model(data)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{recipe.name}.json").write_bytes(data)
    groups = Counter((o.source, o.group, o.bot) for o in {id(s): s.origin for s in learned if not s.copy}.values())
    facts = {
        "model": recipe.name,
        "version": model.version,
        "prior": recipe.prior,
        "rows": len(rows.bot),
        "features": len(file.parts),
        "held_out_auc": round(auc(score, rows.bot, rows.weight) or 0.0, 4),
    }
    (folder / f"{recipe.name}.md").write_text(card_of(file, facts, groups, table), encoding="utf-8")
    return facts


def main(arguments: Sequence[str] | None = None) -> int:
    """Train every recipe."""
    parser = argparse.ArgumentParser(prog="python -m services.scorer.lab.train", description=__doc__)
    parser.add_argument("--models", type=Path, default=MODELS, help="where they go")
    options = parser.parse_args(arguments)
    prefixes = learning_table()
    with Console(file=sys.stderr).status("fitting"):
        trained = [facts for recipe in RECIPES if (facts := train(prefixes, recipe, options.models)) is not None]
    print(json.dumps({"trained": trained}))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
