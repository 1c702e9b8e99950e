"""The calls about sessions: what is asked, how answers are read, and that a retry is the same request."""

import asyncio
import json
from typing import Any
from uuid import UUID

import msgspec
import pytest

import telltale
from services.gateway.sessions import examples
from tests.unit.sdk.conftest import FakeTime, MakeClient
from tests.unit.sdk.misbehaving import Answer, Gateway
from tests.unit.sdk.test_client import SCROLL, TRACK, VERDICT

ID = "0192f0c1-2f7a-7c3e-9a51-3f1d2c4b5a69"
SESSION = {
    "session_id": ID,
    "sessionId": ID,
    "user_id": "u-1",
    "status": "open",
    "ended_by": None,
    "started_at": "2026-03-01T12:00:00Z",
    "closed_at": None,
    "expires_at": "2026-03-01T12:30:00Z",
}
RESULT = {
    "is_human": False,
    "score": 0.1,
    "confidence": 0.8,
    "trust_score": 10,
    "needs_challenge": True,
    "reasons": [{"code": "TOO_STRAIGHT", "message": "m"}],
    "judged_at": "2026-03-01T12:00:05Z",
    "verdict": VERDICT,
}


async def test_a_session_is_started_with_what_is_known(gateway: Gateway, make_client: MakeClient) -> None:
    gateway.documents["/api/sessions"] = SESSION
    async with make_client() as client:
        session = await client.start_session(user_id="u-1", device_fingerprint={"webdriver": True})
    assert (str(session.session_id), session.user_id, session.status) == (ID, "u-1", "open")
    assert session.expires_at is not None and session.expires_at.minute == 30
    [post] = gateway.posts
    assert post.batches == [{"user_id": "u-1", "device_fingerprint": {"webdriver": True}}]


async def test_a_retried_start_carries_the_same_key(gateway: Gateway, make_client: MakeClient) -> None:
    gateway.script.append(Answer(503, {"code": "store_unavailable"}))
    gateway.documents["/api/sessions"] = SESSION
    async with make_client() as client:
        await client.start_session()
        await client.start_session()
    keys = [post.headers["idempotency-key"] for post in gateway.posts]
    assert keys[0] == keys[1] != keys[2]


async def test_data_is_judged_or_pending(gateway: Gateway, make_client: MakeClient, fake_time: FakeTime) -> None:
    path = f"/api/sessions/{ID}/data"
    told = {**RESULT, "session_id": ID, "batch_id": ID, "status": "judged", "event_count": 3, "ignored_events": 1}
    gateway.documents[path] = told
    async with make_client() as client:
        answer = await client.send_session_data(UUID(ID), [SCROLL], tracks=[TRACK])
        assert (answer.status, answer.is_human, answer.trust_score, answer.needs_challenge) == (
            "judged", False, 10, True,
        )  # fmt: skip
        assert (answer.event_count, answer.ignored_events, answer.reasons[0].code) == (3, 1, "TOO_STRAIGHT")
        assert answer.verdict is not None and answer.verdict.action == "BLOCK"
        gateway.documents[path] = {
            "session_id": ID, "batch_id": ID, "status": "pending", "is_human": None, "score": None, "confidence": None,
            "trust_score": None, "needs_challenge": None, "reasons": [], "verdict": None,
        }  # fmt: skip
        answer = await client.send_session_data(ID, [SCROLL])
    assert (answer.status, answer.is_human, answer.verdict) == ("pending", None, None)
    assert gateway.posts[0].batches[0]["tracks"][0]["x"] == [1, 2]
    assert UUID(gateway.posts[0].batches[0]["batch_id"]) != UUID(gateway.posts[1].batches[0]["batch_id"])


async def test_retried_data_has_the_same_id_and_the_time_of_each_try(gateway: Gateway, make_client: MakeClient) -> None:
    gateway.script.append(Answer(503, {"code": "broker_unavailable"}, {"retry-after": "7"}))
    gateway.documents[f"/api/sessions/{ID}/data"] = {"session_id": ID, "batch_id": ID}
    async with make_client() as client:
        await client.send_session_data(ID, [SCROLL])
    first, second = [post.batches[0] for post in gateway.posts]
    assert first["batch_id"] == second["batch_id"]
    assert first["sent_at"] < second["sent_at"]


