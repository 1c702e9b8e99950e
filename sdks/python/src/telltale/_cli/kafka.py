"""Records of a topic, for who may reach Kafka (the extra ``telltale[kafka]``)."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

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


async def arriving(bootstrap: str, topic: str, on_ready: Callable[[], None]) -> AsyncIterator[bytes]:
    """Give the records that are written from now on, for ever; `on_ready` is called once none can be missed."""
    async with _consumer(bootstrap, topic) as consumer:
        await consumer.seek_to_end()
        on_ready()
        async for record in consumer:
            if record.value is not None:
                yield record.value


async def newest(bootstrap: str, topic: str, count: int) -> AsyncIterator[bytes]:
    """Give the newest records of each partition, up to so many, and end."""
    async with _consumer(bootstrap, topic) as consumer:
        partitions = consumer.assignment()
        begins, ends = await consumer.beginning_offsets(partitions), await consumer.end_offsets(partitions)
        for partition in partitions:
            consumer.seek(partition, max(begins[partition], ends[partition] - count))
        todo = {partition for partition in partitions if begins[partition] < ends[partition]}
        while todo:
            for records in (await consumer.getmany(*todo, timeout_ms=_QUIET_MS)).values():
                for record in records:
                    if record.value is not None:
                        yield record.value
            todo = {one for one in todo if await consumer.position(one) < ends[one]}


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
        await consumer.start()
        yield consumer
    except UnknownTopicOrPartitionError:
        raise Failed(f"Kafka at {bootstrap} has no topic {topic}: is --topic-prefix right?") from None
    except (KafkaError, OSError) as error:
        raise Failed(f"Kafka at {bootstrap} gives no good answer ({error}): does it run?", UNAVAILABLE) from None
    finally:
        await consumer.stop()
