"""The dashboard on the running system: what the services really expose is what its panels ask for."""

import asyncio
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from deploy.grafana.build import DASHBOARD
from tests.e2e.load import Load
from tests.e2e.system import System
from tests.integration.insights.prometheus_server import JOBS, Prometheus, binaries, running

# Panels that are empty as long as nothing goes wrong.
QUIET = {"Dead letters by stage and reason", "Ingest errors by outcome", "KPI errors by outcome", "Redis errors"}
# One panel shows the last full minute: after a start it has something once a minute with traffic has passed.
SHOWN_AFTER_S = 90


@pytest.fixture(scope="module")
def prometheus(system: System) -> Iterator[Prometheus]:
    """Prometheus on the four services of the running system."""
    ports = {job: getattr(system.stack.settings, f"{job}_port") for job in JOBS}
    with running(binaries(), ports) as server:
        yield server


def shown(prometheus: Prometheus, target: dict[str, Any]) -> bool:
    """Whether a target gives series, each with the labels of its legend."""
    found = prometheus.query_range(target["expr"].replace("$__rate_interval", "5s"), seconds=3)
    labels = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
    assert all(labels <= series["metric"].keys() for series in found), target["expr"]
    return bool(found)


@pytest.mark.timeout(SHOWN_AFTER_S + 60)
async def test_every_panel_shows_the_running_system(system: System, prometheus: Prometheus) -> None:
    panels = [panel for panel in json.loads(DASHBOARD.read_text())["panels"] if panel["type"] != "row"]
    waiting = {
        f"{panel['title']} {target['refId']}": target
        for panel in panels
        for target in panel["targets"]
        if "expr" in target and panel["title"] not in QUIET
    }
    assert len(waiting) > 10
    async with Load(system), asyncio.timeout(SHOWN_AFTER_S):
        while waiting:
            for name, target in list(waiting.items()):
                if await asyncio.to_thread(shown, prometheus, target):
                    del waiting[name]
            await asyncio.sleep(0.5)
