"""Ours beside the limit, alternately."""

from collections.abc import Mapping
from typing import Any, Final

from benchmarks.gateway.processes import GATEWAY, LIMIT, NULL, Server, on_one_core, prepared, serving, spend
from benchmarks.measuring import Report, medians
from benchmarks.servers import own_servers

_ROUNDS: Final = 3
_ROUND_S: Final = 4.0
_WARM_S: Final = 1.5
_CONNECTIONS: Final = 32
_TRACK_SAMPLES: Final = 500
_LONE_RATE: Final = 100.0
_PREFIX: Final = "bench-gateway."


def measure(report: Report) -> dict[str, Any]:
    """Measure CPU of a request and requests a second, of the gateway and of the raw limit, in one run."""
    with own_servers("gateway") as servers:
        on_one_core({"kafka": servers.kafka_pid})
        api_key = prepared(servers, _PREFIX)
        with (
            serving(GATEWAY, servers, _PREFIX, api_key) as ours,
            serving(LIMIT, servers, _PREFIX, api_key) as limit,
            serving(NULL, servers, _PREFIX, api_key) as null,
        ):
            every = {"gateway": ours, "gateway_limit": limit, "gateway_null": null}
            for server in every.values():
                spend(server, _WARM_S, connections=_CONNECTIONS)
            rounds = []
            for number in range(_ROUNDS):
                rounds.append(_round(every))
                report(f"round {number + 1} of {_ROUNDS}: " + _told(rounds[-1]))
    return {name: round(value, 4) for name, value in _summed(medians(rounds)).items()}


def _round(every: Mapping[str, Server]) -> dict[str, float]:
    figures: dict[str, float] = {}
    for name, server in every.items():
        spent = spend(server, _ROUND_S, connections=_CONNECTIONS)
        figures |= {
            f"{name}_ms_request": spent.cpu_ms_request,
            f"{name}_wall_requests_s": spent.load["requests_s"],
            f"{name}_p50_ms": spent.load["p50_ms"],
            f"{name}_p99_ms": spent.load["p99_ms"],
        }
    for name in ("gateway", "gateway_limit"):
        track = spend(every[name], _ROUND_S / 2, connections=_CONNECTIONS, body="track", samples=_TRACK_SAMPLES)
        figures[f"{name}_us_sample"] = 1000 * track.cpu_ms_request / _TRACK_SAMPLES
        lone = spend(every[name], _ROUND_S / 2, connections=4, rate=_LONE_RATE)
        figures[f"{name}_lone_ms_request"] = lone.cpu_ms_request
        figures[f"{name}_lone_p50_ms"] = lone.load["p50_ms"]
    figures["gateway_rss_mb"] = spend(every["gateway"], 0.1).rss_mb
    return figures


def _summed(found: dict[str, float]) -> dict[str, float]:
    return found | {
        "gateway_requests_s_core": 1000 / found["gateway_ms_request"],
        "gateway_limit_requests_s_core": 1000 / found["gateway_limit_ms_request"],
        "gateway_ratio": found["gateway_limit_ms_request"] / found["gateway_ms_request"],
    }


def _told(figures: Mapping[str, float]) -> str:
    return ", ".join(
        f"{name} {figures[f'{name}_ms_request']:.3f} ms" for name in ("gateway", "gateway_limit", "gateway_null")
    )
