"""Verdicts for those who cannot read Kafka: the latest of each subject, and replies to callers that wait."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from redis.asyncio import Redis
from redis.exceptions import RedisError

from services.scorer.stream.ports import Announcement
from shared import metrics
from shared.redis_keys import BATCH_VERDICT_TTL_S, LATEST_VERDICT_TTL_S, batch_verdict, latest_verdict

_log = logging.getLogger(__name__)
TIMEOUT_S: Final = 0.25
PAUSE_S: Final = 1.0
MAX_WAITING: Final = 10_000
_KEEP: Final = "for i, key in ipairs(KEYS) do redis.call('SET', key, ARGV[i + 1], 'EX', ARGV[1]) end"


class _Commands(Protocol):
    """Where one round of announcements goes."""

    def keep(self, values: dict[str, bytes], ttl_s: int) -> None:
        """Keep values for some seconds."""

    def tell(self, channel: str, message: bytes) -> None:
        """Tell everyone who listens."""


def reply(announcement: Announcement) -> bytes:
    """Write what a waiting gateway hears."""
    return b'{"batch_id":"%s","verdict":%s}' % (str(announcement.verdict.batch_id).encode(), announcement.body)


def _latest_key(announcement: Announcement) -> str:
    verdict = announcement.verdict
    return latest_verdict(verdict.tenant_id, verdict.subject.type, verdict.subject.id)


def _batch_key(announcement: Announcement) -> str:
    return batch_verdict(announcement.verdict.tenant_id, announcement.verdict.batch_id)


def _tell(commands: _Commands, replies: Sequence[Announcement], latest: dict[str, bytes]) -> None:
    """Queue one round. Replies are kept before they are told: a caller that comes back late finds them."""
    commands.keep({_batch_key(announcement): announcement.body for announcement in replies}, BATCH_VERDICT_TTL_S)
    for announcement in replies:
        commands.tell(announcement.reply_to or "", reply(announcement))
    commands.keep(latest, LATEST_VERDICT_TTL_S)


class _RedisCommands:
    """One round as a Redis pipeline."""

    def __init__(self, redis: Redis) -> None:
        self._pipeline = redis.pipeline(transaction=False)
        self.execute = self._pipeline.execute

    def keep(self, values: dict[str, bytes], ttl_s: int) -> None:
        if values:
            # One command for all: a SET each, with its answer, costs the scorer ten times as much.
            self._pipeline.eval(_KEEP, len(values), *values, ttl_s, *values.values())

    def tell(self, channel: str, message: bytes) -> None:
        self._pipeline.publish(channel, message)


class RedisAnnouncer:
    """One pipeline in flight; what arrives meanwhile forms the next, so a subject's newest verdict is written last.

    After an error it makes no attempt for a second: a dead Redis costs nothing.

    Parameters
    ----------
    redis
        Client with short timeouts, see `connect`.
    """

    def __init__(self, redis: Redis, clock: Callable[[], float] = time.monotonic) -> None:
        self._redis = redis
        self._clock = clock
        self._replies: list[Announcement] = []
        self._latest: dict[str, bytes] = {}
        self._task: asyncio.Task[None] | None = None
        self._paused_until_s = 0.0

    @classmethod
    def connect(cls, url: str) -> "RedisAnnouncer":
        """Make one from a Redis address; connects when first needed."""
        client = Redis.from_url(url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S)
        return cls(client)

    def announce(self, announcements: Sequence[Announcement]) -> None:
        """See `Announcer`."""
        if not announcements:
            return
        if self._clock() < self._paused_until_s:
            metrics.REDIS_ERRORS.labels("passed_over").inc(len(announcements))
            return
        for announcement in announcements:
            if len(self._replies) + len(self._latest) >= MAX_WAITING:
                metrics.REDIS_ERRORS.labels("passed_over").inc()
                continue
            if announcement.reply_to is not None:
                self._replies.append(announcement)
            if announcement.latest:
                self._latest[_latest_key(announcement)] = announcement.body
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._tell_all(), name="announcer")

    async def settle(self) -> None:
        """See `Announcer`."""
        if self._task is not None:
            await self._task

    async def close(self) -> None:
        """See `Announcer`."""
        await self.settle()
        await self._redis.aclose()

    async def _tell_all(self) -> None:
        while self._replies or self._latest:
            replies, self._replies = self._replies, []
            latest, self._latest = self._latest, {}
            try:
                async with asyncio.timeout(2 * TIMEOUT_S):
                    commands = _RedisCommands(self._redis)
                    _tell(commands, replies, latest)
                    await commands.execute()
            except (RedisError, OSError, TimeoutError) as error:
                self._paused_until_s = self._clock() + PAUSE_S
                self._replies.clear()
                self._latest.clear()
                metrics.REDIS_ERRORS.labels("announce").inc()
                _log.warning("Redis does not take verdicts, passing over: %s", type(error).__name__)


class MemoryAnnouncer:
    """Keeps what it is told, for tests and for offline use."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}
        self.published: list[tuple[str, bytes]] = []

    def keep(self, values: dict[str, bytes], ttl_s: int) -> None:
        """Keep values."""
        self.values |= values

    def tell(self, channel: str, message: bytes) -> None:
        """Keep a message."""
        self.published.append((channel, message))

    def announce(self, announcements: Sequence[Announcement]) -> None:
        """See `Announcer`."""
        replies = [announcement for announcement in announcements if announcement.reply_to is not None]
        latest = {_latest_key(announcement): announcement.body for announcement in announcements if announcement.latest}
        _tell(self, replies, latest)

    async def settle(self) -> None:
        """See `Announcer`."""

    async def close(self) -> None:
        """See `Announcer`."""