async def test_a_sites_server_asks_of_a_session_that_a_page_started(gateway: Gateway, make_client: MakeClient) -> None:
    status: dict[str, Any] = {**SESSION, "batch_count": 2, "event_count": 30, "result": RESULT, "newer_field": 1}
    gateway.documents[f"/api/sessions/{ID}/status"] = status
    async with make_client() as client:
        found = await client.session_status(ID)
    assert (found.status, found.batch_count, found.event_count) == ("open", 2, 30)
    assert found.result is not None
    assert (found.result.is_human, found.result.trust_score, found.result.needs_challenge) == (False, 10, True)
    assert found.result.verdict is not None and str(found.result.verdict.verdict_id) == VERDICT["verdict_id"]


async def test_a_session_without_verdict_has_no_result(gateway: Gateway, make_client: MakeClient) -> None:
    gateway.documents[f"/api/sessions/{ID}/status"] = {**SESSION, "result": None}
    async with make_client() as client:
        assert (await client.session_status(ID)).result is None


async def test_a_session_is_closed(gateway: Gateway, make_client: MakeClient) -> None:
    gateway.documents[f"/api/sessions/{ID}"] = {**SESSION, "status": "closed", "ended_by": "closed"}
    async with make_client() as client:
        session = await client.close_session(ID)
    assert (session.status, session.ended_by) == ("closed", "closed")
    assert [seen.method for seen in gateway.requests] == ["DELETE"]


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (401, "unauthenticated", telltale.Unauthenticated),
        (404, "not_found", telltale.Refused),
        (409, "session_closed", telltale.Refused),
    ],
)
async def test_a_refusal_is_told_at_once(
    status: int, code: str, error: type[telltale.Refused], gateway: Gateway, make_client: MakeClient
) -> None:
    gateway.always = Answer(status, {"code": code, "status": status})
    async with make_client() as client:
        with pytest.raises(error) as caught:
            await client.send_session_data(ID, [SCROLL])
    assert (caught.value.problem.code, len(gateway.posts)) == (code, 1)


async def test_what_json_cannot_hold_is_told_before_anything_is_sent(gateway: Gateway, make_client: MakeClient) -> None:
    async with make_client() as client:
        with pytest.raises(TypeError):
            await client.send_session_data(ID, [{"type": "scroll", "y": object()}])
    assert gateway.requests == []


async def test_an_id_is_a_part_of_the_path_and_never_more(gateway: Gateway, make_client: MakeClient) -> None:
    async with make_client() as client:
        with pytest.raises(telltale.Refused):
            await client.session_status("../../v1/batches/x?y=z")
    [seen] = gateway.requests
    assert seen.target == "/api/sessions/..%2F..%2Fv1%2Fbatches%2Fx%3Fy%3Dz/status"


async def test_without_await(gateway: Gateway) -> None:
    gateway.documents |= {
        "/api/sessions": SESSION,
        f"/api/sessions/{ID}/data": {"session_id": ID, "batch_id": ID, "status": "judged", "score": 0.9},
        f"/api/sessions/{ID}/status": {**SESSION, "result": RESULT},
        f"/api/sessions/{ID}": {**SESSION, "status": "closed"},
    }

    def use() -> list[Any]:
        with telltale.Client(gateway.url, "tt_good_key") as client:
            session = client.start_session(user_id="u-1", network={"asn": 2856})
            data = client.send_session_data(session.session_id, [SCROLL])
            status = client.session_status(session.session_id)
            assert status.result is not None
            return [data.score, status.result.trust_score, client.close_session(session.session_id).status]

    assert await asyncio.to_thread(use) == [0.9, 10, "closed"]
    assert json.dumps(gateway.posts[0].batches[0]) == '{"user_id": "u-1", "network": {"asn": 2856}}'


@pytest.mark.parametrize(
    ("kind", "document"),
    [
        (telltale.Session, examples.SESSION),
        (telltale.Session, examples.CLOSED),
        (telltale.SessionStatus, examples.STATUS),
        (telltale.SessionAnswer, examples.DATA),
        (telltale.SessionAnswer, examples.PENDING),
    ],
)
def test_what_the_reference_shows_is_read_whole(kind: type[msgspec.Struct], document: dict[str, Any]) -> None:
    read = msgspec.to_builtins(msgspec.convert(json.loads(msgspec.json.encode(document)), kind, strict=False))
    shown = json.loads(msgspec.json.encode(document))
    aliases = {"sessionId", "receipt"}
    assert {name for name in shown if name not in read} <= aliases
    for name in ("session_id", "status", "is_human", "trust_score", "needs_challenge", "event_count"):
        if name in shown:
            assert read[name] == shown[name]
