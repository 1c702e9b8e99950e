"""Each kind of load in turn, over rounds."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, Final

from benchmarks.measuring import Report, cores, medians
from deploy.local.settings import CHECKOUT

_ROUNDS: Final = 5
_ROUND_S: Final = 1.5
_WARM_S: Final = 0.2
# By figure: the load and its flags.
_LOADS: Final = {
    "events_s": ("async",),
    "events_s_sync": ("sync",),
    "limit_events_s": ("limit",),
    "events_s_tracks": ("async", "--tracks"),
    "limit_events_s_tracks": ("limit", "--tracks"),
}


def measure(report: Report) -> dict[str, Any]:
    """Measure events a second that are answered, the client on one core and the server on another.

    ``events_s`` counts single events given to `Subject.add`; ``events_s_sync`` the same through `telltale.Client`;
    ``events_s_tracks`` samples given to `Subject.add_track`. The limits post ready-made, compressed bodies, as full as
    the client's, with plain httpx.
    """
    with null_server() as url:
        for load in _LOADS.values():
            _run(url, load, _WARM_S)
        rounds = []
        for number in range(_ROUNDS):
            rounds.append(_round(url))
            told = ", ".join(f"{name} {rounds[-1][name]:,.0f}" for name in _LOADS)
            report(f"round {number + 1} of {_ROUNDS}: {told}")
    return {name: round(value, 2) for name, value in medians(rounds).items()}


def _round(url: str) -> dict[str, float]:
    figures: dict[str, float] = {}
    for name, load in _LOADS.items():
        done = _run(url, load, _ROUND_S)
        figures[name] = done["events"] / done["took_s"]
        figures[f"{name}_us".replace("events_s", "cpu_event")] = 1e6 * done["cpu_s"] / done["events"]
    return figures


def _run(url: str, load: tuple[str, ...], seconds: float) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.sdk.load", *load, "--url", url, "--seconds", str(seconds)],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        preexec_fn=lambda: os.sched_setaffinity(0, {cores()[-1]}),
        timeout=seconds + 60,
        check=True,
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


@contextlib.contextmanager
def null_server() -> Iterator[str]:
    """Run the server on the first core; give its address."""
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.sdk.null"],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        preexec_fn=lambda: os.sched_setaffinity(0, {cores()[0]}),
    ) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.terminate()
