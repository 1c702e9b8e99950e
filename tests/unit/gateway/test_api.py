"""Receipts, latest verdicts, health, errors and the reference, over in-memory adapters."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import jsonschema
import pytest

from services.gateway import examples
from services.gateway.ports import Rejection, StoredReceipt
from services.gateway.recent import Accepted, RecentBatches
from shared.contracts.batch import decode_batch
from shared.contracts.verdict import Verdict
from shared.topics import Domain
from tests.unit.gateway.kit import NOW, OTHER_TENANT, TENANT, Gateway, batch, running

STORED = StoredReceipt("behavior", "session/s-1", 1, NOW, NOW + timedelta(seconds=1))
SCORED = {"verdict_id": uuid4(), "scored_at": NOW + timedelta(milliseconds=5)}


async def receipt(gateway: Gateway, batch_id: str, key: str | None = None) -> Any:
    headers = gateway.headers(authorization=f"Bearer {key or gateway.keys.text}")
    return await gateway.client.get(f"/v1/batches/{batch_id}", headers=headers)


def stored(**changed: Any) -> StoredReceipt:
    from dataclasses import replace

    return replace(STORED, **changed)


REJECTED_ROW = (Rejection("persister", "row_refused", "no", NOW),)
UNSCORED = (Rejection("scorer", "fold_failed", "no", NOW),)


@pytest.mark.parametrize(
    ("known", "status", "scored", "persisted"),
    [
        (None, "accepted", False, False),
        (StoredReceipt("behavior", "session/s-1", 1, NOW, None, **SCORED), "scored", True, False),  # type: ignore[arg-type]
        (STORED, "persisted", False, True),
        (stored(**SCORED), "persisted", True, True),
        (stored(rejections=UNSCORED), "persisted", False, True),
        (StoredReceipt(rejections=REJECTED_ROW), "rejected", False, False),
        (StoredReceipt(rejections=REJECTED_ROW, **SCORED), "rejected", True, False),  # type: ignore[arg-type]
        (StoredReceipt(rejections=UNSCORED), "accepted", False, False),
    ],
)
async def test_status_follows_what_is_known(
    known: StoredReceipt | None, status: str, scored: bool, persisted: bool
) -> None:
    sent = batch()
    async with running() as gateway:
        await gateway.post(sent)
        if known is not None:
            gateway.store.receipts[TENANT, UUID(sent["batch_id"])] = known
        answer = await receipt(gateway, sent["batch_id"])
        assert answer.status_code == 200
        found = answer.json()
        assert (found["status"], found["scored"], found["persisted"]) == (status, scored, persisted)
        assert (found["domain"], found["subject"], found["events"]) == ("behavior", "session/s-1", 1)
        assert [item["reason"] for item in found["rejections"]] == [
            rejection.reason for rejection in (known.rejections if known else ())
        ]


async def test_receipts_are_the_tenant_s_own() -> None:
    sent = batch()
    async with running() as gateway:
        await gateway.post(sent)
        gateway.store.receipts[TENANT, UUID(sent["batch_id"])] = STORED
        assert (await receipt(gateway, sent["batch_id"])).status_code == 200
        answer = await receipt(gateway, sent["batch_id"], gateway.keys.other_text)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        assert "same batch_id" in answer.json()["detail"]


async def test_database_away_leaves_recent_receipts_and_says_so_of_others() -> None:
    sent = batch()
    async with running() as gateway:
        await gateway.post(sent)
        gateway.store.available = False
        assert (await receipt(gateway, sent["batch_id"])).json()["status"] == "accepted"
        answer = await receipt(gateway, str(uuid4()))
        assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")
        assert int(answer.headers["retry-after"]) > 0
        ready = await gateway.client.get("/readyz")
        assert (ready.status_code, ready.json()["optional"]["postgresql"]) == (200, False)


def test_recent_batches_are_bounded_and_the_first_acceptance_stands() -> None:
    recent = RecentBatches(2)
    keys = [(TENANT, uuid4()) for _ in range(3)]
    for count, key in enumerate([keys[0], keys[1], keys[0], keys[2]]):
        recent.add(key, Accepted(Domain.BEHAVIOR, "session/s-1", count, NOW))
    assert len(recent) == 2
    assert recent.get(keys[0]) is None
    assert [found.events for key in keys[1:] if (found := recent.get(key))] == [1, 3]


async def test_latest_verdict_comes_from_redis_then_from_the_database() -> None:
    async with running() as gateway:
        path, headers = "/v1/subjects/session/s-1/verdict", gateway.headers()
        assert (await gateway.client.get(path, headers=headers)).status_code == 404
        gateway.store.verdicts[TENANT, "session", "s-1"] = b'{"from":"store"}'
        assert (await gateway.client.get(path, headers=headers)).json() == {"from": "store"}
        gateway.replies.by_subject[TENANT, "session", "s-1"] = b'{"from":"redis"}'
        assert (await gateway.client.get(path, headers=headers)).json() == {"from": "redis"}
        gateway.replies.available = False
        assert (await gateway.client.get(path, headers=headers)).json() == {"from": "store"}
        gateway.store.available = False
        assert (await gateway.client.get(path, headers=headers)).status_code == 503


async def test_latest_verdict_is_the_tenant_s_own() -> None:
    async with running() as gateway:
        gateway.replies.by_subject[OTHER_TENANT, "session", "s-1"] = b"{}"
        gateway.store.verdicts[OTHER_TENANT, "session", "s-1"] = b"{}"
        answer = await gateway.client.get("/v1/subjects/session/s-1/verdict", headers=gateway.headers())
        assert answer.status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "not_found"),
        ("GET", "/v1/events/", 404, "not_found"),
        ("POST", "/healthz", 405, "method_not_allowed"),
        ("GET", "/v1/batches/no-uuid", 422, "invalid_parameter"),
        ("GET", "/v1/subjects/person/x/verdict", 422, "invalid_parameter"),
        ("GET", "/v1/subjects/session/a%20b/verdict", 422, "invalid_parameter"),
        ("GET", "/v1/subjects/session/%00/verdict", 422, "invalid_parameter"),
        ("GET", "/v1/subjects/session/" + "a" * 129 + "/verdict", 422, "invalid_parameter"),
    ],
)
async def test_every_error_is_a_problem(method: str, path: str, status: int, code: str) -> None:
    async with running() as gateway:
        answer = await gateway.client.request(method, path, headers=gateway.headers())
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["trace_id"]


@pytest.mark.parametrize("path", [f"/v1/batches/{examples.BATCH_ID}", "/v1/subjects/session/s-1/verdict"])
async def test_reading_needs_a_key(path: str) -> None:
    async with running() as gateway:
        answer = await gateway.client.get(path)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


async def test_a_defect_in_the_api_is_a_problem(caplog: pytest.LogCaptureFixture) -> None:
    async with running() as gateway:

        async def fails(*_: Any) -> None:
            raise ZeroDivisionError("secret")

        gateway.store.receipt = fails  # type: ignore[method-assign, assignment]
        answer = await receipt(gateway, str(uuid4()))
        assert (answer.status_code, answer.json()["code"]) == (500, "internal")
        assert "secret" not in answer.text
        assert [record.__dict__["trace_id"] for record in caplog.records if record.levelname == "ERROR"] == [
            answer.json()["trace_id"]
        ]


async def test_health_and_metrics() -> None:
    async with running() as gateway:
        assert (await gateway.client.get("/healthz")).json() == {"status": "alive"}
        await gateway.post(batch())
        text = (await gateway.client.get("/metrics")).text
        assert 'telltale_gateway_requests_total{outcome="accepted"}' in text
        assert 'telltale_gateway_events_total{domain="behavior"}' in text


async def test_the_reference_describes_every_operation_with_examples() -> None:
    async with running() as gateway:
        document = (await gateway.client.get("/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    assert set(document["paths"]) == {
        "/v1/events", "/v1/batches/{batch_id}", "/v1/subjects/{subject_type}/{subject_id}/verdict", "/healthz",
        "/readyz", "/metrics", "/api/sessions", "/api/sessions/{sessionId}", "/api/sessions/{sessionId}/data",
        "/api/sessions/{sessionId}/status", "/api/behavior/track",
    }  # fmt: skip
    for path, operations in document["paths"].items():
        for operation in operations.values():
            for status, response in operation["responses"].items():
                for media, content in response["content"].items():
                    shown = [content["example"]] if "example" in content else []
                    shown += [example["value"] for example in content.get("examples", {}).values()]
                    assert shown, f"{path} {status} has no example"
                    for example in shown:
                        if media != "text/plain":
                            validate(document, content["schema"], example)
            if "requestBody" in operation:
                body = operation["requestBody"]["content"]["application/json"]
                assert body["examples"]
                for example in body["examples"].values():
                    validate(document, body["schema"], example["value"])


def validate(document: dict[str, Any], schema: dict[str, Any], example: Any) -> None:
    jsonschema.Draft202012Validator(schema | {"components": document["components"]}).validate(example)


async def test_the_examples_are_true() -> None:
    import msgspec

    batch_example = decode_batch(json.dumps(examples.BATCH).encode())
    verdict = msgspec.convert(examples.VERDICT, Verdict)
    assert verdict.batch_id == batch_example.batch_id
    async with running(now=NOW.replace(month=1, day=15)) as gateway:
        answer = await gateway.post(examples.BATCH)
        assert answer.json() == {"receipts": [examples.RECEIPT]}
        ready = await gateway.client.get("/readyz")
        assert ready.json() == examples.READINESS
        assert (await receipt(gateway, examples.BATCH_ID)).json().keys() == examples.BATCH_RECEIPT.keys()
