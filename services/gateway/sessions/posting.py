"""From a posted body to one checked batch. Pure: bytes and times in, a batch or one problem out."""

import re
from collections import Counter
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from services.gateway.batches import Item
from services.gateway.sessions.behaviour import Behaviour, Refusal
from services.gateway.sessions.kinds import GROUPS
from services.gateway.sessions.layout import place_of_field
from services.gateway.sessions.spelling import FACTS, FIELDS, plain
from shared.contracts.base import ContractError, Subject
from shared.contracts.batch import check_times, clock_skew, decode_batch, event_count
from shared.problems import INVALID_REQUEST, MALFORMED_BODY, Problem
from shared.topics import Domain
from shared.uuids import parse_uuid

_decode: Final = msgspec.json.Decoder().decode
_ID: Final = re.compile(r"[A-Za-z0-9._:@=+~-]{1,128}")
_EVENT_PLACE: Final = re.compile(r"/(?P<list>events|tracks)/(?P<index>\d+)(?:/(?P<field>[a-z_]+))?")
_USERS: Final = ("user_id", "userId", "user", "customer_id", "customerId")
_BATCH_IDS: Final = ("batch_id", "batchId")
_MAX_DETAIL: Final = 200


def decode_document(body: bytes) -> Any:
    """Decode a body; an empty one is an empty object.

    Raises
    ------
    Problem
        ``malformed_body``.
    """
    if not body:
        return {}
    try:
        return _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        errors = [{"pointer": "", "code": "malformed_json", "detail": "the body is not valid UTF-8 JSON"}]
        raise Problem(MALFORMED_BODY, errors=errors) from None


def refused(*errors: Refusal) -> Problem:
    """Make the problem that names every bad place."""
    listed = [{"pointer": one.pointer, "code": one.code, "detail": one.detail[:_MAX_DETAIL]} for one in errors]
    return Problem(INVALID_REQUEST, errors=listed)


def user_of(document: Any) -> tuple[str | None, str]:
    """Give the user a document names, if it does, and where.

    Raises
    ------
    Problem
        ``invalid_request`` when it is no id.
    """
    if isinstance(document, dict):
        for name in _USERS:
            said = document.get(name)
            if isinstance(said, dict):
                said = said.get("id")
            if said is None:
                continue
            if isinstance(said, int) and not isinstance(said, bool):
                said = str(said)
            if not isinstance(said, str) or not _ID.fullmatch(said):
                raise refused(Refusal(f"/{name}", "invalid_value", "expected 1 to 128 of A-Z a-z 0-9 . _ : @ = + ~ -"))
            return said, f"/{name}"
    return None, f"/{_USERS[0]}"


def batch_id_of(document: Any) -> UUID | None:
    """Give the batch id a document names, if it does.

    Raises
    ------
    Problem
        ``invalid_request`` when it is no UUID.
    """
    for name in _BATCH_IDS:
        said = document.get(name) if isinstance(document, dict) else None
        if said is not None:
            try:
                return parse_uuid(said.encode())
            except (AttributeError, ValueError):
                raise refused(Refusal(f"/{name}", "invalid_value", "expected a UUID")) from None
    return None


def facts_document(document: Any) -> dict[str, Any]:
    """Give the part of a document that tells of device and network.

    Raises
    ------
    Problem
        ``invalid_request`` when it is no object.
    """
    if not isinstance(document, dict):
        raise refused(Refusal("", "invalid_value", "expected an object"))
    return {name: said for name, said in document.items() if GROUPS.get(plain(name)) in {"device", "network"}}


def make_item(document: Any, behaviour: Behaviour, batch_id: UUID, subject: Subject, received_at: datetime) -> Item:
    """Make one checked batch.

    Raises
    ------
    Problem
        ``invalid_request`` with a pointer into the client's own document for every bad place.
    """
    if behaviour.errors:
        raise refused(*behaviour.errors)
    batch = {
        "batch_id": batch_id,
        "domain": Domain.BEHAVIOR.value,
        "subject": {"type": subject.type, "id": subject.id},
        "events": behaviour.events,
    }
    if behaviour.tracks:
        batch["tracks"] = behaviour.tracks
    if behaviour.sent_at is not None:
        batch["sent_at"] = behaviour.sent_at
    raw = msgspec.json.encode(batch)
    try:
        decoded = decode_batch(raw)
        check_times(decoded, received_at)
    except ContractError as error:
        raise refused(_located(error, document, behaviour)) from None
    return Item(batch_id, Domain.BEHAVIOR, subject, clock_skew(decoded, received_at), raw, event_count(decoded))


def redacted(behaviour: Behaviour, body_bytes: int) -> dict[str, Any]:
    """Describe a payload by sizes and counts alone, for a log."""
    counts = Counter(event["type"] for event in behaviour.events)
    counts.update(track["type"] for track in behaviour.tracks)
    refusals = Counter(refusal.code for refusal in behaviour.errors)
    return {
        "bytes": body_bytes, "by_type": dict(counts), "ignored": behaviour.ignored, "refused": dict(refusals)
    }  # fmt: skip


def _located(error: ContractError, document: Any, behaviour: Behaviour) -> Refusal:
    """Point into the client's document instead of the batch made from it."""
    found = _EVENT_PLACE.match(error.pointer)
    if found is None:
        return Refusal("" if error.pointer.startswith("/events") else error.pointer, error.code, error.detail)
    index, field = int(found["index"]), found["field"]
    if found["list"] == "tracks":
        place = behaviour.track_places[index]
        return Refusal(f"{place}/{field}" if field else place, error.code, error.detail)
    place, kind = behaviour.places[index], behaviour.events[index]["type"]
    spelled = FIELDS.get(kind) or FACTS[kind]
    return Refusal(place_of_field(document, place, spelled, field) if field else place, error.code, error.detail)
