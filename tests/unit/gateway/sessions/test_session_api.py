"""The session API over in-memory adapters: what callers are told, what leaves for the broker, what stays inside."""

import asyncio
import json
import logging
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import msgspec
import pytest

from services.gateway import examples
from services.gateway.sessions import examples as shown
from shared.cloudevents import read_batch_headers
from tests.unit.gateway.kit import NOW, OTHER_TENANT, TENANT, Gateway, running

AT_MS = NOW.timestamp() * 1000 - 5_000
MOVES = {"mouse": [{"x": index, "y": 2 * index, "timestamp": AT_MS + 16 * index} for index in range(3)]}
TRACKED = {"userId": "u-1", "behaviorData": {"trackingData": {"mouseMovements": MOVES["mouse"]}}}
SECRET = "hunter2"


def verdict(trust: int = 90, **changed: Any) -> bytes:
    document = examples.VERDICT | {"trust_score": trust, "risk_score": 1 - trust / 100} | changed
    return msgspec.json.encode(document)


async def begin(gateway: Gateway, body: Any = None, **headers: str) -> httpx.Response:
    content = json.dumps(body if body is not None else {})
    return await gateway.client.post("/api/sessions", content=content, headers=gateway.headers(**headers))


async def begun(gateway: Gateway, **body: Any) -> str:
    answer = await begin(gateway, body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["session_id"])


async def send(
    gateway: Gateway, path: str, body: Any = MOVES, said: bytes | None = None, **headers: str
) -> httpx.Response:
    """Post, and answer as the scorer does with what is said, when something is."""
    taken = len(gateway.publisher.records)

    async def score() -> None:
        if said is None:
            return
        async with asyncio.timeout(5):
            while len(gateway.publisher.records) == taken:
                await asyncio.sleep(0)
        stamp = read_batch_headers(gateway.publisher.records[taken].headers)
        gateway.replies.reply(stamp.tenant_id, stamp.batch_id, said)

    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    posted = gateway.client.post(path, content=content, headers=gateway.headers(**headers))
    answer, _ = await asyncio.gather(posted, score())
    return answer


def data_of(session_id: object) -> str:
    return f"/api/sessions/{session_id}/data"


async def test_a_session_is_a_uuid_with_its_user_and_nothing_published_without_facts() -> None:
    async with running() as gateway:
        answer = await begin(gateway, {"user_id": "u-1"})
        told = answer.json()
        assert (answer.status_code, told["user_id"], told["status"]) == (201, "u-1", "open")
        assert UUID(told["session_id"]).version == 7
        assert told["sessionId"] == told["session_id"]
        assert answer.headers["location"] == f"/api/sessions/{told['session_id']}/status"
        assert gateway.sessions.sessions[TENANT, UUID(told["session_id"])].user_id == "u-1"
        assert gateway.publisher.records == []


@pytest.mark.parametrize("content", [b"", b"{}"])
async def test_nothing_need_be_said_to_start(content: bytes) -> None:
    async with running() as gateway:
        headers = {"authorization": f"Bearer {gateway.keys.text}"} | (
            {"content-type": "application/json"} if content else {}
        )
        answer = await gateway.client.post("/api/sessions", content=content, headers=headers)
        assert (answer.status_code, answer.json()["user_id"]) == (201, None)


async def test_facts_given_at_the_start_are_kept_and_become_the_first_batch() -> None:
    async with running() as gateway:
        session_id = await begun(gateway, device_fingerprint={"webdriver": True, "canvas": SECRET}, network={"asn": 1})
        [record] = gateway.publisher.records
        batch = msgspec.json.decode(record.value)
        assert batch["subject"] == {"type": "session", "id": session_id}
        assert [event["type"] for event in batch["events"]] == ["device.fingerprint", "network.facts"]
        facts = gateway.sessions.facts[TENANT, UUID(session_id)]
        assert msgspec.json.decode(facts) == {"device.fingerprint": {"webdriver": True}, "network.facts": {"asn": 1}}


