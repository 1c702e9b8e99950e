"""The broker goes away and comes back: the scorer waits or is started again, and nothing is lost or told twice."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deploy.local import jars, kafka, parts, probes
from deploy.local.host import free_ports
from deploy.local.servers_for_tests import Servers
from deploy.local.settings import StackSettings
from deploy.provision.topics import ensure_topics
from shared.topics import TOPICS, VERDICTS
from tests.integration.scorer.harness import doubled, field_of, supervised, until
from tests.unit.scorer.stream.inputs import behavior

BATCHES = 12_000
STALL_S = 25  # more than the group needs to come together again


class Broker:
    """A broker of this test's own, so that it can be killed."""

    def __init__(self, place: Path) -> None:
        broker, controller = free_ports(2)
        self.settings = StackSettings(home=place, kafka_port=broker, kafka_controller_port=controller)
        self._kafka = parts.kafka_of(self.settings)
        jars.ensure_jars(parts.jar_cache(self.settings), jars.parse_lock(jars.LOCK_FILE.read_text()))
        kafka.prepare(self._kafka, self.settings)
        self._popen: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Start it and wait until it answers."""
        self._launch()
        await until(self._answers, 60.0)

    def _launch(self) -> None:
        self._popen = subprocess.Popen(self._kafka.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    async def _answers(self) -> bool:
        try:
            await probes.kafka_ready(self.settings.kafka_bootstrap)
        except Exception:
            return False
        return True

    def kill(self) -> None:
        """End it the hard way."""
        if self._popen is not None:
            self._popen.kill()
            self._popen.wait()


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Broker]:
    made = Broker(tmp_path / "home")
    try:
        await made.start()
        yield made
    finally:
        made.kill()


@pytest.mark.chaos
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("patience_s", "restarted"), [(90, False), (2, True)], ids=["waits", "is started again"])
async def test_a_broker_outage_under_load_loses_and_doubles_nothing(
    broker: Broker, servers: Servers, tmp_path: Path, patience_s: int, restarted: bool
) -> None:
    """A patient scorer outlives an outage that is longer than what the watchdog calls a stall."""
    bootstrap = broker.settings.kafka_bootstrap
    await ensure_topics(bootstrap, TOPICS, partitions=4)
    async with field_of(Servers(bootstrap, {}, servers.redis_url), "", tmp_path) as field:
        await field.produce(behavior(number, f"s{number % 97}") for number in range(BATCHES))
        limits = {
            "TELLTALE_PUBLISH_TIMEOUT_S": str(patience_s),
            "TELLTALE_STALL_TIMEOUT_S": str(STALL_S),
            "TEST_JUDGE": "slow",
        }
        async with supervised(field, 1, **limits):
            await until(lambda: field.has(VERDICTS, BATCHES // 10), 30.0)
            broker.kill()
            await asyncio.sleep(4 if restarted else STALL_S + 4)  # the outage itself
            await broker.start()
            await until(lambda: field.has(VERDICTS, BATCHES), 150.0)
            await until(field.all_committed, 60.0)
        assert (len(field.processes) > 1) == restarted
        verdicts = await field.verdicts()
        assert len(verdicts) == BATCHES and doubled(verdicts) == 0
        assert await field.states() == await field.replayed_states()
