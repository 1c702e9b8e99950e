"""UUIDs are those of the standard library."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.uuids import named_uuid, parse_uuid, uuid_text


@given(st.uuids(), st.text())
def test_names_text_and_reading_agree_with_the_standard_library(value: uuid.UUID, name: str) -> None:
    assert named_uuid(value, name.encode()) == uuid.uuid5(value, name)
    assert uuid_text(value) == str(value).encode()
    assert parse_uuid(uuid_text(value)) == value


@pytest.mark.parametrize("text", [b"", b"x", b'"', b'0"}', b"\xff" * 36, b"0" * 31, b"{" + b"0" * 32 + b"}"])
def test_what_is_no_uuid_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"UUID|JSON|truncated|trailing|UTF-8|utf-8"):
        parse_uuid(text)
