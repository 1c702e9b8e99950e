"""Questions along the path of the probe: gateway, Kafka, scorer, verdict, persister, rows, insights."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

from deploy.operate.doctor.examine import Broken
from deploy.operate.doctor.servers import rows_of
from deploy.operate.doctor.walk import EVENTS, TENANT, Walk, answer_of, attempts, probe_batch
from shared.cloudevents import read_batch_headers
from shared.contracts.verdict import verdict_id
from shared.topics import VERDICTS

_LAG: Final = "telltale_consumer_lag_records"
_UNACCOUNTED: Final = "telltale_delivery_unaccounted_records"
_WAIT_MS: Final = 1500
# Less than the stages' own limits, so that the last answer is told.
_PATIENCE_S: Final = 3.5
_KPI_PATIENCE_S: Final = 1.5

Ask = Callable[[Walk], Awaitable[str]]

_ROWS: Final = """
SELECT (SELECT count(*) FROM batches WHERE batch_id = $1) AS batches,
       (SELECT count(*) FROM verdicts WHERE batch_id = $1) AS verdicts,
       (SELECT max(reason) FROM dead_letters WHERE batch_id = $1) AS dead_letter
"""
_COUNTS: Final = """
SELECT (SELECT count(*) FROM batches WHERE tenant_id = $1 AND received_at >= $2 AND received_at < $3) AS batches,
       (SELECT count(*) FROM verdicts WHERE tenant_id = $1 AND received_at >= $2 AND received_at < $3) AS verdicts
"""


def ready(name: str, lag_of: str = "") -> Ask:
    """Make the question whether a service lives and can do its job, and how far behind its consumer group is."""

    async def ask(walk: Walk) -> str:
        url = walk.service_url(name)
        answer_of(await walk.get(f"{url}/healthz"))
        answer = answer_of(await walk.get(f"{url}/readyz"))
        away = [need for need, there in answer.get("optional", {}).items() if not there]
        told = "ready" + (f", without {', '.join(away)}" if away else "")
        return f"{told}, {await _sum_of(walk, name, _LAG):.0f} records behind" if lag_of else told

    return ask


async def accept(walk: Walk) -> str:
    """Send the probe batch."""
    [receipt] = answer_of(await walk.post(walk.batch), 202)["receipts"]
    return f"202, batch {receipt['batch_id']} is {receipt['status']}"


async def recorded(walk: Walk) -> str:
    """Read the probe's record from the events topic."""
    found = await walk.await_record(EVENTS, walk.batch_id)
    walk.received_at = read_batch_headers(found.headers).received_at
    return f"{EVENTS}, partition {found.partition}, offset {found.offset}"


async def verdict(walk: Walk) -> str:
    """Read the probe's verdict from the verdict topic."""
    found = await walk.await_record(VERDICTS, verdict_id(TENANT, walk.batch_id))
    return f"{VERDICTS}, partition {found.partition}, offset {found.offset}"


async def answer(walk: Walk) -> str:
    """Send another batch and wait for its verdict in the answer."""
    response = await walk.post(probe_batch(), wait_ms=str(_WAIT_MS))
    if response.status_code == 202:
        raise Broken(f"202 instead of a verdict after {_WAIT_MS} ms")
    [receipt] = answer_of(response)["receipts"]
    return f"200 with verdict {receipt['verdict']['action']}"


async def row(walk: Walk) -> str:
    """Wait for the probe's rows."""
    async for _ in attempts(_PATIENCE_S):
        [found] = await rows_of(walk, _ROWS, walk.batch_id)
        if found["batches"] == 1 and found["verdicts"] == 1:
            return "one row in batches, one in verdicts"
        if found["dead_letter"]:
            raise Broken(f"a dead letter: {found['dead_letter']}", "make dead-letters")
    raise Broken(f"{found['batches']} rows in batches and {found['verdicts']} in verdicts after {_PATIENCE_S:.0f} s")


async def receipt(walk: Walk) -> str:
    """Ask the gateway what became of the probe."""
    found = answer_of(await walk.get(f"{walk.addresses.gateway_url}/v1/batches/{walk.batch_id}"))
    if not (found["persisted"] and found["scored"]):
        raise Broken(f"the rows are there, and the receipt says {found['status']}")
    return f"{found['status']} and scored"


async def kpis(walk: Walk) -> str:
    """Compare the KPIs of the probe's minute with the rows of that minute, until they agree."""
    assert walk.received_at is not None
    start = walk.received_at.replace(second=0, microsecond=0)
    end = start + timedelta(minutes=1)
    window = {"from": start.isoformat().replace("+00:00", "Z"), "to": end.isoformat().replace("+00:00", "Z")}
    async for _ in attempts(_KPI_PATIENCE_S):
        found = answer_of(await walk.get(f"{walk.addresses.insights_url}/v1/kpis", **window))["totals"]
        [counted] = await rows_of(walk, _COUNTS, TENANT, start, end)
        if (found["batches"], found["verdicts"]) == tuple(counted):
            return f"{found['batches']} batches and {found['verdicts']} verdicts in its minute, as in the rows"
    raise Broken(f"KPIs say {found['batches']} batches and {found['verdicts']} verdicts, the rows {tuple(counted)}")


async def books(walk: Walk) -> str:
    """Read the continuous account."""
    if unaccounted := await _sum_of(walk, "insights", _UNACCOUNTED):
        raise Broken(f"{unaccounted:.0f} records have no outcome")
    return "0 records without an outcome"


async def _sum_of(walk: Walk, service: str, metric: str) -> float:
    exposed = (await walk.get(f"{walk.service_url(service)}/metrics")).text
    return sum(
        sample.value
        for family in text_string_to_metric_families(exposed)
        for sample in family.samples
        if sample.name == metric
    )
