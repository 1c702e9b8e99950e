"""Which sessions are open: from the database, remembered so that hardly a post waits for a query.

What is remembered is looked up again beside the requests: on a busy machine the way to the database and back is longer
than all the rest. So a session that was closed on another gateway may be given one post more here.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

import msgspec

from services.gateway.ports import Replies, SessionStore, StartedSession, StoreUnavailable
from services.gateway.sessions.aside import Aside
from shared.problems import NOT_FOUND, SESSION_CLOSED, STORE_UNAVAILABLE, Problem

IDLE: Final = timedelta(minutes=30)  # the scorer forgets a subject's run after as long
OLDEST: Final = timedelta(hours=24)
_TRUSTED_S: Final = 2.0  # what is remembered longer is looked up again, aside
_STALE_S: Final = 60.0  # what is remembered longer than this is looked up first
_REMEMBERED: Final = 50_000
_RETRY_STORE_S: Final = 2
_DETAIL: Final = {
    "closed": "it was closed",
    "idle": "it had no data for 30 minutes",
    "expired": "it was started over 24 hours ago",
}

End = Literal["closed", "idle", "expired"]


class _Seen(msgspec.Struct, frozen=True):
    last_seen_at: datetime


class _Verdict(msgspec.Struct, frozen=True):
    session: _Seen


@dataclass(slots=True)
class _Known:
    session: StartedSession
    checked_at_s: float
    origin: datetime | None = None  # of the relative times that its posts bring


def ended(session: StartedSession, now: datetime) -> End | None:
    """Tell how a session ended; None while it is open."""
    if session.closed_at is not None:
        return "closed"
    if now - session.started_at > OLDEST:
        return "expired"
    if now - max(session.started_at, session.last_seen_at or session.started_at) > IDLE:
        return "idle"
    return None


class Lifetimes:
    """Begins, finds and closes sessions.

    Parameters
    ----------
    store, replies
        What the database has, and the latest verdict of a subject: the database may be behind.
    aside
        Where look-ups run that nobody waits for.
    clock_s
        Seconds that never go back.
    """

    def __init__(
        self, store: SessionStore, replies: Replies, aside: Aside, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._replies = replies
        self._aside = aside
        self._clock_s = clock_s
        self._known: OrderedDict[tuple[str, UUID], _Known] = OrderedDict()

    async def begin(
        self, tenant_id: str, session_id: UUID, user_id: str | None, facts: bytes, now: datetime
    ) -> StartedSession:
        """Begin a session; one that is there already stays as it is.

        Raises
        ------
        Problem
            ``store_unavailable``.
        """
        try:
            session = await self._store.begin(tenant_id, session_id, user_id, facts, now)
        except StoreUnavailable:
            raise _away() from None
        return self._remember((tenant_id, session_id), session)

    async def open_one(self, tenant_id: str, session_id: UUID, now: datetime) -> StartedSession:
        """Give a session that takes data, and note that it does.

        Raises
        ------
        Problem
            ``not_found``, ``session_closed`` or ``store_unavailable``.
        """
        key = (tenant_id, session_id)
        session = await self._recalled(key) or await self._found(key)
        if ended(session, now) == "idle":  # as far as this gateway knows
            session = await self._seen_lately(key, await self._found(key))
        end = ended(session, now)
        if end is not None:
            raise Problem(SESSION_CLOSED, _DETAIL[end])
        known = self._known.get(key)
        if known is not None:
            known.session = replace(known.session, last_seen_at=now)
        return session

    async def find(self, tenant_id: str, session_id: UUID) -> StartedSession:
        """Give a session, open or not, as it is now.

        Raises
        ------
        Problem
            ``not_found`` or ``store_unavailable``.
        """
        key = (tenant_id, session_id)
        return await self._seen_lately(key, await self._found(key))

    async def close(self, tenant_id: str, session_id: UUID, now: datetime) -> StartedSession:
        """Close a session; closing it again changes nothing. See `find` for what is raised."""
        key = (tenant_id, session_id)
        try:
            await self._store.close(tenant_id, session_id, now)
        except StoreUnavailable:
            raise _away() from None
        return await self._found(key)

    def origin_of(self, tenant_id: str, session_id: UUID) -> datetime | None:
        """Tell from where a session's relative times count, when an earlier post has shown it."""
        known = self._known.get((tenant_id, session_id))
        return known.origin if known is not None else None

    def keep_origin(self, tenant_id: str, session_id: UUID, origin: datetime) -> None:
        """Keep that for later posts; another gateway finds its own."""
        known = self._known.get((tenant_id, session_id))
        if known is not None:
            known.origin = origin

    async def _recalled(self, key: tuple[str, UUID]) -> StartedSession | None:
        """Give what is remembered of a session; an old memory only while the database is away."""
        known = self._known.get(key)
        if known is None:
            return None
        age_s = self._clock_s() - known.checked_at_s
        if known.session.closed_at is None and age_s > _TRUSTED_S:
            if age_s > _STALE_S:
                await self._check_again(key)
            else:
                self._aside.run(key, lambda: self._check_again(key))
        return self._known[key].session if key in self._known else None

    async def _check_again(self, key: tuple[str, UUID]) -> None:
        try:
            await self._found(key)
        except Problem as problem:
            if problem.kind is NOT_FOUND:
                self._known.pop(key, None)

    async def _found(self, key: tuple[str, UUID]) -> StartedSession:
        try:
            session = await self._store.look_up(*key)
        except StoreUnavailable:
            raise _away() from None
        if session is None:
            raise Problem(NOT_FOUND, "there is no such session")
        return self._remember(key, session)

    async def _seen_lately(self, key: tuple[str, UUID], session: StartedSession) -> StartedSession:
        """Look for a verdict that the database does not have yet."""
        verdict = await self._replies.latest(key[0], "session", str(key[1]))
        if verdict is None:
            return session
        seen_at = msgspec.json.decode(verdict, type=_Verdict).session.last_seen_at
        if session.last_seen_at is not None and seen_at <= session.last_seen_at:
            return session
        return self._remember(key, replace(session, last_seen_at=seen_at))

    def _remember(self, key: tuple[str, UUID], session: StartedSession) -> StartedSession:
        known = self._known.pop(key, None)
        if known is not None and known.session.closed_at is not None:
            session = known.session  # none opens again: what was just read may be older
        elif known is not None and known.session.last_seen_at is not None:
            seen_at = known.session.last_seen_at
            if session.last_seen_at is None or session.last_seen_at < seen_at:
                session = replace(session, last_seen_at=seen_at)
        self._known[key] = _Known(session, self._clock_s(), known.origin if known is not None else None)
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return session


