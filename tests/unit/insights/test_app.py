"""Insights over HTTP, with the outside in memory."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import jsonschema
import pytest

from services.insights.app import Outside, create_app
from services.insights.kpis import Tally
from services.insights.memory import MemoryBroker, MemoryRules, MemoryStore
from services.insights.settings import InsightsSettings
from shared.api_keys import NewKey, StoredKey, new_key
from shared.topics import Domain

START = datetime(2026, 3, 1, 17, 0, tzinfo=UTC)
NOW = START + timedelta(minutes=2, seconds=30)
RANGE = "from=2026-03-01T17:00:00Z&to=2026-03-01T17:03:00Z"


class World:
    """What insights sees."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.rules = MemoryRules()
        self.broker = MemoryBroker()
        self.key: NewKey = new_key()
        self.keys_away = False
        self.outside = Outside(self.load_keys, self.store, self.store, self.rules, self.store, self.broker)

    async def load_keys(self) -> dict[str, StoredKey]:
        if self.keys_away:
            raise ConnectionRefusedError
        return {self.key.key_id: StoredKey("acme", self.key.secret_sha256)}


async def ready(client: httpx.AsyncClient) -> None:
    for _ in range(100):
        if (await client.get("/readyz")).status_code == 200:
            return
        await asyncio.sleep(0)
    pytest.fail("insights does not get ready")


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def client(world: World) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(InsightsSettings(), world.outside, clock=lambda: NOW)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    headers = {"authorization": f"Bearer {world.key.text}"}
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://insights", headers=headers) as made,
    ):
        if not world.keys_away:
            await ready(made)
        yield made


def schema_of(document: dict[str, Any], name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}", "components": document["components"]}


async def test_a_series_has_a_point_for_every_minute_and_totals_beside_it(
    world: World, client: httpx.AsyncClient
) -> None:
    verdicts = Tally(2, 100, 1, {"ALLOW": 3, "BLOCK": 1}, 1.0, {"FAST_FILL": 1})
    world.store.add("acme", Domain.BEHAVIOR, START + timedelta(seconds=70), verdicts)
    world.store.add("other", Domain.BEHAVIOR, START, verdicts)
    answer = await client.get(f"/v1/kpis?{RANGE}&group_by=action,reason")
    assert answer.status_code == 200
    body = answer.json()
    assert [(point["from"], point["to"]) for point in body["series"]] == [
        ("2026-03-01T17:00:00Z", "2026-03-01T17:01:00Z"),
        ("2026-03-01T17:01:00Z", "2026-03-01T17:02:00Z"),
        ("2026-03-01T17:02:00Z", "2026-03-01T17:03:00Z"),
    ]
    assert body["totals"] == {
        "batches": 2,
        "events": 100,
        "verdicts": 4,
        "dead_letters": 1,
        "mean_risk": 0.25,
        "challenge_rate": 0.0,
        "review_rate": 0.0,
        "block_rate": 0.25,
        "by_action": {"ALLOW": 3, "CHALLENGE": 0, "REVIEW": 0, "BLOCK": 1},
        "by_reason": {"FAST_FILL": 1},
    }
    quiet = body["series"][0]
    assert (quiet["verdicts"], quiet["mean_risk"], quiet["block_rate"]) == (0, None, None)
    assert body["totals"].items() <= body["series"][1].items()


async def test_of_one_domain_dead_letters_are_not_told(world: World, client: httpx.AsyncClient) -> None:
    world.store.add("acme", Domain.BEHAVIOR, START, Tally(batches=2, dead_letters=1))
    world.store.add("acme", Domain.FLEET, START, Tally(batches=5))
    totals = (await client.get(f"/v1/kpis?{RANGE}&domain=behavior")).json()["totals"]
    assert (totals["batches"], totals["dead_letters"]) == (2, None)


