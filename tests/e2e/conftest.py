"""One running system for all end-to-end tests.

``TELLTALE_TEST_HOME=name`` keeps it in another directory of the checkout, for runs at the same time.
"""

import os
from collections.abc import Iterator

import pytest

from deploy.local.settings import CHECKOUT
from tests.e2e.system import System, running_system


@pytest.fixture(scope="session")
def system() -> Iterator[System]:
    """The whole system, running, with the recordings replayed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TELLTALE_SESSION_WAIT_MS", "10000")  # a busy machine may pause for longer than the usual wait
        with running_system(CHECKOUT / os.environ.get("TELLTALE_TEST_HOME", ".telltale-e2e")) as system:
            yield system
