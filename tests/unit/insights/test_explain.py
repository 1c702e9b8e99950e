"""Explanations over HTTP, with the outside in memory."""

import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import jsonschema
import msgspec
import pytest

from services.insights.explaining import CurrentRuleset
from shared.contracts.verdict import Reason, Verdict, Versions
from shared.topics import Domain
from tests.contract.insights.verdict_suites import session_of
from tests.unit.insights.test_app import World, client, schema_of, world

__all__ = ["client", "world"]


def rule(name: str) -> dict[str, Any]:
    bound = {"feature": name + "_share", "direction": "at least", "value": 0.5, "why": "half is too many"}
    return {
        "id": name, "reason": name.upper(), "weight": 0.6, "message": "A sentence.", "about": "More.",
        "needs": [name + "_share", "seen"], "when": [bound],
        "enough": [{"feature": "seen", "direction": "at least", "value": 10, "why": "fewer tell nothing"}],
    }  # fmt: skip


def model(name: str, version: str) -> dict[str, Any]:
    reasons = {said: f"{name}_MODEL_{said}".upper() for said in ("bot", "person")}
    return {"name": name, "version": version, "about": "More.", "reasons": reasons, "enough": {"seen": 50}, "needs": []}


MODELS = [model("pointer", "f00"), model("keys", "f01"), model("scroll", "newer")]
RULES = [rule("straight_paths"), rule("even_timing"), rule("no_pointer")]


@pytest.fixture
async def verdict(world: World) -> AsyncIterator[Verdict]:
    """The last verdict of a session of three: one rule hit, one was unknown, one did not hit."""
    session = session_of("acme", range(1, 4))
    evidence: dict[str, float | int | str | bool | None] = {"straight_paths_share": 0.9, "seen": 40}
    last = msgspec.structs.replace(
        session[-1],
        reasons=[
            Reason("STRAIGHT_PATHS", 0.5, "A sentence.", evidence),
            Reason("POINTER_MODEL_PERSON", 0.25, "A sentence.", {"seen": 40}),
        ],
        unknown_rules=["no_pointer"],
        versions=Versions("1", "abc", "2", {"pointer": "f00", "keys": "f01", "scroll": "f02"}),
    )
    spent = timedelta(milliseconds=2.5)
    world.store.verdicts = [(one, one.received_at + spent) for one in (*session[:-1], last)]
    world.rules.rulesets[Domain.BEHAVIOR] = CurrentRuleset("abc", RULES, MODELS)
    yield last


async def explained(client: httpx.AsyncClient, verdict: Verdict) -> dict[str, Any]:
    answer = await client.get(f"/v1/verdicts/{verdict.verdict_id}/explain")
    assert answer.status_code == 200
    document: dict[str, Any] = answer.json()
    return document


async def test_the_verdict_comes_with_contributions_evidence_and_versions(
    client: httpx.AsyncClient, verdict: Verdict
) -> None:
    told = await explained(client, verdict)
    assert told["verdict"] == msgspec.json.decode(msgspec.json.encode(verdict))
    assert told["verdict"]["reasons"][0]["contribution"] == 0.5
    assert told["verdict"]["versions"]["models"]["pointer"] == "f00"
    assert told["processing_time_ms"] == 2.5
    assert (told["session"]["batch_count"], told["session"]["event_count"]) == (3, 6)
    assert [batch["place"] for batch in told["session"]["batches"]] == [3, 2, 1]
    assert told["session"]["batches"][0]["verdict_id"] == str(verdict.verdict_id)


async def test_every_rule_tells_its_answer_and_what_it_was_measured_by(
    client: httpx.AsyncClient, verdict: Verdict
) -> None:
    told = await explained(client, verdict)
    assert told["ruleset"] == {"used": "abc", "current": "abc"}
    assert {one["id"]: (one["outcome"], one["contribution"]) for one in told["rules"]} == {
        "straight_paths": ("hit", 0.5),
        "even_timing": ("no hit", 0.0),
        "no_pointer": ("unknown", 0.0),
    }
    hit = told["rules"][0]
    assert hit["when"] == [RULES[0]["when"][0] | {"seen": 0.9}]
    assert hit["enough"] == [RULES[0]["enough"][0] | {"seen": 40}]
    assert told["rules"][1]["when"] == [RULES[1]["when"][0] | {"seen": None}]


