"""Every way a body can be wrong, over the gateway in memory: a typed refusal, and nothing on the broker."""

import gzip
import json
import tracemalloc
import zlib
from typing import Any

import pytest

from services.gateway.batches import parse_body
from tests.unit.gateway.kit import NOW, at, batch, event, running

GOOD = json.dumps(batch())


def with_event(text: str) -> bytes:
    """A batch whose only event is given as JSON text."""
    return json.dumps(batch([])).replace('"events": []', f'"events": [{text}]').encode()


def key_press(extra: str) -> bytes:
    return with_event('{"type":"key.press","occurred_at":"2026-03-01T12:00:00Z",' + extra + "}")


MALFORMED: dict[str, bytes] = {
    "empty": b"",
    "white space": b" \n\t ",
    "cut short": GOOD[:-2].encode(),
    "two documents": f"{GOOD} {GOOD}".encode(),
    "trailing comma": GOOD[:-1].encode() + b",}",
    "single quotes": GOOD.replace('"', "'").encode(),
    "NaN": key_press('"key_class":"letter","dwell_ms":NaN'),
    "Infinity": key_press('"key_class":"letter","dwell_ms":-Infinity'),
    "leading zero": key_press('"key_class":"letter","dwell_ms":007'),
    "invalid UTF-8": GOOD.replace("s-1", "s-\udc80").encode("utf-8", "surrogateescape"),
    "overlong UTF-8": GOOD.encode().replace(b"s-1", b"\xc0\xaf"),
    "lone surrogate": GOOD.replace("s-1", "\\ud800").encode(),
    "byte order mark": b"\xef\xbb\xbf" + GOOD.encode(),
    "UTF-16": GOOD.encode("utf-16"),
    "deep array": b"[" * 100_000,
    "deep array in array": b"[" + b"[" * 100_000 + b"]" * 100_000 + b"]",
    "deep object": b'{"subject":' * 100_000 + b"{}" + b"}" * 100_000,
    "binary": bytes(range(256)),
    "array cut short": f"[{GOOD}".encode(),
    "array with a hole": f"[{GOOD},,{GOOD}]".encode(),
    "lone surrogate in an array": f"[{GOOD}]".replace("s-1", "\\ud800").encode(),
    "invalid UTF-8 in an array": f"[{GOOD}]".encode().replace(b"s-1", b"s\xff"),
}

