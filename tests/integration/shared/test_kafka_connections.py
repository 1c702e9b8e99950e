"""A broker's connection breaks at any moment: the client learns it and goes on, on either event loop."""

import asyncio
import os
import socket
from collections.abc import Callable
from typing import Any

import pytest
import uvloop
from aiokafka.client import AIOKafkaClient, ConnectionGroup
from aiokafka.protocol.metadata import MetadataRequest

from deploy.local.servers_for_tests import Servers
from shared.kafka_connections import mend_connections

MOMENTS = 6  # turns of the loop between a connection's break and the next request


async def _break(connection: Any) -> None:
    """Let a write fail, as it does when a broker was killed."""
    descriptor = connection._writer.transport.get_extra_info("socket").fileno()
    with socket.socket(fileno=os.dup(descriptor)) as same:
        same.shutdown(socket.SHUT_WR)
    failing = asyncio.ensure_future(connection.send(MetadataRequest([])))
    failing.add_done_callback(lambda failed: failed.exception())


async def _updates_after_breaks(bootstrap: str) -> int:
    client = AIOKafkaClient(bootstrap_servers=bootstrap)
    await client.bootstrap()
    (node,) = client.cluster.brokers()
    try:
        for turns in range(MOMENTS):
            assert await client.ready(node.nodeId)
            await _break(client._conns[node.nodeId, ConnectionGroup.DEFAULT])
            for _ in range(turns):
                await asyncio.sleep(0)
            async with asyncio.timeout(10):
                while not await client.force_metadata_update():
                    pass
        return MOMENTS
    finally:
        await client.close()


async def _ask_for_what_no_broker_knows(bootstrap: str) -> bool:
    client = AIOKafkaClient(bootstrap_servers=bootstrap)
    await client.bootstrap()
    (node,) = client.cluster.brokers()
    try:
        assert await client.ready(node.nodeId)
        connection = client._conns[node.nodeId, ConnectionGroup.DEFAULT]
        connection._versions = {MetadataRequest.API_KEY: (-2, -1)}
        with pytest.raises(NotImplementedError):  # aiokafka's word for a request that no version of both sides fits
            await connection.send(MetadataRequest([]))
        return bool(connection.connected())
    finally:
        await client.close()


def test_an_error_that_is_not_the_connections_stays_itself_and_closes_nothing(servers: Servers) -> None:
    mend_connections()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(_ask_for_what_no_broker_knows(servers.kafka_bootstrap))


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_a_client_still_updates_its_metadata_after_a_connection_broke(
    servers: Servers, new_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    mend_connections()
    with asyncio.Runner(loop_factory=new_loop) as runner:
        assert runner.run(_updates_after_breaks(servers.kafka_bootstrap)) == MOMENTS
