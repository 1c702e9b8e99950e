"""Each load of the benchmark sends into the null server, and what it counts was answered."""

import asyncio
from collections.abc import Iterator

import pytest

from benchmarks.sdk import load, measurement


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with measurement.null_server() as running:
        yield running


@pytest.mark.parametrize("tracks", [False, True])
@pytest.mark.parametrize("kind", sorted(load.KINDS))
async def test_a_load_counts_what_was_answered(kind: str, tracks: bool, url: str) -> None:
    done = await asyncio.to_thread(load.run, kind, url, 0.01, tracks)
    each = load.BATCH_EVENTS if kind == "limit" else 200 * load.SUBJECTS  # a request, or a pass over all subjects
    assert done.events > 0
    assert done.events % each == 0
    assert done.took_s >= 0.01
    assert done.cpu_s > 0
