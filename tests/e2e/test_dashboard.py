"""The dashboard on the running system: what the services really expose is what its panels ask for."""

import asyncio
import json
import re
from collections.abc import Iterator

import pytest

from deploy.grafana.build import DASHBOARD
from tests.e2e.load import Load
from tests.e2e.system import System
from tests.integration.insights.prometheus_server import JOBS, Prometheus, binaries, running

# Panels that are empty as long as nothing goes wrong.
QUIET = {"Dead letters by stage and reason", "Ingest errors by outcome", "KPI errors by outcome", "Redis errors"}


@pytest.fixture(scope="module")
def prometheus(system: System) -> Iterator[Prometheus]:
    """Prometheus on the four services of the running system."""
    ports = {job: getattr(system.stack.settings, f"{job}_port") for job in JOBS}
    with running(binaries(), ports) as server:
        yield server


async def test_every_panel_shows_the_running_system(system: System, prometheus: Prometheus) -> None:
    panels = [panel for panel in json.loads(DASHBOARD.read_text())["panels"] if panel["type"] != "row"]
    async with Load(system) as load:
        await asyncio.to_thread(prometheus.wait_for, "up == 1", lambda found: len(found) == len(JOBS))
        for _ in range(4):
            await load.until_acknowledged(60)
        empty = set()
        for panel in panels:
            for target in panel["targets"]:
                if "expr" not in target:
                    continue
                found = prometheus.query_range(target["expr"].replace("$__rate_interval", "5s"), seconds=3)
                labels = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
                if not found:
                    empty.add(panel["title"])
                assert all(labels <= series["metric"].keys() for series in found), panel["title"]
    assert empty <= QUIET
