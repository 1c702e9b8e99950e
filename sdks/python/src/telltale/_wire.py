"""Requests and answers of the HTTP API, as bytes. Pure."""

import re
from collections.abc import Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final, TypeVar
from urllib.parse import quote
from uuid import UUID

import msgspec

from telltale._buffer import Batch, Key
from telltale._models import Problem, Receipt

EVENTS_PATH: Final = "/v1/events"
SESSIONS_PATH: Final = "/api/sessions"

_POINTER_INDEX: Final = re.compile(r"^/(\d{1,9})(?:/|$)")
_POINTER_ITEM: Final = re.compile(r"^(?:/\d{1,9})?/(events|tracks)/(\d{1,9})(?:/|$)")


_Document = TypeVar("_Document")


class _Receipts(msgspec.Struct):
    receipts: list[Receipt]


_receipts_decoder: Final = msgspec.json.Decoder(_Receipts)
_problem_decoder: Final = msgspec.json.Decoder(Problem)


def receipt_path(batch_id: UUID | str) -> str:
    """Give where the receipt of a batch is."""
    return f"/v1/batches/{quote(str(batch_id), safe='')}"


def verdict_path(key: Key) -> str:
    """Give where a subject's latest verdict is."""
    return f"/v1/subjects/{quote(key.subject_type, safe='')}/{quote(key.subject_id, safe='')}/verdict"


def session_path(session_id: UUID | str, part: str = "") -> str:
    """Give where a session is, or a part of it: data or status."""
    return f"{SESSIONS_PATH}/{quote(str(session_id), safe='')}{'/' if part else ''}{part}"


def encode_request(batches: Sequence[Batch], sent_at: datetime) -> bytes:
    """Write one batch as an object, several as an array."""
    stamp = msgspec.json.encode(sent_at)
    bodies = [_encode_batch(batch, stamp) for batch in batches]
    return bodies[0] if len(bodies) == 1 else b"[" + b",".join(bodies) + b"]"


def _encode_batch(batch: Batch, stamp: bytes) -> bytes:
    key = batch.key
    head: dict[str, Any] = {
        "batch_id": batch.batch_id,
        "domain": key.domain,
        "subject": {"type": key.subject_type, "id": key.subject_id},
    }
    events = b",".join(item.json for item in batch.items if not item.is_track)
    tracks = b",".join(item.json for item in batch.items if item.is_track)
    parts = [msgspec.json.encode(head)[:-1], b',"sent_at":', stamp, b',"events":[', events, b"]"]
    if tracks:
        parts += [b',"tracks":[', tracks, b"]"]
    return b"".join([*parts, b"}"])


def read_answer(decoder: msgspec.json.Decoder[_Document], body: bytes) -> _Document:
    """Read a JSON document of a server, whatever it sent.

    Raises
    ------
    ValueError
        It is no such document.
    """
    try:
        return decoder.decode(body)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def decode_receipts(body: bytes) -> list[Receipt]:
    """Read the answer to accepted batches.

    Raises
    ------
    ValueError
        It is no receipt.
    """
    return read_answer(_receipts_decoder, body).receipts


def decode_problem(status: int, body: bytes) -> Problem:
    """Read a problem document; anything else (a proxy's page) gives one with the status only."""
    try:
        return msgspec.structs.replace(read_answer(_problem_decoder, body), status=status)
    except ValueError:
        return Problem(status=status, title="no problem document in the answer")


def batch_indexes(problem: Problem) -> set[int]:
    """Give the places in the request's array that the problem names."""
    found = (_POINTER_INDEX.match(error.pointer) for error in problem.errors)
    return {int(match[1]) for match in found if match}


def item_indexes(problem: Problem) -> set[tuple[bool, int]]:
    """Give the items of one batch that the problem names, as (is a track, place)."""
    found = (_POINTER_ITEM.match(error.pointer) for error in problem.errors)
    return {(match[1] == "tracks", int(match[2])) for match in found if match}


def parse_retry_after(value: str | None, now: datetime) -> float:
    """Read a ``Retry-After`` header, seconds or an HTTP date, as seconds from now; 0 when absent or malformed.

    >>> parse_retry_after("3", datetime.max)
    3.0
    """
    if value is None:
        return 0.0
    if value.strip().isdecimal():
        return float(value)
    try:
        return max(0.0, (parsedate_to_datetime(value) - now).total_seconds())
    except (ValueError, TypeError):
        return 0.0