async def test_data_is_one_batch_and_its_verdict_the_answer() -> None:
    async with running() as gateway:
        session_id = await begun(gateway)
        answer = await send(gateway, data_of(session_id), said=verdict(90))
        told = answer.json()
        assert answer.status_code == 200
        assert (told["is_human"], told["score"], told["event_count"], told["status"]) == (True, 0.9, 3, "judged")
        assert (told["reasons"], told["verdict"]["trust_score"]) == ([], 90)
        assert told["processing_time_ms"] > 0
        stamp = read_batch_headers(gateway.publisher.records[0].headers)
        assert datetime.fromisoformat(told["received_at"]) == stamp.received_at
        [record] = gateway.publisher.records
        assert record.key == f"{TENANT}:session/{session_id}".encode()
        assert [event["type"] for event in msgspec.json.decode(record.value)["events"]] == ["pointer.move"] * 3


@pytest.mark.parametrize(
    ("trust", "threshold", "is_human"), [(50, 50, True), (49, 50, False), (69, 70, False), (0, 0, True)]
)
async def test_who_is_human_is_the_tenant_s_threshold(trust: int, threshold: int, is_human: bool) -> None:
    async with running() as gateway:
        gateway.sessions.thresholds[TENANT] = threshold
        session_id = await begun(gateway)
        data = await send(gateway, data_of(session_id), said=verdict(trust))
        assert data.json()["is_human"] is is_human
        track = await send(gateway, "/api/behavior/track", TRACKED, said=verdict(trust))
        assert track.json()["needsCaptcha"] is not is_human


async def test_reasons_are_codes_with_messages() -> None:
    reason = {"code": "WEBDRIVER_ACTIVE", "contribution": 0.7, "message": "Driven.", "evidence": {"webdriver": True}}
    async with running() as gateway:
        session_id = await begun(gateway)
        for path, body in ((data_of(session_id), MOVES), ("/api/behavior/track", TRACKED)):
            answer = await send(gateway, path, body, said=verdict(20, reasons=[reason]))
            assert answer.json()["reasons"] == [reason]


async def test_without_a_verdict_in_time_the_answer_is_202_and_says_where_to_look() -> None:
    async with running(session_wait_ms=20) as gateway:
        session_id = await begun(gateway)
        data = await send(gateway, data_of(session_id))
        assert (data.status_code, data.headers["retry-after"]) == (202, "1")
        told = data.json()
        assert (told["status"], told["is_human"], told["verdict"]) == ("pending", None, None)
        assert told["receipt"] == f"/v1/batches/{told['batch_id']}"
        track = await send(gateway, "/api/behavior/track", TRACKED)
        assert (track.status_code, track.json()["success"], track.json()["trustScore"]) == (202, False, None)
        receipt = await gateway.client.get(track.json()["receipt"], headers=gateway.headers())
        assert receipt.json()["subject"] == "customer/u-1"


@pytest.mark.parametrize(
    ("trust", "level", "captcha"),
    [
        (80, "high", False),
        (79, "medium", False),
        (60, "medium", False),
        (59, "low", False),
        (49, "low", True),
        (40, "low", True),
        (39, "suspicious", True),
    ],
)
async def test_tracked_behaviour_answers_in_its_own_words(trust: int, level: str, captcha: bool) -> None:
    async with running() as gateway:
        answer = await send(gateway, "/api/behavior/track", TRACKED, said=verdict(trust))
        assert answer.json() == {
            "success": True,
            "trustScore": trust / 100,
            "trustLevel": level,
            "needsCaptcha": captcha,
            "confidence": 0.7,
            "reasons": [],
            "aiMethod": "rules@1",
        }
        assert gateway.publisher.records[0].key == f"{TENANT}:customer/u-1".encode()


async def test_the_method_names_models_too() -> None:
    versions = {"pipeline": "1", "ruleset": "7", "policy": "1", "models": {"pointer": "a1", "keys": "b2"}}
    async with running() as gateway:
        answer = await send(gateway, "/api/behavior/track", TRACKED, said=verdict(versions=versions))
        assert answer.json()["aiMethod"] == "rules@7 + keys@b2 + pointer@a1"


