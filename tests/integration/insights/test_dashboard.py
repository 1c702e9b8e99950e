"""Every panel's query, run by a real Prometheus and a real PostgreSQL, gives something to show."""

import json
import math
import re
import subprocess
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import asyncpg
import pytest

from deploy.grafana.build import DASHBOARD
from deploy.local.servers_for_tests import Servers
from shared.topics import Domain
from tests.integration.insights.grafana_sql import expand
from tests.integration.insights.prometheus_server import CONFIG, Binaries, Prometheus
from tests.integration.insights.rows import Rows

_PANELS: Final = [panel for panel in json.loads(DASHBOARD.read_text())["panels"] if panel["type"] != "row"]
_TARGETS: Final = {f"{panel['title']} {target['refId']}": target for panel in _PANELS for target in panel["targets"]}
_PROMQL: Final = {name: target for name, target in _TARGETS.items() if "expr" in target}
_SQL: Final = {name: target for name, target in _TARGETS.items() if "rawSql" in target}
_VARIABLES: Final = {variable["name"]: variable for variable in json.loads(DASHBOARD.read_text())["templating"]["list"]}
_TIME: Final = (datetime, int, float, Decimal)


def test_every_target_is_run() -> None:
    assert _PROMQL.keys() | _SQL.keys() == _TARGETS.keys()


@pytest.mark.parametrize("target", _PROMQL.values(), ids=_PROMQL)
def test_a_prometheus_panel_shows_something(prometheus: Prometheus, target: dict[str, Any]) -> None:
    expression = target["expr"].replace("$__rate_interval", "10s")
    assert "$" not in expression
    found = prometheus.query_range(expression, seconds=10)
    assert found
    for series in found:
        assert not math.isnan(float(series["values"][-1][1]))
        # A legend with a label that the query drops would show nothing.
        assert set(re.findall(r"{{(\w+)}}", target["legendFormat"])) <= series["metric"].keys()


@pytest.fixture
async def busy_tenant(servers: Servers) -> str:
    """A tenant with batches, verdicts with reasons, and a dead letter in the last minutes."""
    tenant_id = f"t-{uuid.uuid4().hex[:12]}"
    owner = await asyncpg.connect(servers.postgres_dsn_by_role["telltale_owner"])
    try:
        rows, now = Rows(owner), datetime.now(UTC)
        for minutes, action in ((1, "ALLOW"), (1, "BLOCK"), (2, "CHALLENGE"), (3, "REVIEW")):
            at = now - timedelta(minutes=minutes)
            await rows.batch(tenant_id, Domain.BEHAVIOR, at, events=50)
            await rows.verdict(tenant_id, Domain.BEHAVIOR, at, action=action, risk=0.5, reasons=("FIRST",))
        await rows.dead_letter(tenant_id, now - timedelta(minutes=1))
    finally:
        await owner.close()
    return tenant_id


@pytest.fixture
async def monitor(servers: Servers) -> AsyncIterator[asyncpg.Connection]:
    """PostgreSQL as Grafana sees it."""
    connection = await asyncpg.connect(servers.postgres_dsn_by_role["telltale_monitor"])
    try:
        yield connection
    finally:
        await connection.close()


@pytest.mark.parametrize("everyone", [True, False], ids=["all tenants", "one tenant"])
@pytest.mark.parametrize("target", _SQL.values(), ids=_SQL)
async def test_an_sql_panel_shows_something(
    monitor: asyncpg.Connection, busy_tenant: str, target: dict[str, Any], everyone: bool
) -> None:
    now = datetime.now(UTC)
    chosen = _VARIABLES["tenant"]["allValue"] if everyone else f"'{busy_tenant}'"
    query = expand(
        target["rawSql"], start=now - timedelta(minutes=30), end=now, interval=timedelta(minutes=1), tenant=chosen
    )
    assert "$" not in query
    rows = await monitor.fetch(query)
    assert rows
    last = dict(rows[-1])
    if target["format"] == "time_series":
        assert isinstance(last.pop("time"), _TIME)
        last.pop("metric", None)
        assert last
        assert all(value is None or isinstance(float(value), float) for value in last.values())
    assert any(value is not None for row in rows for value in row.values())


async def test_the_tenant_can_be_chosen(monitor: asyncpg.Connection, busy_tenant: str) -> None:
    found = await monitor.fetch(_VARIABLES["tenant"]["query"])
    assert busy_tenant in {row["tenant_id"] for row in found}


async def test_a_chosen_tenant_is_the_only_one_counted(monitor: asyncpg.Connection, busy_tenant: str) -> None:
    now = datetime.now(UTC)
    query = expand(
        _SQL["Top reasons A"]["rawSql"],
        start=now - timedelta(minutes=30),
        end=now,
        interval=timedelta(minutes=1),
        tenant=f"'{busy_tenant}'",
    )
    assert [tuple(row) for row in await monitor.fetch(query)] == [("FIRST", 4)]


@pytest.mark.parametrize(
    "arguments",
    [("check", "config", "prometheus.yml"), ("check", "rules", "alerts.yml"), ("test", "rules", "alerts_test.yml")],
    ids=" ".join,
)
def test_promtool_agrees(prometheus_binaries: Binaries, arguments: tuple[str, ...]) -> None:
    done = subprocess.run(
        [prometheus_binaries.promtool, *arguments],
        cwd=CONFIG.parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "FAILED" not in done.stdout


def test_prometheus_loads_every_alert(prometheus: Prometheus) -> None:
    groups = prometheus.api.get("/api/v1/rules").json()["data"]["groups"]
    assert sum(len(group["rules"]) for group in groups) == (CONFIG.parent / "alerts.yml").read_text().count("- alert:")
