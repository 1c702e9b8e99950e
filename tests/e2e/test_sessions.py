"""The session API on the whole running system."""

import asyncio
import re
import subprocess
import time
import uuid
from pathlib import Path
from typing import Any

import aiokafka
import httpx
import msgspec
import pytest

from tests.chaos.evidence import ends
from tests.e2e.system import System

ROOT = Path(__file__).parents[2]
_TEXTS = """
SELECT 'batches' AS place FROM batches WHERE payload LIKE '%' || $1 || '%'
UNION ALL SELECT 'verdicts' FROM verdicts WHERE document LIKE '%' || $1 || '%'
UNION ALL SELECT 'started_sessions' FROM started_sessions WHERE facts::text LIKE '%' || $1 || '%' OR user_id = $1
UNION ALL SELECT 'dead_letters' FROM dead_letters WHERE position(convert_to($1, 'UTF8') IN payload) > 0
"""


def now_ms() -> float:
    return time.time() * 1000


def moves(count: int = 20) -> list[dict[str, Any]]:
    """A straight path at constant speed."""
    start = now_ms() - 1_000
    return [{"x": 10 + 5 * index, "y": 20 + 3 * index, "timestamp": start + 16 * index} for index in range(count)]


async def begun(gateway: httpx.AsyncClient, **body: Any) -> str:
    answer = await gateway.post("/api/sessions", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["session_id"])


async def until_rows(system: System, query: str, *arguments: Any) -> list[Any]:
    async with asyncio.timeout(20):
        while not (rows := await system.rows(query, *arguments)):
            await asyncio.sleep(0.1)
        return rows


async def test_a_session_from_start_to_close(system: System) -> None:
    async with system.gateway() as gateway:
        session_id = await begun(gateway, user_id="e2e-user", device_fingerprint={"webdriver": True})
        data = await gateway.post(f"/api/sessions/{session_id}/data", json={"mouse": moves()})
        told = data.json()
        assert data.status_code == 200, data.text
        assert told["event_count"] == 20
        assert told["score"] == pytest.approx(1 - told["verdict"]["risk_score"])
        assert told["is_human"] is (told["verdict"]["trust_score"] >= 50) is False
        assert "WEBDRIVER_ACTIVE" in [reason["code"] for reason in told["reasons"]], "facts of the start count"
        assert told["verdict"]["session"]["event_count"] == 21

        status = (await gateway.get(f"/api/sessions/{session_id}/status")).json()
        assert (status["user_id"], status["event_count"], status["status"]) == ("e2e-user", 21, "open")
        assert status["result"]["verdict"]["verdict_id"] == told["verdict"]["verdict_id"]

        [row] = await until_rows(system, "SELECT * FROM verdicts WHERE batch_id = $1", told["batch_id"])
        assert (row["subject_type"], row["subject_id"], row["event_count"]) == ("session", session_id, 20)
        [row] = await system.rows("SELECT * FROM started_sessions WHERE session_id = $1", session_id)
        assert (row["tenant_id"], row["user_id"]) == ("demo", "e2e-user")

        assert (await gateway.delete(f"/api/sessions/{session_id}")).json()["status"] == "closed"
        late = await gateway.post(f"/api/sessions/{session_id}/data", json={"mouse": moves()})
        assert late.status_code == 409


async def test_tracked_behaviour_is_trust_in_a_user(system: System) -> None:
    user = f"user-{uuid.uuid4().hex[:8]}"
    tracking = {"mouseMovements": moves(), "sessionMetrics": {"webdriver": True}}
    async with system.gateway() as gateway:
        answer = await gateway.post(
            "/api/behavior/track", json={"userId": user, "behaviorData": {"trackingData": tracking}}
        )
        told = answer.json()
        assert answer.status_code == 200, answer.text
        assert told["success"] is True
        assert told["needsCaptcha"] is True
        assert told["trustLevel"] in {"low", "suspicious"}
        assert told["aiMethod"].startswith("rules@")
        [row] = await until_rows(system, "SELECT * FROM verdicts WHERE subject_id = $1", user)
        assert row["trust_score"] == round(told["trustScore"] * 100)