async def test_the_answer_is_what_openapi_says(world: World, client: httpx.AsyncClient) -> None:
    world.store.add("acme", Domain.BEHAVIOR, START, Tally(1, 2, 0, {"ALLOW": 1}, 0.5, {"FAST_FILL": 1}))
    document = (await client.get("/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    operation = document["paths"]["/v1/kpis"]["get"]
    for query in (RANGE, f"{RANGE}&group_by=action,reason&domain=behavior"):
        answer = (await client.get(f"/v1/kpis?{query}")).json()
        jsonschema.validate(answer, schema_of(document, "KpiReport"))
        # One key more or less than documented is a defect too.
        properties = document["components"]["schemas"]
        assert answer.keys() == properties["KpiReport"]["properties"].keys()
        assert answer["totals"].keys() <= properties["Kpis"]["properties"].keys()
    example = operation["responses"]["200"]["content"]["application/json"]["example"]
    jsonschema.validate(example, schema_of(document, "KpiReport"))
    for status, response in operation["responses"].items():
        if status != "200":
            (content,) = response["content"].items()
            assert content[0] == "application/problem+json"
            jsonschema.validate(content[1]["example"], schema_of(document, "ProblemDocument"))
            assert content[1]["example"]["status"] == int(status)
    assert operation["security"] == [{"HTTPBearer": []}]
    assert {parameter["name"] for parameter in operation["parameters"]} == {"from", "to", "step", "domain", "group_by"}


@pytest.mark.parametrize(
    ("query", "pointer", "code"),
    [
        ("from=yesterday", "/query/from", "invalid_value"),
        ("from=2026-03-01T17:00:00", "/query/from", "invalid_value"),
        ("from=1772384400", "/query/from", "invalid_value"),
        ("from=2026-03-01T17:00:00+00:00", "/query/from", "invalid_value"),  # '+' not encoded
        ("from=2026-03-01T17:00:01Z", "/query/from", "not_a_whole_minute"),
        ("from=2026-03-01T18:00:00Z&to=2026-03-01T17:00:00Z", "/query/from", "empty_range"),
        ("from=2020-03-01T17:00:00Z", "/query/from", "range_too_long"),
        ("from=2026-02-01T17:00:00Z", "/query/step", "too_many_points"),
        ("step=second", "/query/step", "invalid_value"),
        ("domain=weather", "/query/domain", "invalid_value"),
        ("group_by=subject", "/query/group_by", "invalid_value"),
        ("group_by=action;reason", "/query/group_by", "invalid_value"),
        ("domian=behavior", "/query/domian", "unknown_parameter"),
        ("start=2026-03-01T17:00:00Z", "/query/start", "unknown_parameter"),
        ("step=hour&step=day", "/query/step", "repeated_parameter"),
        ("domain=%00", "/query/domain", "invalid_value"),
    ],
)
async def test_a_wrong_parameter_is_named(client: httpx.AsyncClient, query: str, pointer: str, code: str) -> None:
    answer = await client.get(f"/v1/kpis?{query}")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["code"] == "invalid_parameter"
    assert [(item["pointer"], item["code"]) for item in problem["errors"]] == [(pointer, code)]
    assert all(item["detail"] for item in problem["errors"])


async def test_a_query_of_many_parameters_costs_little(client: httpx.AsyncClient) -> None:
    started_s = time.process_time()
    answer = await client.get("/v1/kpis?" + "aa&" * 20_000, headers={"authorization": ""})
    assert answer.status_code == 422
    assert time.process_time() - started_s < 1.0


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer tt_none", "Basic YTpi", f"Bearer {new_key().text}"])
async def test_without_an_active_key_nothing_is_told(client: httpx.AsyncClient, authorization: str) -> None:
    answer = await client.get("/v1/kpis?step=nonsense", headers={"authorization": authorization})
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_while_the_database_is_away_the_caller_is_told_when_to_come_back(
    world: World, client: httpx.AsyncClient
) -> None:
    world.store.away = True
    answer = await client.get("/v1/kpis")
    assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")
    assert int(answer.headers["retry-after"]) > 0
    world.store.away = False
    assert (await client.get("/v1/kpis")).status_code == 200


class TestBeforeTheKeysAreLoaded:
    @pytest.fixture
    def world(self) -> World:
        world = World()
        world.keys_away = True
        return world

    async def test_insights_lives_but_is_not_ready(self, client: httpx.AsyncClient) -> None:
        assert (await client.get("/healthz")).status_code == 200
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()["checks"]) == (503, {"api_keys": False, "postgres": False})
        answer = await client.get("/v1/kpis")
        assert (answer.status_code, answer.json()["code"]) == (503, "auth_unavailable")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [("GET", "/v1/nothing", 404, "not_found"), ("POST", "/v1/kpis", 405, "method_not_allowed")],
)
async def test_unknown_paths_and_methods_are_problems(
    client: httpx.AsyncClient, method: str, path: str, status: int, code: str
) -> None:
    answer = await client.request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_defect_is_a_problem_with_a_trace_id_and_without_its_cause(
    world: World, client: httpx.AsyncClient
) -> None:
    class Broken(MemoryStore):
        async def tallies(self, *_: object, **__: object) -> Any:
            raise RuntimeError("the secret cause")

    outside = Outside(world.load_keys, Broken(), world.store, world.rules, world.store, world.broker)
    app = create_app(InsightsSettings(), outside)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://i") as broken:
        await ready(broken)
        answer = await broken.get("/v1/kpis", headers={"authorization": f"Bearer {world.key.text}"})
    assert answer.status_code == 500
    assert re.fullmatch("[0-9a-f]{32}", answer.json()["trace_id"])
    assert "secret cause" not in answer.text


async def test_metrics_are_served(client: httpx.AsyncClient) -> None:
    answered = 'telltale_insights_requests_total{outcome="answered"}'
    await client.get("/v1/kpis")
    assert answered in (await client.get("/metrics")).text
