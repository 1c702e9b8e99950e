"""The published schemas: they say what the code does, and no change breaks who holds to them."""

import copy
from typing import Any

import jsonschema
import msgspec
import pytest

from shared.contracts.compatibility import breaks
from shared.contracts.schema import CONTRACTS, Contract, broken_promises, generate, kept

BY_NAME = {contract.name: contract for contract in CONTRACTS}


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.name)
def test_no_change_breaks_old_readers_or_old_clients(contract: Contract) -> None:
    assert broken_promises(contract, kept(contract), generate(contract)) == []


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.name)
def test_the_kept_schema_is_the_generated_one(contract: Contract) -> None:
    assert kept(contract) == generate(contract), "run `make schemas`"


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.name)
def test_the_schema_is_valid_json_schema(contract: Contract) -> None:
    jsonschema.Draft202012Validator.check_schema(kept(contract))


def change(name: str, path: list[Any], value: Any) -> list[str]:
    """Breaks that setting (or, with None, dropping) one place of a contract's schema would cause."""
    old = kept(BY_NAME[name])
    new = copy.deepcopy(old)
    place = new
    for step in path[:-1]:
        place = place[step]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return broken_promises(BY_NAME[name], old, new)


VERDICT = ["$defs", "Verdict"]
BEHAVIOR = ["$defs", "BehaviorBatch"]


@pytest.mark.parametrize(
    ("name", "path", "value"),
    [
        ("verdict.v1", [*VERDICT, "properties", "risk_score", "type"], "string"),
        ("verdict.v1", [*VERDICT, "properties", "risk_score", "maximum"], 100),
        ("verdict.v1", [*VERDICT, "properties", "action", "enum"], ["ALLOW", "MAYBE"]),
        ("verdict.v1", [*VERDICT, "required"], ["verdict_id"]),
        ("event-batch.v1", [*BEHAVIOR, "required"], ["domain", "batch_id", "subject", "sent_at"]),
        ("event-batch.v1", [*BEHAVIOR, "properties", "sent_at"], None),
        ("event-batch.v1", [*BEHAVIOR, "properties", "events", "maxItems"], 10),
        ("event-batch.v1", ["$defs", "KeyPress", "properties", "key_class", "enum"], ["letter"]),
    ],
)
def test_a_breaking_change_is_seen(name: str, path: list[Any], value: Any) -> None:
    assert change(name, path, value)


@pytest.mark.parametrize(
    ("name", "path", "value"),
    [
        ("verdict.v1", [*VERDICT, "properties", "note"], {"type": "string"}),
        ("verdict.v1", [*VERDICT, "properties", "action", "enum"], ["ALLOW", "BLOCK"]),
        ("event-batch.v1", [*BEHAVIOR, "properties", "note"], {"type": "string"}),
        ("event-batch.v1", [*BEHAVIOR, "properties", "events", "maxItems"], 20_000),
    ],
)
def test_an_additive_change_is_let_through(name: str, path: list[Any], value: Any) -> None:
    assert change(name, path, value) == []


def test_a_union_member_that_fits_is_found() -> None:
    union = {"anyOf": [{"type": "string"}, {"type": "number", "minimum": 0}]}
    assert breaks({"type": "integer", "minimum": 3}, union) == []
    assert breaks({"type": "integer", "minimum": -3}, union)


def test_a_document_of_ours_is_valid_under_the_published_schema() -> None:
    document = {
        "batch_id": "01936f2e-0000-7000-8000-000000000001",
        "domain": "behavior",
        "subject": {"type": "session", "id": "s-1"},
        "tracks": [{"type": "scroll", "started_at": "2026-03-01T12:00:00Z", "t": [0], "y": [1]}],
    }
    jsonschema.validate(document, kept(BY_NAME["event-batch.v1"]))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(msgspec.convert(document, dict) | {"key": "a"}, kept(BY_NAME["event-batch.v1"]))
