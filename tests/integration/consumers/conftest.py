"""The examples, built once a run, all at the same time."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.integration.consumers.languages import BUILDS, Builds, Command


@pytest.fixture(scope="session")
def builds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Builds]:
    """The command of each language, when it is built: while one is being tested, the next is compiled."""
    with ThreadPoolExecutor(len(BUILDS)) as pool:
        yield {name: pool.submit(build, tmp_path_factory.mktemp(name)) for name, build in BUILDS.items()}


@pytest.fixture(params=list(BUILDS))
def language(request: pytest.FixtureRequest) -> str:
    """Each language in turn."""
    name: str = request.param
    return name


@pytest.fixture
def command(builds: Builds, language: str) -> Command:
    """What starts the example of this language."""
    return builds[language].result()
