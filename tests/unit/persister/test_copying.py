"""The binary COPY format, read back field by field as PostgreSQL's manual describes it."""

import struct
import uuid
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.persister.copying import ENCODERS, encode, encode_batch, encode_verdict
from services.persister.reading import COLUMNS, Row, Table, read_batch, read_verdict
from tests.unit.persister.records import batch_record, verdict_of, verdict_record


def fields_of(row: bytes) -> list[bytes]:
    (count,), place = struct.unpack_from(">h", row), 2
    fields = []
    for _ in range(count):
        (length,) = struct.unpack_from(">i", row, place)
        fields.append(row[place + 4 : place + 4 + length])
        place += 4 + length
    assert place == len(row)
    return fields


def time_of(field: bytes) -> datetime:
    return datetime(2000, 1, 1, tzinfo=UTC) + timedelta(microseconds=struct.unpack(">q", field)[0])


def texts_of(field: bytes) -> list[str]:
    dimensions, nulls, oid = struct.unpack_from(">iii", field)
    assert (nulls, oid) == (0, 25)
    if dimensions == 0:
        return []
    size, lower_bound = struct.unpack_from(">ii", field, 12)
    assert (dimensions, lower_bound) == (1, 1)
    inner = fields_of(struct.pack(">h", size) + field[20:])
    return [text.decode() for text in inner]


def number(code: str) -> "st.SearchStrategy[int]":
    bits = 8 * struct.calcsize(code)
    return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


texts = st.text(max_size=20)
times = st.datetimes(min_value=datetime(1, 1, 2), timezones=st.sampled_from([UTC, timezone(timedelta(hours=9))]))
payloads = st.binary(max_size=50)


@given(st.tuples(times, number("q"), number("q"), number("i"), number("i"), st.uuids(), *[texts] * 5, payloads))
def test_a_batch_reads_back(values: tuple[object, ...]) -> None:
    found = fields_of(encode_batch(values))
    assert len(found) == len(COLUMNS[Table.BATCHES])
    assert time_of(found[0]) == values[0]
    assert [struct.unpack(">q", field)[0] for field in found[1:3]] == list(values[1:3])
    assert [struct.unpack(">i", field)[0] for field in found[3:5]] == list(values[3:5])
    assert uuid.UUID(bytes=found[5]) == values[5]
    assert [field.decode() for field in found[6:11]] == list(values[6:11])
    assert found[11] == values[11]


@given(
    st.tuples(times, times, times, times, number("q")),
    st.tuples(st.floats(0, 1), st.floats(0, 1), number("i"), number("i"), number("h")),
    st.tuples(st.uuids(), st.uuids()),
    st.tuples(*[texts] * 7),
    st.lists(texts, max_size=4),
    payloads,
)
def test_a_verdict_reads_back(
    first: tuple[object, ...], second: tuple[object, ...], ids: tuple[uuid.UUID, uuid.UUID], words: tuple[str, ...],
    codes: list[str], document: bytes,
) -> None:  # fmt: skip
    found = fields_of(encode_verdict((*first, *second, *ids, *words, codes, document)))
    assert len(found) == len(COLUMNS[Table.VERDICTS])
    assert (*map(time_of, found[:4]), *struct.unpack(">q", found[4])) == first
    kinds = (">d", ">d", ">i", ">i", ">h")
    assert tuple(struct.unpack(kind, field)[0] for kind, field in zip(kinds, found[5:10], strict=True)) == second
    assert tuple(uuid.UUID(bytes=field) for field in found[10:12]) == ids
    assert tuple(field.decode() for field in found[12:19]) == words
    assert texts_of(found[19]) == codes
    assert found[20] == document


@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 250])
def test_pieces_make_one_stream_of_all_rows(count: int) -> None:
    rows: list[Row] = [read_verdict(verdict_record(n, verdict_of())) for n in range(count)]
    stream = b"".join(encode(rows, ENCODERS[Table.VERDICTS]))
    assert stream.startswith(b"PGCOPY\n\xff\r\n\0" + bytes(8))
    body = b"".join(encode_verdict(row.values) for row in rows)
    assert stream[19:] == body + b"\xff\xff"


@pytest.mark.parametrize("change", [{"clock_skew_ms": 2**63}, {"offset": 2**63}])
def test_what_does_not_fit_its_column_is_refused(change: dict[str, int]) -> None:
    with pytest.raises(struct.error):
        encode_batch(read_batch(batch_record(**change)).values)  # type: ignore[arg-type]
