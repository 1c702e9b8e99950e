"""One batch from a client's POST to a verdict, a row, a KPI, a metric and a CloudEvent on Kafka."""

import asyncio
import os
import re
import subprocess
import sys
import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import aiokafka
import asyncpg
import httpx
import jsonschema
import msgspec
import pytest

from deploy.provision.tenants import create_key, revoke_key
from services.gateway.settings import GatewaySettings
from shared.contracts.base import MAX_EVENTS_PER_BATCH
from shared.contracts.schema import CONTRACTS, kept
from shared.contracts.verdict import verdict_id
from shared.topics import VERDICTS
from tests.e2e.system import System

ROOT = Path(__file__).parents[2]
VERDICT_SCHEMA = kept(next(contract for contract in CONTRACTS if contract.name == "verdict.v1"))


def driven_batch(subject: str, **changes: Any) -> dict[str, Any]:
    """A batch of a browser that says it is driven by a program."""
    now = datetime.now(UTC).isoformat()
    return {
        "batch_id": str(uuid.uuid4()),
        "domain": "behavior",
        "subject": {"type": "session", "id": subject},
        "events": [{"type": "device.fingerprint", "occurred_at": now, "webdriver": True}],
    } | changes


async def until_persisted(gateway: httpx.AsyncClient, batch_id: str) -> dict[str, Any]:
    """Ask for a receipt until the batch is persisted and scored."""
    async with asyncio.timeout(20):
        while True:
            answer = await gateway.get(f"/v1/batches/{batch_id}")
            receipt: dict[str, Any] = answer.json()
            if answer.status_code == 200 and receipt.get("persisted_at") and receipt.get("scored_at"):
                return receipt
            await asyncio.sleep(0.1)


