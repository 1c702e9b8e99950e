"""Named queries come out of their files as they went in."""

import pytest

from services.insights import queries


def test_each_file_has_its_queries() -> None:
    assert queries.load("kpis.sql").keys() == {"name_tenant", "batches", "verdicts", "reasons", "dead_letters"}
    assert queries.load("monitor.sql").keys() == {
        "verdicts_of_minute", "reasons_of_minute", "scoring", "redrives", "outcomes",
    }  # fmt: skip


def test_a_name_that_comes_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        queries.parse("-- name: one\nSELECT 1\n-- name: one\nSELECT 2\n")
