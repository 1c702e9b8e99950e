"""Growth of the gateway: CPU of a request from 1 to 64 partitions and from 32 to 10,000 connections."""

from typing import Any, Final

from benchmarks.gateway.processes import GATEWAY, on_one_core, prepared, serving, spend
from benchmarks.measuring import Report, medians
from benchmarks.servers import own_servers
from shared.topics import DEFAULT_PARTITIONS

_ROUNDS: Final = 3
_PARTITIONS: Final = (1, DEFAULT_PARTITIONS, 64)
_CONNECTIONS: Final = {32: 3.0, 1_000: 4.0, 10_000: 12.0}  # seconds: opening a connection costs as much as a request
_USUAL: Final = 32


def measure(report: Report) -> dict[str, Any]:
    """Measure CPU milliseconds a request, 50 objects each, with ever more partitions and ever more connections."""
    figures: dict[str, float] = {}
    with own_servers("growth-gateway") as servers:
        on_one_core({"kafka": servers.kafka_pid})
        for partitions in _PARTITIONS:
            prefix = f"growth-gateway-{partitions}."
            api_key = prepared(servers, prefix, partitions)
            with serving(GATEWAY, servers, prefix, api_key) as server:
                spend(server, 1.0, connections=_USUAL)
                rounds = [{"ms": spend(server, 3.0, connections=_USUAL).cpu_ms_request} for _ in range(_ROUNDS)]
                figures[f"gateway_ms_request_at_{partitions}_partitions"] = medians(rounds)["ms"]
                report(f"{partitions} partitions: {medians(rounds)['ms']:.3f} ms a request")
                if partitions != DEFAULT_PARTITIONS:
                    continue
                for connections, seconds in _CONNECTIONS.items():
                    spent = spend(server, seconds, connections=connections)
                    figures[f"gateway_ms_request_at_{connections}_connections"] = spent.cpu_ms_request
                    figures[f"gateway_rss_mb_at_{connections}_connections"] = spent.rss_mb
                    report(f"{connections} connections: {spent.cpu_ms_request:.3f} ms, {spent.rss_mb:.0f} MB")
    return {name: round(value, 4) for name, value in figures.items()}
