"""A verdict of the whole running system is explained and proven, by the commands of the page that says how."""

import asyncio
import json
import os
import re
import subprocess
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.e2e.system import System
from tests.e2e.test_path import driven_batch, until_persisted

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/explain.md").read_text()
ASK, PROVE = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
(QUERY,) = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
async def judged(system: System) -> dict[str, Any]:
    """The second verdict on a customer."""
    subject = {"type": "customer", "id": f"explain-{uuid.uuid4().hex[:8]}"}
    async with system.gateway() as gateway:
        for _ in range(2):
            batch = driven_batch("") | {"subject": subject}
            batch["events"].append(
                {"type": "pointer.down", "occurred_at": datetime.now(UTC).isoformat(), "x": 1, "y": 2, "trusted": False}
            )
            answer = await gateway.post("/v1/events", params={"wait_ms": 5000}, json=batch)
            assert answer.status_code == 200, answer.text
            await until_persisted(gateway, batch["batch_id"])
    verdict: dict[str, Any] = answer.json()["receipts"][0]["verdict"]
    return verdict


async def run(system: System, script: str, verdict_id: str) -> subprocess.CompletedProcess[str]:
    """Run a script of the page against this system."""
    script = script.replace("http://127.0.0.1:8081", system.addresses.insights_url)
    script = script.replace(".venv/bin/python", sys.executable).replace("python3", sys.executable)
    variables = {"VERDICT_ID": verdict_id, "TELLTALE_DEMO_API_KEY": system.addresses.demo_api_key}
    return await asyncio.to_thread(
        subprocess.run, ["bash", "-euo", "pipefail", "-c", script], cwd=ROOT, text=True, capture_output=True,
        env=os.environ | system.environment | variables, timeout=60,
    )  # fmt: skip


async def test_the_page_explains_a_verdict(system: System, judged: dict[str, Any]) -> None:
    done = await run(system, ASK, judged["verdict_id"])
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["verdict"] == judged
    assert told["ruleset"]["used"] == told["ruleset"]["current"] == judged["versions"]["ruleset"]
    hits = {rule["reason"]: rule for rule in told["rules"] if rule["outcome"] == "hit"}
    assert hits["WEBDRIVER_ACTIVE"]["contribution"] > 0
    assert {rule["id"] for rule in told["rules"] if rule["outcome"] == "unknown"} == set(judged["unknown_rules"])
    assert sum(reason["contribution"] for reason in judged["reasons"]) == pytest.approx(judged["risk_score"])
    assert {model["name"] for model in told["models"]} == set(judged["versions"]["models"])
    assert all(model["said"] for model in told["models"])
    assert [batch["place"] for batch in told["session"]["batches"]] == [2, 1]


async def test_the_page_proves_a_verdict(system: System, judged: dict[str, Any]) -> None:
    done = await run(system, PROVE, judged["verdict_id"])
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert (told["result"], told["batches"], told["differences"]) == ("same", 2, [])


async def test_the_recordings_replayed_at_the_start_are_proven(system: System) -> None:
    verdicts = await system.rows(
        "SELECT DISTINCT ON (subject_id) verdict_id FROM verdicts WHERE subject_id IN"
        " (SELECT subject_id FROM verdicts GROUP BY subject_id ORDER BY max(received_at) LIMIT 3)"
        " ORDER BY subject_id, source_offset DESC"
    )
    assert len(verdicts) == 3
    for row in verdicts:
        done = await run(system, PROVE, str(row["verdict_id"]))
        assert done.returncode == 0, done.stdout + done.stderr


async def test_the_query_of_the_page_finds_the_user(system: System, judged: dict[str, Any]) -> None:
    reader = await asyncpg.connect(system.addresses.postgres_dsn_by_role["telltale_insights"])
    try:
        begin, name, select, commit = QUERY.strip().splitlines()
        for statement in (begin, name):
            await reader.execute(statement)
        found = {row["user_id"]: row["trust_score"] for row in await reader.fetch(select)}
        await reader.execute(commit)
    finally:
        await reader.close()
    assert found[judged["subject"]["id"]] == judged["trust_score"]