async def test_status_tells_the_session_and_its_latest_result() -> None:
    async with running() as gateway:
        session_id = await begun(gateway, user_id="u-1")
        path = f"/api/sessions/{session_id}/status"
        before = (await gateway.client.get(path, headers=gateway.headers())).json()
        assert (before["status"], before["user_id"], before["result"], before["event_count"]) == (
            "open",
            "u-1",
            None,
            0,
        )
        session = {
            "started_at": "2026-03-01T12:00:00Z",
            "last_seen_at": "2026-03-01T12:00:01Z",
            "batch_count": 2,
            "event_count": 9,
        }
        gateway.store.verdicts[TENANT, "session", session_id] = verdict(90, session=session)
        after = (await gateway.client.get(path, headers=gateway.headers())).json()
        assert (after["batch_count"], after["event_count"], after["result"]["score"]) == (2, 9, 0.9)
        assert after["result"]["is_human"] is True
        assert after["result"]["batch_id"] == examples.BATCH_ID
        batch_id = str(uuid4())
        newest = verdict(10, session=session, batch_id=batch_id)
        gateway.replies.by_subject[TENANT, "session", session_id] = newest
        newer = (await gateway.client.get(path, headers=gateway.headers())).json()
        assert (newer["result"]["is_human"], newer["result"]["batch_id"]) == (False, batch_id)


async def test_a_closed_session_takes_no_more_and_can_still_be_read() -> None:
    async with running() as gateway:
        session_id = await begun(gateway)
        path = f"/api/sessions/{session_id}"
        for _ in range(2):
            closed = await gateway.client.delete(path, headers=gateway.headers())
            assert (closed.status_code, closed.json()["status"], closed.json()["ended_by"]) == (200, "closed", "closed")
        refused = await send(gateway, data_of(session_id))
        assert (refused.status_code, refused.json()["code"]) == (409, "session_closed")
        assert refused.headers["content-type"] == "application/problem+json"
        status = await gateway.client.get(f"{path}/status", headers=gateway.headers())
        assert (status.status_code, status.json()["status"]) == (200, "closed")
        assert gateway.publisher.records == []


@pytest.mark.parametrize("session_id", [str(uuid4()), "no-uuid", "1"])
async def test_an_unknown_session_is_404(session_id: str) -> None:
    async with running() as gateway:
        for method, path in (("POST", "/data"), ("GET", "/status"), ("DELETE", "")):
            content = json.dumps(MOVES) if method == "POST" else None
            answer = await gateway.client.request(
                method, f"/api/sessions/{session_id}{path}", content=content, headers=gateway.headers()
            )
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_sessions_are_the_tenant_s_own() -> None:
    async with running() as gateway:
        session_id = await begun(gateway)
        gateway.replies.by_subject[TENANT, "session", session_id] = verdict()
        other = f"Bearer {gateway.keys.other_text}"
        for method, path in (("POST", "/data"), ("GET", "/status"), ("DELETE", "")):
            content = json.dumps(MOVES) if method == "POST" else None
            answer = await gateway.client.request(
                method,
                f"/api/sessions/{session_id}{path}",
                content=content,
                headers=gateway.headers(authorization=other),
            )
            assert answer.status_code == 404
        assert gateway.publisher.records == []
        assert gateway.sessions.sessions[TENANT, UUID(session_id)].closed_at is None
        assert (OTHER_TENANT, UUID(session_id)) not in gateway.sessions.sessions


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/sessions"),
        ("POST", data_of(uuid4())),
        ("GET", f"/api/sessions/{uuid4()}/status"),
        ("DELETE", f"/api/sessions/{uuid4()}"),
        ("POST", "/api/behavior/track"),
    ],
)
async def test_every_operation_needs_a_key_and_its_own_method(method: str, path: str) -> None:
    async with running() as gateway:
        answer = await gateway.client.request(method, path)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        wrong = await gateway.client.put(path, headers=gateway.headers())
        assert (wrong.status_code, wrong.headers["allow"]) == (405, method)


