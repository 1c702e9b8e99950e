"""Prometheus for insights' tests."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from deploy.local.host import free_ports
from deploy.local.settings import CHECKOUT
from tests.integration.insights.prometheus_server import JOBS, Binaries, Prometheus, binaries, running


@pytest.fixture(scope="session")
def prometheus_binaries() -> Binaries:
    """Prometheus and promtool."""
    return binaries()


@pytest.fixture(scope="session")
def prometheus(prometheus_binaries: Binaries) -> Iterator[Prometheus]:
    """A server that has scraped every metric of shared.metrics, as all four services, more than once."""
    (port,) = free_ports(1)
    # Its own process: tests that read metrics of this one must not meet these.
    exporter = subprocess.Popen([sys.executable, "-m", "tests.integration.insights.exporter", str(port)], cwd=CHECKOUT)
    try:
        with running(prometheus_binaries, dict.fromkeys(JOBS, port)) as server:
            server.wait_for("up == 1", lambda found: len(found) == 4)
            server.wait_for("rate(telltale_scorer_verdict_seconds_count[5s]) > 0", lambda found: len(found) == 4)
            yield server
    finally:
        exporter.terminate()
        exporter.wait(timeout=10)
