"""Stored batches folded again: what counts as the same, and what proves nothing."""

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID, uuid4

import msgspec
import pytest

from deploy.operate.replay.refold import (
    Began,
    Difference,
    Incomplete,
    Refold,
    Replay,
    Result,
    StoredBatch,
    StoredVerdict,
)
from services.scorer.pipeline import Ruleset, ScoredInput, SubjectState, decode_state, encode_state, fold, load_ruleset
from shared.contracts.batch import decode_batch
from shared.topics import Domain

START = datetime(2026, 3, 1, 17, 0, 0, 125_000, UTC)
_Stored = TypeVar("_Stored", StoredVerdict, StoredBatch)
RULESET = load_ruleset(Domain.BEHAVIOR)


def payload_of(number: int, batch_id: UUID) -> str:
    """Write a batch: a straight path and typing, so that there is something to judge."""
    at = START + timedelta(seconds=number)
    return msgspec.json.encode(
        {
            "batch_id": batch_id, "domain": "behavior", "subject": {"type": "session", "id": "s"},
            "events": [
                {"type": "pointer.down", "occurred_at": at, "x": 3 * number, "y": number, "trusted": False},
                {"type": "device.fingerprint", "occurred_at": at, "webdriver": True},
            ],
            "tracks": [
                {
                    "type": "pointer.move", "started_at": at, "t": [10.0 * step for step in range(60)],
                    "x": [number + 1.5 * step for step in range(60)], "y": [7.0 + 0.1 * step for step in range(60)],
                }
            ],
        }
    ).decode()  # fmt: skip


def judged(count: int) -> tuple[StoredVerdict, list[StoredBatch]]:
    """Judge batches as the scorer does, its states on the log between them; give what is stored then."""
    state: SubjectState | None = None
    batches, document = [], b""
    for place in range(1, count + 1):
        received_at, batch_id = START + timedelta(seconds=2 * place), uuid4()
        payload = payload_of(place, batch_id)
        state = decode_state(encode_state(state)) if state is not None else None
        folded = fold(
            state, ScoredInput("acme", Domain.BEHAVIOR, received_at, -40, decode_batch(payload.encode())), RULESET
        )
        state = folded.state
        assert folded.verdict is not None
        document = msgspec.json.encode(folded.verdict)
        versions = msgspec.to_builtins(folded.verdict.versions)
        batches.append(
            StoredBatch(
                place=place, versions=versions, received_at=received_at, stored_received_at=received_at,
                clock_skew_ms=-40, payload=payload,
            )
        )  # fmt: skip
    verdict = StoredVerdict(
        tenant_id="acme", domain="behavior", subject_type="session", subject_id="s", document=document.decode(),
        session_started_at=START + timedelta(seconds=2), seen_before_at=None,
    )  # fmt: skip
    return verdict, batches


def replay(verdict: StoredVerdict, batches: list[StoredBatch], ruleset: Ruleset = RULESET) -> Replay:
    refold = Refold(verdict, ruleset)
    for batch in batches:
        refold.add(batch)
    return refold.finish()


def changed(stored: _Stored, **fields: Any) -> _Stored:
    return dataclasses.replace(stored, **fields)


def tampered(verdict: StoredVerdict, change: dict[str, Any]) -> StoredVerdict:
    document = msgspec.json.decode(verdict.document) | change
    return changed(verdict, document=msgspec.json.encode(document).decode())


@pytest.mark.parametrize("count", [1, 2, 7])
def test_the_same_batches_and_versions_give_the_same_verdict(count: int) -> None:
    verdict, batches = judged(count)
    outcome = replay(verdict, batches)
    assert (outcome.result, outcome.differences) == (Result.SAME, ())
    assert (outcome.batches, outcome.events) == (count, 62 * count)
    assert outcome.stored_versions == outcome.current_versions
    assert msgspec.json.decode(verdict.document)["risk_score"] > 0, "something was judged"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"risk_score": 0.123}, "/risk_score"),
        ({"trust_score": 100}, "/trust_score"),
        ({"unknown_rules": []}, "/unknown_rules/0"),
        ({"reasons": []}, "/reasons/0"),
        ({"action": "NONE"}, "/action"),
        ({"tenant_id": "other"}, "/tenant_id"),
        ({"more": 1}, "/more"),
    ],
)
def test_every_field_that_differs_is_named(change: dict[str, Any], field: str) -> None:
    verdict, batches = judged(2)
    outcome = replay(tampered(verdict, change), batches)
    assert outcome.result is Result.DIFFERENT
    assert outcome.differences[0].field == field


