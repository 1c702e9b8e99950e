"""Trace context: continued where valid, started where not."""

import pytest

from shared.tracing import child_of

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"


def test_a_valid_parent_is_continued_with_a_new_span() -> None:
    child = child_of(PARENT)
    assert child[:36] == PARENT[:36]
    assert child[36:52] != PARENT[36:52]
    assert child.endswith("-00")


@pytest.mark.parametrize(
    "wrong", [None, "", "00-" + "0" * 32 + PARENT[35:], PARENT + "x", PARENT.upper(), PARENT + "\n"]
)
def test_a_malformed_parent_starts_a_new_trace(wrong: str | None) -> None:
    child = child_of(wrong)
    assert len(child) == 55
    assert child_of(child)[:36] == child[:36]
    assert child[3:35] not in (wrong or "")