async def test_every_model_tells_what_it_said(world: World, client: httpx.AsyncClient, verdict: Verdict) -> None:
    told = (await explained(client, verdict))["models"]
    assert [(one["name"], one["said"], one["reason"], one["contribution"]) for one in told] == [
        ("pointer", "person", "POINTER_MODEL_PERSON", 0.25),
        ("keys", "too little to tell", None, 0.0),
        ("scroll", None, None, None),  # another version is in force now
    ]
    assert [one["enough"] for one in told] == [{"seen": 50}, {"seen": 50}, None]
    world.rules.away = True
    away = (await explained(client, verdict))["models"]
    assert [(one["name"], one["version"], one["said"]) for one in away] == [
        ("pointer", "f00", None), ("keys", "f01", None), ("scroll", "f02", None)
    ]  # fmt: skip


async def test_rules_that_did_not_judge_are_not_told(world: World, client: httpx.AsyncClient, verdict: Verdict) -> None:
    world.rules.rulesets[Domain.BEHAVIOR] = CurrentRuleset("newer", RULES)
    told = await explained(client, verdict)
    assert (told["ruleset"], told["rules"]) == ({"used": "abc", "current": "newer"}, None)


async def test_while_the_scorer_is_away_what_is_stored_is_told(
    world: World, client: httpx.AsyncClient, verdict: Verdict
) -> None:
    world.rules.away = True
    told = await explained(client, verdict)
    assert (told["ruleset"], told["rules"]) == ({"used": "abc", "current": None}, None)
    assert told["verdict"]["reasons"]


async def test_the_answer_is_what_openapi_says(world: World, client: httpx.AsyncClient, verdict: Verdict) -> None:
    document = (await client.get("/openapi.json")).json()
    operation = document["paths"]["/v1/verdicts/{verdict_id}/explain"]["get"]
    answers = [await explained(client, verdict)]
    world.rules.away = True
    answers.append(await explained(client, verdict))
    answers.append(operation["responses"]["200"]["content"]["application/json"]["example"])
    schemas = document["components"]["schemas"]
    for answer in answers:
        jsonschema.validate(answer, schema_of(document, "Explanation"))
        assert answer.keys() == schemas["Explanation"]["properties"].keys()
        for told in answer["rules"] or []:
            assert told.keys() == schemas["RuleDocument"]["properties"].keys()
        for told in answer["models"]:
            assert told.keys() == schemas["ModelDocument"]["properties"].keys()
    assert answers[-1]["rules"][0]["outcome"] == "hit"
    assert set(operation["responses"]) == {"200", "401", "403", "404", "422", "500", "503"}
    for status, response in operation["responses"].items():
        if status != "200":
            example = response["content"]["application/problem+json"]["example"]
            jsonschema.validate(example, schema_of(document, "ProblemDocument"))
            assert example["status"] == int(status)


async def test_another_tenants_verdict_is_not_there(world: World, client: httpx.AsyncClient, verdict: Verdict) -> None:
    (theirs,) = session_of("other", range(1, 2))
    world.store.verdicts.append((theirs, theirs.received_at))
    for verdict_id in (theirs.verdict_id, uuid.uuid4()):
        answer = await client.get(f"/v1/verdicts/{verdict_id}/explain")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_an_id_that_is_none_is_named(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/verdicts/7/explain")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_parameter")
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/path/verdict_id"]


async def test_without_a_key_nothing_is_explained(client: httpx.AsyncClient, verdict: Verdict) -> None:
    answer = await client.get(f"/v1/verdicts/{verdict.verdict_id}/explain", headers={"authorization": ""})
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


async def test_while_the_database_is_away_the_caller_is_told_when_to_come_back(
    world: World, client: httpx.AsyncClient, verdict: Verdict
) -> None:
    world.store.away = True
    answer = await client.get(f"/v1/verdicts/{verdict.verdict_id}/explain")
    assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")
    assert int(answer.headers["retry-after"]) > 0
