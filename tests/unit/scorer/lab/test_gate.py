"""The regression gate: what ships must go on telling a few recorded and simulated people from bots.

The recordings are those of DELBOT-Mouse (``deploy/local/recordings``, with attribution); ``gate/simulated.jsonl.gz``
holds two sessions of each simulated family, drawn with a seed that no model learned from:
``python -m services.scorer.lab.simulate --sessions N --seed 99 --out FILE``. ``gate/libraries.jsonl.gz`` holds one
session of each library that bots are made with, run with a stub for a cursor; models learned from others of theirs.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from services.scorer.lab.measures import auc
from services.scorer.lab.outside import score_session
from services.scorer.lab.results import OBVIOUS
from services.scorer.lab.sessions import Session, read_sessions
from services.scorer.pipeline import load_ruleset
from shared.topics import Domain

GATE = Path("tests/unit/scorer/lab/gate")
FILES = (Path("deploy/local/recordings/delbot.jsonl"), GATE / "simulated.jsonl.gz")

Scored = list[tuple[Session, dict[str, Any]]]


def scores(*files: Path) -> Scored:
    ruleset = load_ruleset(Domain.BEHAVIOR)
    sessions = [item for path in files for item in read_sessions(path) if isinstance(item, Session)]
    return [(session, score_session(session, ruleset)) for session in sessions]


@pytest.fixture(scope="module")
def scored() -> Scored:
    return scores(*FILES)


def of(scored: Scored, label: str) -> Scored:
    return [(session, row) for session, row in scored if session.label == label]


def test_every_event_is_read(scored: Scored) -> None:
    assert len(scored) > 80
    assert sum(session.refused for session, _ in scored) == 0


def test_people_are_let_pass_and_trusted(scored: Scored) -> None:
    people = [row for _, row in of(scored, "human")]

    assert sum(row["action"] != "ALLOW" for row in people) <= 1
    assert np.median([row["trust_score"] for row in people]) >= 85
    assert np.mean([row["trust_score"] >= 65 for row in people]) >= 0.85


def test_bots_score_above_people(scored: Scored) -> None:
    risk = np.array([row["risk_score"] for _, row in scored])
    bot = np.array([float(session.label == "bot") for session, _ in scored])

    # Touch bots and copies of one person's typing are beyond what is told today: they are a ninth of the bots here.
    assert (auc(risk, bot) or 0.0) >= 0.85


def test_obvious_bots_are_stopped_soon(scored: Scored) -> None:
    obvious = [row for session, row in of(scored, "bot") if session.group in OBVIOUS]

    assert len(obvious) >= 8
    stopped = [row for row in obvious if row["action"] != "ALLOW"]
    assert len(stopped) >= 0.6 * len(obvious)
    assert np.median([row["events_to_decision"] for row in stopped]) <= 40


def test_libraries_that_bots_are_made_with_are_told() -> None:
    rows = [row for _, row in scores(GATE / "libraries.jsonl.gz")]

    assert len(rows) >= 40
    assert np.mean([row["risk_score"] > 0.5 for row in rows]) >= 0.95
    assert np.mean([row["action"] != "ALLOW" for row in rows]) >= 0.85