def test_a_number_differs_in_its_last_digit() -> None:
    verdict, batches = judged(2)
    confidence = msgspec.json.decode(verdict.document)["confidence"]
    outcome = replay(tampered(verdict, {"confidence": confidence + 1e-12}), batches)
    assert outcome.differences == (Difference("/confidence", confidence + 1e-12, confidence),)


def test_a_changed_batch_shows() -> None:
    verdict, batches = judged(3)
    body = msgspec.json.decode(batches[0].payload or "")
    body["events"].pop()
    batches[0] = changed(batches[0], payload=msgspec.json.encode(body).decode())
    outcome = replay(verdict, batches)
    assert outcome.result is Result.DIFFERENT
    assert Difference("/session/event_count", 186, 185) in outcome.differences


def test_batches_in_another_order_show() -> None:
    verdict, batches = judged(3)
    first, second, third = batches
    swapped = [changed(second, place=1), changed(first, place=2), third]
    assert replay(verdict, swapped).result is Result.DIFFERENT


@pytest.mark.parametrize(
    "versions", [{"ruleset": "older"}, {"policy": "0"}, {"pipeline": "0"}, {"models": {"pointer": "f00"}}]
)
def test_other_versions_prove_nothing(versions: dict[str, Any]) -> None:
    verdict, batches = judged(2)
    stored = msgspec.json.decode(verdict.document)["versions"] | versions
    outcome = replay(tampered(verdict, {"versions": stored}), batches)
    assert outcome.result is Result.VERSIONS_DIFFER
    assert outcome.stored_versions == stored
    assert {difference.field.split("/")[1] for difference in outcome.differences} == {"versions"}


def test_other_versions_earlier_in_the_session_prove_nothing() -> None:
    verdict, batches = judged(3)
    batches[0] = changed(batches[0], versions=batches[0].versions | {"ruleset": "older"})
    assert replay(verdict, batches).result is Result.VERSIONS_DIFFER


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"payload": None, "clock_skew_ms": None, "stored_received_at": None}, "batch 2 is not stored"),
        ({"stored_received_at": START}, "another copy"),
        ({"place": 3}, "batch 2 has no stored verdict"),
        ({"payload": '{"domain":"behavior"}'}, "no longer taken"),
    ],
)
def test_batches_that_are_not_those_that_were_judged_prove_nothing(change: dict[str, Any], why: str) -> None:
    verdict, batches = judged(3)
    refold = Refold(verdict, RULESET)
    refold.add(batches[0])
    with pytest.raises(Incomplete, match=why) as missing:
        refold.add(changed(batches[1], **change))
    outcome = refold.incomplete(str(missing.value))
    assert (outcome.result, outcome.batches, outcome.differences) == (Result.INCOMPLETE, 1, ())
    assert why in outcome.why


@pytest.mark.parametrize("kept", [0, 2])
def test_verdicts_missing_at_the_end_prove_nothing(kept: int) -> None:
    verdict, batches = judged(3)
    outcome = replay(verdict, batches[:kept])
    assert (outcome.result, outcome.current_versions) == (Result.INCOMPLETE, None)
    assert f"batch {kept + 1} of 3" in outcome.why


@pytest.mark.parametrize(
    ("ago", "began"),
    [
        (None, Began.FIRST_SEEN),
        (timedelta(minutes=30, microseconds=1), Began.IDLE),
        (timedelta(minutes=30), Began.FORGOTTEN),
    ],
)
def test_why_the_session_began_is_told(ago: timedelta | None, began: Began) -> None:
    verdict, batches = judged(1)
    before = verdict.session_started_at - ago if ago is not None else None
    assert replay(changed(verdict, seen_before_at=before), batches).began is began