BAD = [
    (b"{", "malformed_body", ""),
    (b"\xff", "malformed_body", ""),
    (b'{"mouse": NaN}', "malformed_body", ""),
    (b"[" * 5_000, "malformed_body", ""),
    (b"7", "invalid_request", ""),
    (b"{}", "invalid_request", ""),
    (b'{"mouse": [{"x": "%b", "y": 1, "t": 1}]}' % SECRET.encode(), "invalid_request", "/mouse/0/x"),
    (b'{"mouse": [{"x": 1, "y": 1, "t": -1}]}', "invalid_request", "/mouse/0/t"),
    (b'{"mouse": [{"x": 1, "y": 1, "t": 1e400}]}', "malformed_body", ""),
    (b'{"batch_id": "%b", "mouse": [{"x": 1, "y": 1, "t": 1}]}' % SECRET.encode(), "invalid_request", "/batch_id"),
]


@pytest.mark.parametrize(("body", "code", "pointer"), BAD, ids=range(len(BAD)))
async def test_bad_input_is_400_with_pointers_and_without_values(body: bytes, code: str, pointer: str) -> None:
    async with running() as gateway:
        session_id = await begun(gateway)
        answer = await send(gateway, data_of(session_id), body)
        assert (answer.status_code, answer.json()["code"]) == (400, code)
        assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
        assert SECRET not in answer.text
        assert gateway.publisher.records == []


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("/api/sessions", [], ""),
        ("/api/sessions", {"user_id": "a b"}, "/user_id"),
        ("/api/sessions", {"userId": ["x"]}, "/userId"),
        ("/api/sessions", {"user_id": "x" * 129}, "/user_id"),
        ("/api/sessions", {"network": "wifi"}, "/network"),
        ("/api/behavior/track", {"behaviorData": TRACKED["behaviorData"]}, "/userId"),
        ("/api/behavior/track", TRACKED | {"userId": "a\x00"}, "/userId"),
        (
            "/api/behavior/track",
            {"userId": "u", "behaviorData": {"trackingData": {"keystrokes": 1}}},
            "/behaviorData/trackingData/keystrokes",
        ),
        (
            "/api/behavior/track",
            {"userId": "u", "behaviorData": {"trackingData": {"mouseMovements": [{"x": 1}]}}},
            "/behaviorData/trackingData/mouseMovements/0",
        ),
        ("/api/behavior/track", {"userId": "u", "behaviorData": {"trackingData": {}}}, ""),
    ],
)
async def test_other_bad_input_too(path: str, body: Any, pointer: str) -> None:
    async with running() as gateway:
        answer = await send(gateway, path, body)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
        assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
        assert gateway.publisher.records == []
        assert gateway.sessions.sessions == {}


async def test_limits_of_the_hot_route_hold_here() -> None:
    async with running(max_body_bytes=1_024) as gateway:
        session_id = await begun(gateway)
        large = await send(gateway, data_of(session_id), b"{" + b" " * 2_000)
        assert large.status_code == 413
        text = await gateway.client.post(
            data_of(session_id), content=b"{}", headers=gateway.headers(content_type="text/plain")
        )
        assert text.status_code == 415
        gateway.publisher.available = False
        away = await send(gateway, data_of(session_id))
        assert (away.status_code, away.json()["code"]) == (503, "broker_unavailable")
        assert int(away.headers["retry-after"]) > 0


async def test_while_the_database_is_away_known_sessions_go_on_and_others_wait() -> None:
    async with running() as gateway:
        session_id = await begun(gateway)
        gateway.sessions.available = False
        assert (await send(gateway, data_of(session_id), said=verdict())).status_code == 200
        for answer in (await send(gateway, data_of(uuid4())), await begin(gateway)):
            assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")
            assert int(answer.headers["retry-after"]) > 0
        track = await send(gateway, "/api/behavior/track", TRACKED, said=verdict(49))
        assert track.json()["needsCaptcha"] is True


