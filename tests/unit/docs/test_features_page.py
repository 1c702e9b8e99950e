"""The reference of features is printed from the code, and leaves none out."""

from collections import Counter
from pathlib import Path

from services.scorer.domains.behavior.features import FEATURES
from services.scorer.lab.features import SECTIONS, page


def test_the_page_is_what_the_code_prints() -> None:
    assert Path("docs/features.md").read_text() == page()


def test_every_feature_stands_in_one_section() -> None:
    named = Counter(name for section in SECTIONS for name in section.table)

    assert named == Counter(list(FEATURES))