class Thresholds:
    """From which trust each tenant wants no challenge, remembered for a moment.

    Parameters
    ----------
    store
        Where they are kept.
    aside
        Where look-ups run that nobody waits for.
    clock_s
        Seconds that never go back.
    """

    DEFAULT: Final = 50

    def __init__(self, store: SessionStore, aside: Aside, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._aside = aside
        self._clock_s = clock_s
        self._by_tenant: dict[str, tuple[int, float]] = {}

    async def of(self, tenant_id: str) -> int:
        """Give a tenant's threshold: the last one known while the database is away, else the default."""
        known = self._by_tenant.get(tenant_id)
        if known is None:
            await self._look_up(tenant_id)
        elif self._clock_s() - known[1] > _TRUSTED_S:
            self._aside.run(tenant_id, lambda: self._look_up(tenant_id))
        return self._by_tenant[tenant_id][0]

    async def _look_up(self, tenant_id: str) -> None:
        try:
            found = await self._store.challenge_threshold(tenant_id)
        except StoreUnavailable:
            found = self._by_tenant.get(tenant_id, (self.DEFAULT, 0.0))[0]
        self._by_tenant[tenant_id] = (found, self._clock_s())


def _away() -> Problem:
    return Problem(STORE_UNAVAILABLE, retry_after_s=_RETRY_STORE_S)