INVALID: dict[str, tuple[bytes, str]] = {
    "number": (b"1", ""),
    "null": (b"null", ""),
    "text": (b'"x"', ""),
    "empty object": (b"{}", ""),
    "no subject": (json.dumps({k: v for k, v in batch().items() if k != "subject"}).encode(), ""),
    "batch_id is no uuid": (json.dumps(batch(batch_id="1")).encode(), "/batch_id"),
    "unknown domain": (json.dumps(batch(domain="other")).encode(), "/domain"),
    "unknown field": (json.dumps(batch(tenant_id="globex")).encode(), ""),
    "unknown subject field": (json.dumps(batch(subject={"type": "session", "id": "a", "x": 1})).encode(), "/subject"),
    "unknown subject type": (json.dumps(batch(subject={"type": "person", "id": "a"})).encode(), "/subject/type"),
    "NUL": (json.dumps(batch(subject={"type": "session", "id": "a\0"})).encode(), "/subject/id"),
    "line feed": (json.dumps(batch(subject={"type": "session", "id": "a\n"})).encode(), "/subject/id"),
    "colon and slash": (json.dumps(batch(subject={"type": "session", "id": "a/b"})).encode(), "/subject/id"),
    "no events": (json.dumps(batch([])).encode(), "/events"),
    "events is an object": (json.dumps(batch() | {"events": {}}).encode(), "/events"),
    "event is a number": (with_event("1"), "/events/0"),
    "unknown event type": (with_event('{"type":"key.value"}'), "/events/0/type"),
    "no time": (with_event('{"type":"key.press","key_class":"letter"}'), "/events/0"),
    "time without zone": (json.dumps(batch([event(occurred_at="2026-03-01T12:00")])).encode(), "/events/0/occurred_at"),
    "time is a number": (json.dumps(batch([event(occurred_at=1772366400)])).encode(), "/events/0/occurred_at"),
    "no such day": (json.dumps(batch([event(occurred_at="2026-02-30T12:00:00Z")])).encode(), "/events/0/occurred_at"),
    "1e400": (key_press('"key_class":"letter","dwell_ms":1e400'), "/events/0/dwell_ms"),
    "10**400": (key_press(f'"key_class":"letter","dwell_ms":{10**400}'), "/events/0/dwell_ms"),
    "10**400 for an integer": (
        with_event(
            '{"type":"touch.start","occurred_at":"2026-03-01T12:00:00Z","x":1,"y":1,"touch_id":' + str(10**400) + "}"
        ),
        "/events/0/touch_id",
    ),
    "negative duration": (key_press('"key_class":"letter","dwell_ms":-1'), "/events/0/dwell_ms"),
    "text for a number": (key_press('"key_class":"letter","dwell_ms":"84"'), "/events/0/dwell_ms"),
    "deep events": (with_event("[" * 100_000), "/events/0"),
    "key beside the class": (key_press('"key_class":"letter","key":"a"'), "/events/0"),
    "code beside the class": (key_press('"key_class":"letter","code":"KeyA"'), "/events/0"),
    "key under an escaped name": (key_press('"key_class":"letter","k\\u0065y":"a"'), "/events/0"),
    "key as the class": (key_press('"key_class":"a"'), "/events/0/key_class"),
    "key as the first of two classes": (key_press('"key_class":"a","key_class":"letter"'), "/events/0/key_class"),
    "key as the second of two classes": (key_press('"key_class":"letter","key_class":"a"'), "/events/0/key_class"),
    "key as a second type": (key_press('"key_class":"letter","type":"a"'), "/events/0/type"),
    "key as a target with white space": (key_press('"key_class":"letter","target":"my secret"'), "/events/0/target"),
    "columns of different lengths": (
        json.dumps(batch([], tracks=[{"type": "pointer.move", "started_at": "2026-03-01T12:00:00Z", "t": [0, 1],
                                      "x": [1], "y": [1, 2]}])).encode(),
        "/tracks/0/x",
    ),
    "too many events": (json.dumps(batch([event()] * 10_001)).encode(), "/events"),
    "too many samples": (
        json.dumps(batch([event()], tracks=[{"type": "scroll", "started_at": "2026-03-01T12:00:00Z", "t": [0] * 10_000,
                                             "y": [0] * 10_000}])).encode(),
        "/events",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MALFORMED)
async def test_what_is_no_json_is_400(name: str) -> None:
    async with running() as gateway:
        answer = await gateway.post(MALFORMED[name])
        assert (answer.status_code, answer.json()["code"]) == (400, "malformed_body")
        assert gateway.publisher.records == []


@pytest.mark.parametrize("name", INVALID)
async def test_what_breaks_the_contract_is_422_with_a_pointer(name: str) -> None:
    body, pointer = INVALID[name]
    async with running() as gateway:
        answer = await gateway.post(body)
        assert answer.status_code == 422, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        document = answer.json()
        assert document["code"] == "invalid_batch"
        assert [item["pointer"] for item in document["errors"]] == [pointer]
        assert gateway.publisher.records == []


@pytest.mark.parametrize("secret", ["hunter2", "h", "x" * 1_000_000])
async def test_a_refusal_does_not_repeat_what_it_refused(secret: str) -> None:
    async with running() as gateway:
        answer = await gateway.post(key_press(f'"key_class":"{secret}"'))
        assert answer.status_code == 422
        assert len(answer.content) < 2_000
        if len(secret) > 1:
            assert secret not in answer.text
        answer = await gateway.post(key_press(f'"key_class":"letter","{"n" * 100_000}":1'))
        assert len(answer.content) < 2_000


async def test_every_bad_batch_of_an_array_is_named_and_none_is_accepted() -> None:
    array = [batch(), batch([event(), event(key_class="a")]), batch(), batch(batch_id="?"), {"x": 1}]
    async with running() as gateway:
        answer = await gateway.post(array)
        assert answer.status_code == 422
        assert [item["pointer"] for item in answer.json()["errors"]] == ["/1/events/1/key_class", "/3/batch_id", "/4"]
        assert gateway.publisher.records == []


@pytest.mark.parametrize(
    ("array", "code"),
    [([], "empty_request"), ([batch() for _ in range(101)], "too_many_batches")],
    ids=["none", "101"],
)
async def test_an_array_has_bounds(array: list[Any], code: str) -> None:
    async with running() as gateway:
        answer = await gateway.post(array)
        assert answer.status_code == 422
        assert [item["code"] for item in answer.json()["errors"]] == [code]


async def test_one_batch_id_twice_in_a_request_is_refused() -> None:
    one = batch()
    async with running() as gateway:
        answer = await gateway.post([one, batch(), one | {"subject": {"type": "session", "id": "s-2"}}])
        assert answer.status_code == 422
        assert answer.json()["errors"][0] == {
            "pointer": "/2/batch_id",
            "code": "repeated_batch_id",
            "detail": "another batch of this request has this batch_id",
        }
        assert gateway.publisher.records == []


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content_type": "text/plain"}, 415),
        ({"content_type": "application/json; charset=latin-1"}, 415),
        ({"content_type": "application/jsonp"}, 415),
        ({"content_type": ""}, 415),
        ({"content_encoding": "br"}, 415),
        ({"content_encoding": "gzip, gzip"}, 415),
        ({"content_encoding": "deflate"}, 415),
        ({"content_type": 'Application/JSON; charset="UTF-8"'}, 202),
        ({"content_encoding": "identity"}, 202),
    ],
)
async def test_media_types_and_encodings(headers: dict[str, str], status: int) -> None:
    async with running() as gateway:
        assert (await gateway.post(batch(), **headers)).status_code == status


