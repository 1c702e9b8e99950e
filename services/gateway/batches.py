"""From a body to checked batches. Pure: bytes and a time in, batches or one problem out."""

from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec

from shared.contracts.base import ContractError, Subject
from shared.contracts.batch import check_times, clock_skew, decode_batch, domain_of, event_count
from shared.problems import INVALID_BATCH, MALFORMED_BODY, Problem
from shared.topics import Domain

_WHITE: Final = b" \t\r\n"
_ARRAY: Final = msgspec.json.Decoder(list[msgspec.Raw])
_MAX_TEXT: Final = 200


class Item(NamedTuple):
    """One checked batch: what is said of it, and the client's own bytes.

    Not the decoded batch itself: it weighs many times its bytes, and a request may wait long for the broker.
    """

    batch_id: UUID
    domain: Domain
    subject: Subject
    skew: timedelta
    raw: bytes
    events: int


def parse_body(body: bytes, received_at: datetime, max_batches: int) -> list[Item]:
    """Decode and check every batch of a request: an object is one batch, an array several.

    Raises
    ------
    Problem
        ``malformed_body`` when something is no JSON, else ``invalid_batch``; either names every bad batch. Then
        nothing of the request may be accepted.
    """
    start = body[:1] if body[:1] not in _WHITE else body.lstrip(_WHITE)[:1]
    if start != b"[":
        try:
            return [_item(body, received_at)]
        except ContractError as error:
            raise _refusal([(error, "")]) from None
    raws = _split(body, max_batches)
    items: list[Item] = []
    errors: list[tuple[ContractError, str]] = []
    for index, raw in enumerate(raws):
        try:
            items.append(_item(bytes(raw), received_at))
        except ContractError as error:
            errors.append((error, f"/{index}"))
    errors += _same_ids(items) if not errors else []
    if errors:
        raise _refusal(errors)
    return items


def _item(raw: bytes, received_at: datetime) -> Item:
    batch = decode_batch(raw)
    check_times(batch, received_at)
    skew = clock_skew(batch, received_at)
    return Item(batch.batch_id, domain_of(batch), batch.subject, skew, raw, event_count(batch))


def _split(body: bytes, max_batches: int) -> list[Any]:
    try:
        raws = _ARRAY.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _refusal([(ContractError("malformed_json", "", "the body is not valid UTF-8 JSON"), "")]) from None
    if not raws:
        raise _refusal([(ContractError("empty_request", "", "an array carries at least one batch"), "")])
    if len(raws) > max_batches:
        detail = f"a request carries at most {max_batches} batches"
        raise _refusal([(ContractError("too_many_batches", "", detail), "")])
    return raws


def _same_ids(items: list[Item]) -> list[tuple[ContractError, str]]:
    """Refuse a batch id said twice; called when every item is good, so that indexes are the request's own."""
    seen = set()
    errors = []
    for index, item in enumerate(items):
        if item.batch_id in seen:
            error = ContractError("repeated_batch_id", "/batch_id", "another batch of this request has this batch_id")
            errors.append((error, f"/{index}"))
        seen.add(item.batch_id)
    return errors


def _refusal(errors: list[tuple[ContractError, str]]) -> Problem:
    malformed = any(error.code == "malformed_json" for error, _ in errors)
    listed = [
        {
            "pointer": (prefix + error.pointer)[:_MAX_TEXT],
            "code": error.code,
            "detail": error.detail[:_MAX_TEXT],
        }
        for error, prefix in errors
    ]
    return Problem(MALFORMED_BODY if malformed else INVALID_BATCH, listed[0]["detail"], errors=listed)
