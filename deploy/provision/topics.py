"""The topics on the broker, kept as the table in ``shared.topics`` says."""

import asyncio
import logging
from collections.abc import Iterable
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from shared.topics import Topic

_log = logging.getLogger(__name__)
_NO_ERROR: Final = 0
_TOPIC_ALREADY_EXISTS: Final = 36
_VISIBLE_TIMEOUT_S: Final = 15.0


class TopicRefused(Exception):
    """The broker would not make or change a topic. The message says which and why; a person must look."""


async def ensure_topics(
    kafka_bootstrap: str, topics: Iterable[Topic], *, partitions: int, replication: int = 1, prefix: str = ""
) -> None:
    """Create topics that are missing and set drifted configuration right.

    Parameters
    ----------
    kafka_bootstrap
        Broker addresses, ``host:port`` joined by commas.
    topics
        The topics as they must be.
    partitions
        Partition count of new topics. An existing topic is never given fewer; nor more, because
        that would move subjects to other partitions than their state.
    replication
        Replication factor of new topics; more than half of the copies must have a record before it is acknowledged.
    prefix
        Put before every name.

    Raises
    ------
    TopicRefused
        The broker refused, or an existing topic has another partition count.
    """
    wanted = {prefix + topic.name: topic.config(replication) for topic in topics}
    client = AIOKafkaAdminClient(bootstrap_servers=kafka_bootstrap, client_id="telltale-provision")
    await client.start()
    try:
        await _create(client, wanted, partitions, replication)
        await _await_partitions(client, wanted, partitions)
        await _set_configs(client, wanted)
    finally:
        await client.close()


async def _create(
    client: AIOKafkaAdminClient, wanted: dict[str, dict[str, str]], partitions: int, replication: int
) -> None:
    missing = sorted(set(wanted) - set(await client.list_topics()))
    if not missing:
        return
    new = [NewTopic(name, partitions, replication, topic_configs=wanted[name]) for name in missing]
    response = await client.create_topics(new)
    for name, code, *rest in response.topic_errors:
        if code not in (_NO_ERROR, _TOPIC_ALREADY_EXISTS):
            raise TopicRefused(f"topic {name}: error {code} {rest[0] if rest else ''}")
    _log.info("created topics: %s", ", ".join(missing))


async def _await_partitions(client: AIOKafkaAdminClient, wanted: dict[str, dict[str, str]], partitions: int) -> None:
    """Wait until the broker leads every partition; a fresh topic takes a moment to be usable."""
    async with asyncio.timeout(_VISIBLE_TIMEOUT_S):
        while True:
            described = {entry["topic"]: entry for entry in await client.describe_topics(list(wanted))}
            led = {
                name: [p for p in entry["partitions"] if p["leader"] >= 0 and p["error_code"] == _NO_ERROR]
                for name, entry in described.items()
                if entry["error_code"] == _NO_ERROR
            }
            whole = [name for name in led if len(led[name]) == len(described[name]["partitions"]) > 0]
            if len(whole) == len(wanted):
                break
            await asyncio.sleep(0.05)
    for name, found in led.items():
        if len(found) != partitions:
            raise TopicRefused(
                f"topic {name} has {len(found)} partitions, not {partitions}; another count would part subjects from"
                f" their state: set TELLTALE_PARTITIONS={len(found)}"
            )


async def _set_configs(client: AIOKafkaAdminClient, wanted: dict[str, dict[str, str]]) -> None:
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in wanted]
    drifted = []
    for response in await client.describe_configs(resources):
        for _code, message, _type, name, entries in response.resources:
            if _code != _NO_ERROR:
                raise TopicRefused(f"topic {name}: {message}")
            found = {entry[0]: entry[1] for entry in entries}
            if any(found.get(key) != value for key, value in wanted[name].items()):
                drifted.append(name)
    if drifted:
        await client.alter_configs(
            [ConfigResource(ConfigResourceType.TOPIC, name, configs=wanted[name]) for name in drifted]
        )
        _log.info("set configuration of topics: %s", ", ".join(sorted(drifted)))