async def test_no_key_value_is_anywhere(system: System) -> None:
    secret = f"hunter{uuid.uuid4().hex}"
    names = ("key", "code", "value", "text", "content", "data", "char", "password", "event_id", "html", "label")
    everywhere = {name: secret for name in names} | {"target": f"<input value={secret}>", "timestamp": now_ms() - 500}
    groups = {
        "keystrokes": [everywhere],
        "mouse": [everywhere | {"x": 1, "y": 1, "type": "down"}],
        "form": [everywhere | {"type": "change"}],
        "clipboard": [everywhere | {"action": "paste"}],
        "touch": [everywhere | {"x": 1, "y": 1}],
        "scroll": [everywhere | {"y": 1}],
        "focus": [everywhere],
        secret: [secret],
    }
    refused = {"keystrokes": [everywhere | {"timestamp": secret, "duration": secret}]}
    async with system.gateway() as gateway:
        session_id = await begun(gateway, device_fingerprint={"canvas": secret, "keys": secret}, note=secret)
        path = f"/api/sessions/{session_id}/data"
        answer = await gateway.post(path, json=groups)
        assert (answer.status_code, answer.json()["event_count"]) == (200, 7), answer.text
        tracked = await gateway.post(
            "/api/behavior/track", json={"userId": "k", "behaviorData": {"trackingData": groups}}
        )
        assert tracked.status_code == 200
        bad = await gateway.post(path, json=refused)
        assert bad.status_code == 400
        status = await gateway.get(f"/api/sessions/{session_id}/status")
        for told in (answer, tracked, bad, status):
            assert secret not in told.text
        await until_rows(system, "SELECT 1 FROM verdicts WHERE batch_id = $1", answer.json()["batch_id"])
        await until_rows(system, "SELECT 1 FROM batches WHERE batch_id = $1", answer.json()["batch_id"])
    assert await system.rows(_TEXTS, secret) == []
    assert await system.rows(_TEXTS, session_id) != [], "the search finds what is there"
    assert not await found_on_kafka(system, secret.encode())
    assert await found_on_kafka(system, session_id.encode()), "the search finds what is there"
    logs = system.stack.settings.root / "logs"
    assert not [log for log in logs.glob("*.log") if secret in log.read_text(errors="replace")]


async def found_on_kafka(system: System, wanted: bytes) -> bool:
    """Read every record of every topic that there is now."""
    held = await ends(system.addresses.kafka_bootstrap)
    last = {aiokafka.TopicPartition(*place): end for place, end in held.items()}
    consumer = aiokafka.AIOKafkaConsumer(bootstrap_servers=system.addresses.kafka_bootstrap)
    await consumer.start()
    try:
        consumer.assign(list(last))
        await consumer.seek_to_beginning(*last)
        async with asyncio.timeout(60):
            for place, end in last.items():
                while await consumer.position(place) < end:
                    for records in (await consumer.getmany(timeout_ms=200)).values():
                        if any(wanted in (record.value or b"") + (record.key or b"") for record in records):
                            return True
        return False
    finally:
        await consumer.stop()


def test_the_guide_s_curls_work(system: System) -> None:
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "docs" / "sessions.md").read_text(), re.DOTALL)
    scripts = [block for block in blocks if "curl" in block]
    assert len(scripts) == 2
    printed = []
    for script in scripts:
        text = script.replace("http://127.0.0.1:8080", system.addresses.gateway_url)
        text = text.replace(". .telltale/", f". {system.stack.settings.root}/")
        done = subprocess.run(["sh", "-ec", text], capture_output=True, text=True, timeout=30, check=False, cwd=ROOT)
        assert done.returncode == 0, done.stderr
        printed += re.findall(r"^\{.*?^\}", done.stdout, re.DOTALL | re.MULTILINE)
    data, status, closed, track = (msgspec.json.decode(one) for one in printed)
    assert (data["status"], data["event_count"], data["is_human"]) == ("judged", 5, False)
    assert status["result"]["verdict"]["verdict_id"] == data["verdict"]["verdict_id"]
    assert closed["status"] == "closed"
    assert (track["success"], track["trustLevel"] in {"high", "medium", "low", "suspicious"}) == (True, True)
