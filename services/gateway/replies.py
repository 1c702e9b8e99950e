"""Replies over Redis: one pub/sub connection a process, which comes back by itself."""

import asyncio
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, cast
from uuid import UUID

import msgspec
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from services.gateway.waiting import WaitingRoom, Watch
from shared import metrics, redis_keys

_log = logging.getLogger(__name__)
_CONNECT_TIMEOUT_S: Final = 1.0
_COMMAND_TIMEOUT_S: Final = 0.25
_QUIET_S: Final = 2.0  # without a message for so long, ask whether Redis is still there
_BACKOFF_S: Final = (0.1, 0.25, 0.5, 1.0)
_CONNECTIONS: Final = 32
_AWAY: Final = (RedisError, OSError, TimeoutError)


class _Reply(msgspec.Struct, frozen=True):
    batch_id: UUID
    verdict: msgspec.Raw


class _Head(msgspec.Struct, frozen=True):
    tenant_id: str


_reply_of: Final = msgspec.json.Decoder(_Reply).decode
_head_of: Final = msgspec.json.Decoder(_Head).decode


class RedisReplies:
    """Verdicts by Redis. While it is away every answer is empty, at once.

    Parameters
    ----------
    url
        Redis, with its password if any.
    gateway_id
        Names this process's reply channel.
    max_waiting
        Most batches waited for at once.
    """

    def __init__(self, url: str, gateway_id: str, max_waiting: int) -> None:
        self._channel = redis_keys.reply_channel(gateway_id)
        self._room = WaitingRoom(max_waiting)
        self._listening = False
        self._listener: asyncio.Task[None] | None = None
        once = Retry(NoBackoff(), 0)
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=_CONNECTIONS,
            timeout=_COMMAND_TIMEOUT_S,
            socket_timeout=_COMMAND_TIMEOUT_S,
            socket_connect_timeout=_CONNECT_TIMEOUT_S,
            retry=once,
        )
        self._redis = Redis.from_pool(pool)

    @property
    def channel(self) -> str | None:
        """Name of the channel we listen on, or None while nobody would hear a reply."""
        return self._channel if self._listening else None

    @property
    def ready(self) -> bool:
        """Whether replies can be heard."""
        return self._listening

    async def answered(self, tenant_id: str, batch_ids: Sequence[UUID]) -> Mapping[UUID, bytes]:
        """Give the verdicts (JSON) of batches whose callers were waiting lately."""
        if not self._listening:
            return {}
        try:
            found = await self._redis.mget([redis_keys.batch_verdict(tenant_id, batch_id) for batch_id in batch_ids])
        except _AWAY as error:
            _passed_over("mget", error)
            return {}
        verdicts = cast("list[bytes | None]", found)
        return {batch_id: verdict for batch_id, verdict in zip(batch_ids, verdicts, strict=True) if verdict is not None}

    async def latest(self, tenant_id: str, subject_type: str, subject_id: str) -> bytes | None:
        """Give a subject's latest verdict (JSON)."""
        if not self._listening:
            return None
        try:
            verdict = await self._redis.get(redis_keys.latest_verdict(tenant_id, subject_type, subject_id))
        except _AWAY as error:
            _passed_over("get", error)
            return None
        return cast("bytes | None", verdict)

    @contextmanager
    def expect(self, tenant_id: str, batch_ids: Sequence[UUID]) -> Iterator[Watch]:
        """Listen for verdicts while the context is open; open it before the batches leave."""
        with self._room.expect(tenant_id, batch_ids) as watch:
            yield watch

    async def start(self) -> None:
        """Begin listening; returns at once, whether or not Redis is there."""
        self._listener = asyncio.create_task(self._keep_listening(), name="redis-replies")

    async def stop(self) -> None:
        """Close."""
        if self._listener is not None:
            self._listener.cancel()
            await asyncio.wait([self._listener])
        await self._redis.aclose()
        await self._redis.connection_pool.disconnect()

    async def _keep_listening(self) -> None:
        attempt = 0
        while True:
            try:
                await self._listen()
            except Exception as error:  # whatever it is, only trying again can end it
                if self._listening:
                    attempt = 0
                if attempt == 0:
                    _log.warning("Redis is away, nobody can wait for a verdict: %r", error)
                metrics.REDIS_ERRORS.labels("subscribe").inc()
            finally:
                self._listening = False
                self._room.give_up()
            await asyncio.sleep(_BACKOFF_S[min(attempt, len(_BACKOFF_S) - 1)])
            attempt += 1

    async def _listen(self) -> None:
        async with self._redis.pubsub() as pubsub:
            await pubsub.subscribe(self._channel)
            if await pubsub.get_message(timeout=_CONNECT_TIMEOUT_S) is None:
                raise TimeoutError("no confirmation of the subscription")
            self._listening = True
            _log.info("listening for verdicts")
            asked = False
            while True:
                message = await pubsub.get_message(timeout=_QUIET_S)
                if message is not None:
                    asked = False
                    self._hear(message)
                elif asked:
                    raise TimeoutError("no answer to a ping")
                else:
                    await pubsub.ping()
                    asked = True

    def _hear(self, message: Mapping[str, Any]) -> None:
        if message["type"] != "message":
            return
        try:
            reply = _reply_of(message["data"])
            tenant_id = _head_of(reply.verdict).tenant_id
        except msgspec.DecodeError as error:
            _passed_over("reply", error)
            return
        self._room.answer((tenant_id, reply.batch_id), bytes(reply.verdict))


def _passed_over(operation: str, error: Exception) -> None:
    metrics.REDIS_ERRORS.labels(operation).inc()
    _log.debug("Redis passed over: %s %r", operation, error)
