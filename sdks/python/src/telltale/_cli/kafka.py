"""Records of a topic, for who may reach Kafka (the extra ``telltale[kafka]``)."""

import logging
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

import click

from telltale._cli.common import UNAVAILABLE, Failed

kafka_option: Final = click.option(
    "--kafka", envvar="TELLTALE_KAFKA_BOOTSTRAP", show_envvar=True, help="Kafka's address, host:port."
)
prefix_option: Final = click.option(
    "--topic-prefix",
    envvar="TELLTALE_TOPIC_PREFIX",
    default="",
    show_envvar=True,
    help="What topics' names begin with.",
)
_QUIET_MS: Final = 500
_Thing = TypeVar("_Thing")


async def arriving(bootstrap: str, topic: str, on_ready: Callable[[], None]) -> AsyncIterator[bytes]:
    """Give the records that are written from now on, for ever; `on_ready` is called once none can be missed."""
    async with _consumer(bootstrap, topic) as consumer:
        await consumer.seek_to_end()
        on_ready()
        async for record in consumer:
            if record.value is not None:
                yield record.value


async def newest(
    bootstrap: str, topic: str, count: int, read: Callable[[bytes], tuple[Hashable, _Thing] | None]
) -> list[_Thing]:
    """Give the newest things of each partition, up to so many of different names, in no order.

    `read` gives a record's name and what it says, or None for what does not count.
    """
    found: dict[Hashable, _Thing] = {}
    async with _consumer(bootstrap, topic) as consumer:
        partitions = consumer.assignment()
        begins, ends = await consumer.beginning_offsets(partitions), await consumer.end_offsets(partitions)
        for partition in partitions:
            begin, end, here = begins[partition], ends[partition], set[Hashable]()
            reach = count
            # What is written twice or unreadable does not count: look further back, twice as far each time.
            while begin < end and len(here) < count:
                start = max(begin, end - reach)
                async for value in _between(consumer, partition, start, end):
                    if (thing := read(value)) is not None:
                        here.add(thing[0])
                        found[thing[0]] = thing[1]
                end, reach = start, reach * 2
    return list(found.values())


async def _between(consumer: Any, partition: Any, start: int, end: int) -> AsyncIterator[bytes]:
    """Give the records of a partition from one offset to before another."""
    consumer.seek(partition, start)
    while await consumer.position(partition) < end:
        for record in (await consumer.getmany(partition, timeout_ms=_QUIET_MS)).get(partition, []):
            if record.offset < end and record.value is not None:
                yield record.value


@asynccontextmanager
async def _consumer(bootstrap: str, topic: str) -> AsyncIterator[Any]:
    """Read all partitions of a topic, in no group, and turn what can go wrong into what a person can do about it."""
    try:
        from aiokafka import AIOKafkaConsumer
        from aiokafka.errors import KafkaError, UnknownTopicOrPartitionError
    except ImportError:
        raise click.UsageError("this needs aiokafka: pip install 'telltale[kafka]'") from None
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # a broker that is away is an answer here, not news
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, enable_auto_commit=False)
    try:
        if topic not in await _topics(bootstrap):  # a consumer would wait 40 s for it to appear
            raise UnknownTopicOrPartitionError
        await consumer.start()
        yield consumer
    except UnknownTopicOrPartitionError:
        raise Failed(f"Kafka at {bootstrap} has no topic {topic}: is --topic-prefix right?") from None
    except (KafkaError, OSError) as error:
        raise Failed(f"Kafka at {bootstrap} gives no good answer ({error}): does it run?", UNAVAILABLE) from None
    finally:
        await consumer.stop()


async def _topics(bootstrap: str) -> list[str]:
    from aiokafka.admin import AIOKafkaAdminClient

    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        await admin.start()
        return list(await admin.list_topics())
    finally:
        await admin.close()