async def test_a_retry_with_the_same_idempotency_key_has_one_effect() -> None:
    async with running() as gateway:
        first, again, other = [
            (await begin(gateway, {"user_id": "u"}, idempotency_key=key)).json()["session_id"]
            for key in ("k", "k", "m")
        ]
        assert first == again != other
        sent = await send(gateway, data_of(first), said=verdict(), idempotency_key="d")
        repeated = await send(gateway, data_of(first), idempotency_key="d")
        assert repeated.json()["batch_id"] == sent.json()["batch_id"]
        assert repeated.json()["verdict"] == sent.json()["verdict"]
        assert len(gateway.publisher.records) == 1
        too_long = await begin(gateway, idempotency_key="k" * 257)
        assert (too_long.status_code, too_long.json()["errors"][0]["pointer"]) == (400, "/header/idempotency-key")


async def test_relative_times_of_later_posts_count_from_where_those_of_the_first_did() -> None:
    async with running() as gateway:
        session_id = await begun(gateway)
        for offsets in ((599_000, 600_000), (600_500, 601_000)):  # a page that was open for 10 minutes
            body = {"mouse": [{"x": 1, "y": 2, "t": offset} for offset in offsets]}
            assert (await send(gateway, data_of(session_id), body, said=verdict())).status_code == 200
        times = [
            event["occurred_at"] for record in gateway.publisher.records for event in json.loads(record.value)["events"]
        ]
        assert times == [
            "2026-03-01T11:59:59Z",
            "2026-03-01T12:00:00Z",
            "2026-03-01T12:00:00.500000Z",
            "2026-03-01T12:00:01Z",
        ]


async def test_a_batch_id_of_the_client_s_own_is_kept() -> None:
    async with running() as gateway:
        session_id, batch_id = await begun(gateway), str(uuid4())
        answer = await send(gateway, data_of(session_id), MOVES | {"batch_id": batch_id}, said=verdict())
        assert answer.json()["batch_id"] == batch_id


async def test_payloads_are_logged_only_when_asked_and_never_a_value(caplog: pytest.LogCaptureFixture) -> None:
    body = {"keystrokes": [{"key": SECRET, "t": 1}, {"code": SECRET, "t": 2}], SECRET: [SECRET]}
    caplog.set_level(logging.DEBUG)
    async with running() as gateway:
        await send(gateway, data_of(await begun(gateway)), body, said=verdict())
        assert [record for record in caplog.records if record.message == "payload"] == []
    async with running(debug_payloads=True) as gateway:
        await send(gateway, data_of(await begun(gateway)), body, said=verdict())
    [_, record] = [record for record in caplog.records if record.message == "payload"]
    assert record.__dict__["payload"]["by_type"] == {"key.press": 2}
    assert record.__dict__["payload"]["ignored"] == 1
    assert SECRET not in repr([record.__dict__ for record in caplog.records])


async def test_requests_are_measured_by_route_and_outcome() -> None:
    async with running() as gateway:
        await send(gateway, data_of(await begun(gateway)), said=verdict())
        await send(gateway, data_of(uuid4()))
        text = (await gateway.client.get("/metrics")).text
        for route, outcome in (("begin", "begun"), ("data", "verdict"), ("data", "not_found")):
            assert f'telltale_gateway_session_requests_total{{outcome="{outcome}",route="{route}"}}' in text


async def test_the_examples_are_true() -> None:
    at_ms = shown.EVENTS["events"][0]["timestamp"]
    now = NOW.fromtimestamp(at_ms / 1000, NOW.tzinfo) + timedelta(seconds=2)
    async with running(now=now) as gateway:
        started = (await begin(gateway, shown.START)).json()
        assert started.keys() == shown.SESSION.keys()
        for body in (shown.EVENTS, shown.GROUPS):
            answer = await send(gateway, data_of(started["session_id"]), body, said=verdict(88))
            assert answer.json().keys() == shown.DATA.keys()
            assert (answer.json()["event_count"], answer.json()["ignored_events"]) == (5, 0)
        gateway.replies.by_subject[TENANT, "session", started["session_id"]] = verdict(88)
        status = await gateway.client.get(f"/api/sessions/{started['session_id']}/status", headers=gateway.headers())
        assert status.json().keys() == shown.STATUS.keys()
        assert status.json()["result"].keys() == shown.STATUS["result"].keys()
        track = await send(gateway, "/api/behavior/track", shown.TRACKED, said=verdict(88))
        assert track.json() == shown.TRUST