async def verdict_on_kafka(system: System, wanted: UUID) -> aiokafka.ConsumerRecord[Any, Any]:
    """Read the verdict topic as any subscriber would."""
    consumer = aiokafka.AIOKafkaConsumer(
        VERDICTS, bootstrap_servers=system.addresses.kafka_bootstrap, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        async with asyncio.timeout(30):
            async for record in consumer:
                if dict(record.headers)["ce_id"] == str(wanted).encode():
                    return record
    finally:
        await consumer.stop()
    raise AssertionError("the topic ended")


async def test_a_batch_becomes_a_verdict_a_row_a_kpi_a_metric_and_a_cloud_event(system: System) -> None:
    batch = driven_batch(f"path-{uuid.uuid4().hex[:8]}")
    trace_id = uuid.uuid4().hex
    headers = {"traceparent": f"00-{trace_id}-00f067aa0ba902b7-01"}
    async with system.gateway() as gateway, system.insights() as insights:
        before = (await insights.get("/v1/kpis", params={"group_by": "action"})).json()["totals"]
        answer = await gateway.post("/v1/events", params={"wait_ms": 5000}, json=batch, headers=headers)
        assert answer.status_code == 200, answer.text
        verdict = answer.json()["receipts"][0]["verdict"]
        jsonschema.validate(verdict, VERDICT_SCHEMA)
        assert verdict["action"] == "REVIEW"
        assert [reason["code"] for reason in verdict["reasons"]] == ["WEBDRIVER_ACTIVE"]

        receipt = await until_persisted(gateway, batch["batch_id"])
        assert receipt["events"] == 1
        latest = await gateway.get(f"/v1/subjects/session/{batch['subject']['id']}/verdict")
        assert latest.json()["verdict_id"] == verdict["verdict_id"]

        [row] = await system.rows("SELECT * FROM batches WHERE batch_id = $1", batch["batch_id"])
        assert trace_id in row["traceparent"]
        [row] = await system.rows("SELECT * FROM verdicts WHERE batch_id = $1", batch["batch_id"])
        assert row["action"] == "REVIEW"
        assert trace_id in row["traceparent"]
        [event] = await system.rows("SELECT * FROM events WHERE batch_id = $1", batch["batch_id"])
        assert event["type"] == "device.fingerprint"

        after = (await insights.get("/v1/kpis", params={"group_by": "action"})).json()["totals"]
        assert after["verdicts"] > before["verdicts"]
        assert after["by_action"]["REVIEW"] > before["by_action"]["REVIEW"]

        exposed = (await insights.get("/metrics")).text
        assert re.search(r'telltale_delivery_accepted_records\{topic="events.behavior.v1"\} [1-9]', exposed)

    record = await verdict_on_kafka(system, verdict_id("demo", UUID(batch["batch_id"])))
    found = dict(record.headers)
    assert found["ce_specversion"] == b"1.0"
    assert found["ce_type"] == b"telltale.verdict.v1"
    assert trace_id.encode() in found["ce_traceparent"]
    assert record.key == f"demo:session/{batch['subject']['id']}".encode()
    assert msgspec.json.decode(record.value) == verdict


async def test_a_retry_gives_the_same_receipt_and_no_second_effect(system: System) -> None:
    batch = driven_batch(f"retry-{uuid.uuid4().hex[:8]}")
    async with system.gateway() as gateway:
        first = await gateway.post("/v1/events", json=batch)
        await until_persisted(gateway, batch["batch_id"])
        second = await gateway.post("/v1/events", json=batch)
        assert (first.status_code, first.content) == (second.status_code, second.content)
        # A later batch of the same subject comes after the retry on its partition.
        later = driven_batch(batch["subject"]["id"])
        await gateway.post("/v1/events", json=later)
        await until_persisted(gateway, later["batch_id"])
    rows = await system.rows("SELECT 1 FROM batches WHERE batch_id = $1", batch["batch_id"])
    verdicts = await system.rows("SELECT 1 FROM verdicts WHERE batch_id = $1", batch["batch_id"])
    assert (len(rows), len(verdicts)) == (1, 1)
    [session] = await system.rows("SELECT * FROM sessions WHERE subject_id = $1", batch["subject"]["id"])
    assert session["batch_count"] == 2


async def test_the_largest_batch_there_may_be_goes_the_whole_way(system: System) -> None:
    now = datetime.now(UTC)
    event = {"type": "pointer.down", "x": 200.125, "y": 120.5, "trusted": True, "target": "t" * 64}
    times = ((now - timedelta(milliseconds=index)).isoformat() for index in range(MAX_EVENTS_PER_BATCH))
    batch = driven_batch(
        f"largest-{uuid.uuid4().hex[:8]}",
        events=[event | {"occurred_at": time, "event_id": f"{index:05}"} for index, time in enumerate(times)],
    )
    body = msgspec.json.encode(batch)
    limit = GatewaySettings.model_fields["max_body_bytes"].default
    assert len(body) > 0.9 * limit
    async with system.gateway() as gateway:
        headers = {"content-type": "application/json"}
        refused = await gateway.post("/v1/events", content=body.ljust(limit + 1), headers=headers)
        assert refused.status_code == 413
        answer = await gateway.post("/v1/events?wait_ms=10000", content=body.ljust(limit), headers=headers)
        assert answer.status_code in {200, 202}, answer.text
        receipt = await until_persisted(gateway, batch["batch_id"])
    assert receipt["events"] == MAX_EVENTS_PER_BATCH
    [row] = await system.rows("SELECT count(*) AS count FROM events WHERE batch_id = $1", batch["batch_id"])
    assert row["count"] == MAX_EVENTS_PER_BATCH


async def test_clocks_hours_off_and_batches_out_of_order_are_taken(system: System) -> None:
    subject = f"clock-{uuid.uuid4().hex[:8]}"
    wrong_now = datetime.now(UTC) - timedelta(hours=7)
    earlier, later = (
        driven_batch(
            subject,
            sent_at=wrong_now.isoformat(),
            events=[{"type": "focus.gained", "occurred_at": (wrong_now - timedelta(seconds=ago)).isoformat()}],
        )
        for ago in (30, 1)
    )
    async with system.gateway() as gateway:
        for batch in (later, earlier):
            answer = await gateway.post("/v1/events", json=batch)
            assert answer.status_code == 202, answer.text
        for batch in (later, earlier):
            await until_persisted(gateway, batch["batch_id"])
    events = await system.rows("SELECT occurred_at FROM events WHERE subject_id = $1", subject)
    assert all(abs(datetime.now(UTC) - event["occurred_at"]) < timedelta(minutes=2) for event in events)


async def test_a_revoked_key_stops_within_seconds(system: System) -> None:
    owner = await asyncpg.connect(system.addresses.postgres_dsn_by_role["telltale_owner"])
    try:
        key = await create_key(owner, "demo")
        async with httpx.AsyncClient(
            base_url=system.addresses.gateway_url, headers={"authorization": f"Bearer {key}"}
        ) as client:
            await until_status(client, 202)
            await revoke_key(owner, key.split("_")[1])
            started = time.monotonic()
            await until_status(client, 401)
            assert time.monotonic() - started < 10
    finally:
        await owner.close()


async def until_status(client: httpx.AsyncClient, status: int) -> None:
    """Post batches until the answer has a status."""
    async with asyncio.timeout(20):
        while (await client.post("/v1/events", json=driven_batch("keys"))).status_code != status:
            await asyncio.sleep(0.1)


async def test_a_smuggled_key_value_is_nowhere(system: System) -> None:
    secret = f"hunter{uuid.uuid4().hex}"
    press = {"type": "key.press", "occurred_at": datetime.now(UTC).isoformat(), "key_class": "letter"}
    async with system.gateway() as gateway:
        for smuggled in (press | {"key": secret}, press | {"key_class": secret}, press | {"code": {"value": secret}}):
            answer = await gateway.post("/v1/events", json=driven_batch("smuggler", events=[smuggled]))
            assert answer.status_code == 422
            assert secret not in answer.text
    rows = await system.rows("SELECT 1 FROM batches WHERE payload::text LIKE '%' || $1 || '%'", secret)
    assert rows == []
    logs = system.stack.settings.root / "logs"
    assert not [log for log in logs.glob("*.log") if secret in log.read_text(errors="replace")]


def test_the_readme_curl_gives_a_verdict(system: System) -> None:
    [script] = [
        block
        for block in re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
        if "curl" in block
    ]
    script = script.replace("http://127.0.0.1:8080", system.addresses.gateway_url)
    script = script.replace(". .telltale/", f". {system.stack.settings.root}/")
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, timeout=30, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    verdict = msgspec.json.decode(done.stdout)["receipts"][0]["verdict"]
    assert verdict["action"] in {"REVIEW", "BLOCK"}
    assert {"WEBDRIVER_ACTIVE"} <= {reason["code"] for reason in verdict["reasons"]}


def test_the_quick_starts_python_gives_a_verdict(system: System) -> None:
    [program] = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "quick-start.md").read_text(), re.DOTALL)
    program = program.replace("http://127.0.0.1:8080", system.addresses.gateway_url)
    environment = os.environ | {
        "TELLTALE_DEMO_API_KEY": system.addresses.demo_api_key,
        "PYTHONPATH": str(ROOT / "sdks" / "python" / "src"),
    }
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False, env=environment
    )
    assert "WEBDRIVER_ACTIVE" in done.stdout, done.stderr


@pytest.mark.parametrize("service", ["gateway", "insights"])
def test_the_api_is_described(system: System, service: str) -> None:
    url = getattr(system.addresses, f"{service}_url")
    document = httpx.get(f"{url}/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert operations
    assert all("example" in msgspec.json.encode(operation).decode() for operation in operations)
