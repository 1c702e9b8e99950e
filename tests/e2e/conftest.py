"""One running system for all end-to-end tests."""

from collections.abc import Iterator

import pytest

from tests.e2e.system import System, running_system


@pytest.fixture(scope="session")
def system() -> Iterator[System]:
    """The whole system, running, with the recordings replayed."""
    with running_system() as system:
        yield system
