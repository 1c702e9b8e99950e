"""``make chaos``, a short run: every part and every kind of act once, on a system of its own."""

import json
import subprocess
import sys

import pytest

from deploy.local.settings import CHECKOUT
from tests.chaos.findings import KINDS
from tests.chaos.schedule import TARGETS, Kind, plan

KILLS = 20
# With this seed every part has its turn, gateway, scorer, persister, Kafka and PostgreSQL are each killed, three
# scorers work side by side, and one is stopped for longer than its session lasts.
SEED = 1921

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]


def test_the_seed_has_a_bit_of_everything() -> None:
    acts = plan(KILLS, SEED)
    assert {act.part for act in acts} == {target.name for target in TARGETS}
    assert {act.kind for act in acts} == set(Kind)
    killed = {act.part for act in acts if act.kind is Kind.KILL}
    assert {"gateway", "scorer", "persister", "kafka", "postgres"} <= killed
    assert any(act.part.startswith("scorer") and act.hold_s > 10 for act in acts)


def test_nothing_is_lost_doubled_or_wrong_after_twenty_acts() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.chaos", "--kills", str(KILLS), "--seed", str(SEED)],
        cwd=CHECKOUT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=580, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-5_000:]
    summary = json.loads(done.stdout.splitlines()[-1])
    assert summary["kills"] == KILLS
    assert summary["acknowledged"] == summary["persisted"] > 500
    assert summary["verdicts_told"] > 0
    assert {kind: summary[kind] for kind in (*KINDS, "duplicated_verdict_records", "rejected")} == dict.fromkeys(
        (*KINDS, "duplicated_verdict_records", "rejected"), 0
    )
