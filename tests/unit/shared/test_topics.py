import pytest

from shared.topics import TOPICS


@pytest.mark.parametrize(("copies", "must_have_it"), [(1, "1"), (2, "2"), (3, "2"), (5, "3")])
def test_a_majority_of_the_copies_has_a_record_before_it_is_acknowledged(copies: int, must_have_it: str) -> None:
    assert {topic.config(copies)["min.insync.replicas"] for topic in TOPICS} == {must_have_it}