def deflated_empty_blocks(count: int) -> bytes:
    """A gzip stream of many blocks that inflate to nothing."""
    header = gzip.compress(b"")[:10]
    return header + b"\x00\x00\x00\xff\xff" * count


BOMB = gzip.compress(b" " * 200_000_000, compresslevel=9)
PACKED = gzip.compress(GOOD.encode())


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (PACKED, 202, None),
        (BOMB, 413, "body_too_large"),
        (deflated_empty_blocks(600_000), 413, "body_too_large"),
        (PACKED[:-1], 400, "malformed_body"),
        (PACKED[:20], 400, "malformed_body"),
        (b"", 400, "malformed_body"),
        (PACKED + b"x", 400, "malformed_body"),
        (PACKED + PACKED, 400, "malformed_body"),
        (PACKED[:12] + b"\xff" + PACKED[13:], 400, "malformed_body"),
        (PACKED[:-8] + b"\0" * 8, 400, "malformed_body"),
        (GOOD.encode(), 400, "malformed_body"),
        (zlib.compress(GOOD.encode()), 400, "malformed_body"),
        (gzip.compress(PACKED), 400, "malformed_body"),
    ],
    ids=["good", "bomb", "empty blocks", "one byte short", "cut short", "empty", "one byte more", "two members",
         "corrupt", "wrong checksum", "not gzip", "zlib", "gzip in gzip"],
)  # fmt: skip
async def test_gzip(body: bytes, status: int, code: str | None) -> None:
    async with running() as gateway:
        answer = await gateway.post(body, content_encoding="gzip")
        assert answer.status_code == status, answer.text
        assert answer.json().get("code") == code
        assert len(gateway.publisher.records) == (1 if status == 202 else 0)
        assert gateway.app.ingest.receiving.held == 0


async def test_gzip_is_published_inflated() -> None:
    async with running() as gateway:
        await gateway.post(PACKED, content_encoding="gzip")
        assert [record.value for record in gateway.publisher.records] == [GOOD.encode()]


@pytest.mark.parametrize("spare", [0, 1])
async def test_the_body_limit_is_exact(spare: int) -> None:
    body = GOOD.encode().ljust(2_000)
    async with running(max_body_bytes=2_000 - spare) as gateway:
        assert (await gateway.post(body)).status_code == (413 if spare else 202)
        packed = gzip.compress(body)
        assert (await gateway.post(packed, content_encoding="gzip")).status_code == (413 if spare else 202)


def test_what_is_kept_of_a_request_weighs_little_more_than_its_bytes() -> None:
    track = {"type": "scroll", "started_at": at(NOW), "t": [0.5] * 5_000, "y": [1.5] * 5_000}
    body = json.dumps([batch([], tracks=[track]) for _ in range(20)]).encode()
    tracemalloc.start()
    try:
        items = parse_body(body, NOW, 100)
        kept_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(items) == 20
    assert kept_bytes < 2 * len(body)
