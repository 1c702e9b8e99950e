"""The doctor names the stage that is broken, whichever part stops, and tells a stopped process from a dead one."""

import json
import os
import signal
import subprocess
import sys
import time
from typing import Any, Final

import pytest

from deploy.local.settings import CHECKOUT
from tests.e2e.system import System

pytestmark = pytest.mark.timeout(240)

LONGEST_S: Final = 15.0
# A service that its supervisor is told to stop stays down; its own stage is the first that cannot be.
PARTS: Final = ("gateway", "scorer", "persister", "insights", "kafka", "postgres", "redis")
# Stopped by a signal: the port still lets us in, and nobody answers.
SILENT: Final = ("scorer", "postgres")


def diagnose(system: System) -> dict[str, Any]:
    """Run the command as an operator does."""
    started_s = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "deploy.operate", "doctor"],
        cwd=CHECKOUT, env=os.environ | system.environment, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    took_s = time.monotonic() - started_s
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert (done.returncode == 0) == told["healthy"], done.stdout + done.stderr
    assert took_s < LONGEST_S + 5, done.stdout  # 5 s for Python to start on a busy machine
    for secret in system.stack.credentials.values.values():
        assert secret not in done.stdout + done.stderr
    return told


def states(told: dict[str, Any]) -> dict[str, str]:
    return {stage["name"]: stage["state"] for stage in told["stages"]}


def test_a_running_system_is_healthy(system: System) -> None:
    told = diagnose(system)
    assert told["healthy"], told
    assert (told["broken_stage"], told["next_command"]) == (None, None)
    assert set(states(told).values()) <= {"ok", "slow"}


@pytest.mark.parametrize("name", PARTS)
async def test_a_part_that_does_not_run_is_named(system: System, name: str) -> None:
    await system.stop(name)
    try:
        told = diagnose(system)
    finally:
        await system.start(name)
        await system.until_all_ready()  # those that need it may be waiting to try again
    assert told["broken_stage"] == name, told
    assert "refuses connections" in told["evidence"]["answered"]
    assert "does not run" in told["evidence"]["answered"]
    assert told["next_command"] == f"make restart SERVICE={name}"
    if name == "redis":  # without it, events still go the whole path
        assert [stage for stage, state in states(told).items() if state == "broken"] == ["redis"]
        assert states(told)["answer"] == "skipped"
        assert {states(told)[stage] for stage in ("accept", "verdict", "row", "kpis")} <= {"ok", "slow"}


@pytest.mark.parametrize("name", SILENT)
async def test_a_part_stopped_by_a_signal_is_told_apart(system: System, name: str) -> None:
    pid = (await system.status(name)).pid
    os.kill(pid, signal.SIGSTOP)
    try:
        told = diagnose(system)
    finally:
        os.kill(pid, signal.SIGCONT)
    await system.until_all_ready()
    assert told["broken_stage"] == name, told
    assert "no answer in" in told["evidence"]["answered"]
    assert "accepts connections" in told["evidence"]["answered"]
    assert told["next_command"] == f"kill -CONT {pid}"


async def test_the_system_is_healthy_again_and_the_probe_counts_for_no_other_tenant(system: System) -> None:
    await system.until_all_ready()
    count = "SELECT count(*) AS batches FROM batches WHERE tenant_id <> 'doctor'"
    before = await system.rows(count)
    assert diagnose(system)["healthy"]
    assert await system.rows(count) == before
