from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scorer.stream.watermark import EPOCH, StateLogBroken, Watermark, encode_watermark, read_watermark

offsets = st.integers(0, 2**62)
times = st.integers(0, 10**16).map(lambda us: EPOCH + timedelta(microseconds=us))


@given(st.builds(Watermark, offsets, offsets, times))
def test_a_watermark_comes_back(mark: Watermark) -> None:
    assert read_watermark([("other", b""), encode_watermark(mark)]) == mark


@pytest.mark.parametrize("headers", [[], [("watermark", b"")], [("watermark", b"1 2")], [("watermark", b"a b c")]])
def test_anything_else_is_refused(headers: list[tuple[str, bytes]]) -> None:
    with pytest.raises(StateLogBroken):
        read_watermark(headers)
