"""Sessions and edge facts through the real gateway."""

import asyncio
import time
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest
import uvicorn

import telltale
from services.gateway import examples
from telltale.asgi import EdgeFacts
from tests.integration.sdk.kit import Gateway, gateway_in_memory
from tests.unit.gateway.kit import TENANT, listening_socket

VERDICT = examples.VERDICT | {"action": "CHALLENGE", "trust_score": 20, "risk_score": 0.8}


def move() -> dict[str, Any]:
    return {"type": "mousemove", "x": 1, "y": 2, "timestamp": time.time() * 1_000}


async def test_a_session_from_start_to_close() -> None:
    async with gateway_in_memory(session_wait_ms=100) as gateway:
        async with telltale.AsyncClient(gateway.url, gateway.keys.text) as client:
            session = await client.start_session(user_id="u-1", device_fingerprint={"webdriver": True})
            assert (session.user_id, session.status) == ("u-1", "open")
            assert (await client.session_status(session.session_id)).result is None

            pending = await client.send_session_data(session.session_id, [move(), {"type": "wheel"}])
            assert (pending.status, pending.is_human) == ("pending", None)
            assert (pending.event_count, pending.ignored_events) == (1, 1)

            client.subject("session", str(session.session_id)).add({"type": "scroll", "y": 1})
            await client.flush()

            gateway.replies.by_subject[TENANT, "session", str(session.session_id)] = msgspec.json.encode(VERDICT)
            status = await client.session_status(session.session_id)
            assert status.result is not None
            assert (status.result.is_human, status.result.trust_score, status.result.needs_challenge) == (
                False, 20, True,
            )  # fmt: skip

            assert (await client.close_session(session.session_id)).ended_by == "closed"
            assert (await client.close_session(session.session_id)).ended_by == "closed"
            with pytest.raises(telltale.Refused) as caught:
                await client.send_session_data(session.session_id, [move()])
            assert caught.value.problem.code == "session_closed"
        facts, data, background = gateway.batches
    assert {batch["subject"]["id"] for batch in gateway.batches} == {str(session.session_id)}
    assert facts["events"][0]["webdriver"] is True
    assert (data["batch_id"], data["events"][0]["type"]) == (str(pending.batch_id), "pointer.move")
    assert background["events"][0]["type"] == "scroll"


async def test_a_verdict_comes_with_the_answer() -> None:
    async with gateway_in_memory() as gateway:
        async with telltale.AsyncClient(gateway.url, gateway.keys.text) as client:
            session = await client.start_session()
            asked = asyncio.create_task(client.send_session_data(session.session_id, [move()]))
            await gateway.written()
            gateway.replies.reply(TENANT, UUID(gateway.batches[0]["batch_id"]), msgspec.json.encode(VERDICT))
            answer = await asked
    assert (answer.status, answer.is_human, answer.score, answer.needs_challenge) == ("judged", False, 0.2, True)
    assert answer.verdict is not None and answer.verdict.trust_score == 20


async def test_the_edges_facts_reach_the_gateway_as_its_contract_has_them() -> None:
    async with gateway_in_memory() as gateway, telltale.AsyncClient(gateway.url, gateway.keys.text) as client:
        session = await client.start_session()
        app = EdgeFacts(_hello, client, ja4_header="x-ja4", country_header="x-country", asn_header="x-asn")
        headers = {"x-ja4": "t13d1516h2_8daaf6152771_b186095e22b6", "x-country": "GB", "x-asn": "2856"}
        async with _site(app) as url, httpx.AsyncClient(base_url=url, headers=headers) as browser:
            for cookies in ({"telltale_session": str(session.session_id)}, {}):
                browser.cookies = httpx.Cookies(cookies)
                assert (await browser.get("/")).text == "hello"
                assert (await browser.get("/")).text == "hello"
        await client.flush()
        stats = client.stats()
        [event] = _facts(gateway)
    assert (stats.delivered, stats.dropped) == (1, 0)
    assert (event["type"], event["http_version"], event["country"], event["asn"]) == (
        "network.facts", "1.1", "GB", 2856,
    )  # fmt: skip
    assert (event["ja4"], len(event["header_order_sha256"])) == (headers["x-ja4"], 64)


async def test_the_client_without_await_serves_the_middleware_too() -> None:
    async with gateway_in_memory() as gateway:
        client = telltale.Client(gateway.url, gateway.keys.text)
        session = await asyncio.to_thread(client.start_session)
        async with _site(EdgeFacts(_hello, client)) as url, httpx.AsyncClient(base_url=url) as browser:
            await browser.get("/", headers={"X-Telltale-Session": str(session.session_id)})
        await asyncio.to_thread(client.close)
        assert len(_facts(gateway)) == 1


def _facts(gateway: Gateway) -> list[dict[str, Any]]:
    return [event for batch in gateway.batches for event in batch["events"]]


async def _hello(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})


@asynccontextmanager
async def _site(app: Any) -> AsyncIterator[str]:
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None, access_log=False))
    with listening_socket() as listener:
        task = asyncio.create_task(server.serve([listener]))
        try:
            async with asyncio.timeout(10):
                while not server.started:
                    await asyncio.sleep(0.01)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task
