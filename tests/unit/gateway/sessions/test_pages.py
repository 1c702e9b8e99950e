"""What web pages may do with a publishable key, and what they are told."""

import asyncio
import json
from typing import Any

import httpx
import msgspec
import pytest

from services.gateway import examples
from shared.cloudevents import read_batch_headers
from tests.unit.gateway.kit import NOW, Gateway, running

SHOP = "https://shop.example"
REASON = {"code": "POINTER_JUMPS", "contribution": 0.3, "message": "It jumps.", "evidence": {"pointer_far_clicks": 9}}
VERDICT = examples.VERDICT | {"action": "CHALLENGE", "trust_score": 40, "risk_score": 0.6, "reasons": [REASON]}
MOVES = {"events": [{"type": "mousemove", "x": 1, "y": 2, "timestamp": NOW.timestamp() * 1000 - 1_000}]}


def page(gateway: Gateway, origin: str | None = SHOP) -> dict[str, str]:
    """The headers of a page of the shop, or of another site that has copied its key."""
    key = gateway.keys.add("acme", SHOP, "http://localhost:8090")
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    return headers | ({"origin": origin} if origin is not None else {})


async def begin(gateway: Gateway, headers: dict[str, str], **body: str) -> dict[str, Any]:
    await gateway.app.keys.refresh()
    answer = await gateway.client.post("/api/sessions", json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def begun(gateway: Gateway, headers: dict[str, str]) -> str:
    return str((await begin(gateway, headers))["session_id"])


async def judged(gateway: Gateway, session_id: str, headers: dict[str, str]) -> httpx.Response:
    """Post behaviour, and judge it."""

    async def score() -> None:
        async with asyncio.timeout(5):
            while not gateway.publisher.records:
                await asyncio.sleep(0)
        stamp = read_batch_headers(gateway.publisher.records[0].headers)
        verdict = msgspec.json.encode(VERDICT | {"batch_id": stamp.batch_id})
        gateway.replies.by_subject[stamp.tenant_id, "session", session_id] = verdict
        gateway.replies.reply(stamp.tenant_id, stamp.batch_id, verdict)

    posted = gateway.client.post(f"/api/sessions/{session_id}/data", content=json.dumps(MOVES), headers=headers)
    answer, _ = await asyncio.gather(posted, score())
    return answer


async def test_a_page_is_told_the_verdict_but_not_what_each_reason_weighs() -> None:
    async with running() as gateway:
        headers = page(gateway)
        session_id = await begun(gateway, headers)

        answer = await judged(gateway, session_id, headers)
        status = await gateway.client.get(f"/api/sessions/{session_id}/status", headers=headers)

        for told in (answer.json(), status.json()["result"]):
            assert (told["trust_score"], told["needs_challenge"], told["is_human"]) == (40, True, False)
            assert told["reasons"] == [{"code": "POINTER_JUMPS", "message": "It jumps."}]
            assert told["verdict"] is None


async def test_a_page_sees_after_which_batch_its_session_was_judged() -> None:
    async with running() as gateway:
        headers = page(gateway)
        session_id = await begun(gateway, headers)

        answer = await judged(gateway, session_id, headers)
        status = await gateway.client.get(f"/api/sessions/{session_id}/status", headers=headers)

        assert status.json()["result"]["batch_id"] == answer.json()["batch_id"]


async def test_a_page_does_not_come_upon_a_session_that_a_server_has_named() -> None:
    async with running() as gateway:
        named = {"idempotency-key": "order-1042"}
        of_server = await begin(gateway, gateway.headers() | named, user_id="u-1")
        headers = page(gateway) | named
        of_page = await begin(gateway, headers)
        again = await begin(gateway, headers)

        assert of_page["session_id"] != of_server["session_id"]
        assert of_page["user_id"] is None
        assert again == of_page


async def test_a_doubt_of_models_alone_lowers_the_trust_and_asks_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(VERDICT, "action", "ALLOW")
    async with running() as gateway:
        headers = page(gateway)
        told = (await judged(gateway, await begun(gateway, headers), headers)).json()

    assert (told["trust_score"], told["is_human"], told["needs_challenge"]) == (40, False, False)


async def test_the_sites_own_server_sees_all_of_the_same_session() -> None:
    async with running() as gateway:
        headers = page(gateway)
        session_id = await begun(gateway, headers)
        await judged(gateway, session_id, headers)

        server = {"authorization": f"Bearer {gateway.keys.add('acme')}"}
        await gateway.app.keys.refresh()
        result = (await gateway.client.get(f"/api/sessions/{session_id}/status", headers=server)).json()["result"]

        assert result["reasons"] == [REASON]
        assert result["verdict"]["risk_score"] == 0.6


@pytest.mark.parametrize("origin", ["https://evil.example", "https://shop.example.evil.example", "null", ""])
async def test_a_copied_key_is_no_use_on_another_site(origin: str) -> None:
    async with running() as gateway:
        headers = page(gateway, origin)
        await gateway.app.keys.refresh()
        answer = await gateway.client.post("/api/sessions", content="{}", headers=headers)

        assert (answer.status_code, answer.json()["code"]) == (403, "origin_refused")
        assert answer.headers["access-control-allow-origin"] == "*"  # or the page could not read why


async def test_a_program_may_use_it_without_an_origin() -> None:
    async with running() as gateway:
        assert await begun(gateway, page(gateway, None))


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/events", {"batch_id": examples.BATCH_ID}),
        ("GET", f"/v1/batches/{examples.BATCH_ID}", None),
        ("GET", "/v1/subjects/session/s-1/verdict", None),
        ("POST", "/api/behavior/track", {"userId": "u-1", "behaviorData": {}}),
    ],
)
async def test_it_opens_sessions_alone(method: str, path: str, body: Any) -> None:
    async with running() as gateway:
        headers = page(gateway)
        await gateway.app.keys.refresh()
        answer = await gateway.client.request(method, path, json=body, headers=headers)

        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_a_browser_may_ask_first() -> None:
    wanted = "authorization, content-encoding, content-type, idempotency-key, traceparent"
    asked = {"origin": SHOP, "access-control-request-method": "POST", "access-control-request-headers": wanted}
    async with running() as gateway:
        answer = await gateway.client.options("/api/sessions", headers=asked)
        other = await gateway.client.options("/v1/events", headers=asked)

    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert set(wanted.split(", ")) <= {
        name.strip() for name in answer.headers["access-control-allow-headers"].split(",")
    }
    assert answer.headers["access-control-max-age"] == "7200"
    assert other.status_code == 405
    assert "access-control-allow-origin" not in other.headers


async def test_servers_are_answered_without_a_word_about_origins() -> None:
    async with running() as gateway:
        answer = await gateway.client.post("/api/sessions", content="{}", headers=gateway.headers())

    assert not [name for name in answer.headers if name.startswith("access-control")]


async def test_another_tenant_does_not_reach_a_pages_session() -> None:
    async with running() as gateway:
        session_id = await begun(gateway, page(gateway))
        other = gateway.headers(authorization=f"Bearer {gateway.keys.other_text}")
        answer = await gateway.client.post(f"/api/sessions/{session_id}/data", json=MOVES, headers=other)

    assert answer.status_code == 404
