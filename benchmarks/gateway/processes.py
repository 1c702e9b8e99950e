"""A server on one core, a load on another, and what they used."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import asyncpg

from benchmarks.http_load import API_KEY_VARIABLE
from benchmarks.measuring import cores, cpu_s, pin, rss_mb
from benchmarks.servers import OwnServers
from deploy.local.host import free_ports
from deploy.local.settings import CHECKOUT
from deploy.provision.roles import OWNER
from deploy.provision.tenants import add_tenant, create_key
from deploy.provision.topics import ensure_topics
from shared.topics import DEFAULT_PARTITIONS, Domain, Topic, events_topic

GATEWAY: Final = "services.gateway"
LIMIT: Final = "benchmarks.gateway.limit"
NULL: Final = "benchmarks.gateway.null"
_READY_TIMEOUT_S: Final = 30.0
_TENANT: Final = "bench"
_DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs."""

    pid: int
    url: str
    api_key: str


@dataclass(frozen=True, slots=True)
class Spent:
    """What one load came to at the server."""

    cpu_ms_request: float
    load: dict[str, Any]
    rss_mb: float


async def prepare(servers: OwnServers, prefix: str, partitions: int = DEFAULT_PARTITIONS) -> str:
    """Make topics under a prefix and a tenant; give its API key."""
    topics = [Topic(events_topic(domain), retention_ms=_DAY_MS) for domain in Domain]
    await ensure_topics(servers.kafka_bootstrap, topics, partitions=partitions, prefix=prefix)
    owner = await asyncpg.connect(servers.postgres_dsn_by_role[OWNER])
    try:
        await add_tenant(owner, _TENANT)
        return await create_key(owner, _TENANT)
    finally:
        await owner.close()


@contextlib.contextmanager
def serving(module: str, servers: OwnServers, prefix: str, api_key: str) -> Iterator[Server]:
    """Run a server on the first core until the context ends."""
    [port] = free_ports(1)
    environment = {
        "TELLTALE_KAFKA_BOOTSTRAP": servers.kafka_bootstrap,
        "TELLTALE_REDIS_URL": servers.redis_url,
        "TELLTALE_POSTGRES_DSN": servers.postgres_dsn_by_role["telltale_gateway"],
        "TELLTALE_TOPIC_PREFIX": prefix,
        "TELLTALE_HTTP_PORT": str(port),
        API_KEY_VARIABLE: api_key,
    }
    process = subprocess.Popen(
        [sys.executable, "-m", module], cwd=CHECKOUT, env=os.environ | environment, stderr=subprocess.DEVNULL
    )
    try:
        url = f"http://127.0.0.1:{port}"
        _await_ready(url, process)
        pin(process.pid, cores()[0])
        yield Server(process.pid, url, api_key)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def spend(server: Server, seconds: float, **options: object) -> Spent:
    """Load a server from the last core; options are those of ``benchmarks.http_load``, ``True`` for a flag.

    Raises
    ------
    RuntimeError
        The load failed, or a request was not accepted: such figures would say nothing.
    """
    arguments = ["--url", server.url, "--seconds", str(seconds)]
    for name, value in options.items():
        arguments += [f"--{name.replace('_', '-')}"] + ([] if value is True else [str(value)])
    before_s = cpu_s(server.pid)
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.http_load", *arguments],
        cwd=CHECKOUT,
        env=os.environ | {API_KEY_VARIABLE: server.api_key},
        stdout=subprocess.PIPE,
        preexec_fn=lambda: os.sched_setaffinity(0, {cores()[-1]}),
        timeout=seconds + 60,
        check=True,
    )
    used_s = cpu_s(server.pid) - before_s
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    if set(told["statuses"]) - {"200", "202"}:
        raise RuntimeError(f"not every request was accepted: {told['statuses']}")
    return Spent(1000 * used_s / max(told["sent"], 1), told, rss_mb(server.pid))


def _await_ready(url: str, process: "subprocess.Popen[bytes]") -> None:
    ends_s = time.monotonic() + _READY_TIMEOUT_S
    while time.monotonic() < ends_s:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}")
        with contextlib.suppress(urllib.error.URLError, OSError), urllib.request.urlopen(f"{url}/readyz") as answer:
            if answer.status == 200:
                return
        time.sleep(0.05)
    raise TimeoutError("the server is not ready")


def prepared(servers: OwnServers, prefix: str, partitions: int = DEFAULT_PARTITIONS) -> str:
    """Do as `prepare`, outside an event loop."""
    return asyncio.run(prepare(servers, prefix, partitions))


def on_one_core(pids: Mapping[str, int]) -> None:
    """Keep servers off the first core, which belongs to what is measured."""
    for pid in pids.values():
        pin(pid, cores()[-1])
