"""The session API: what a site's server asks of a session that a page, or the server itself, has started."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import msgspec
import uuid_utils.compat as uuid_utils

from telltale._models import Session, SessionAnswer, SessionStatus
from telltale._wire import SESSIONS_PATH, session_path

_Document = TypeVar("_Document")


class SessionCalls(ABC):
    """The calls about sessions. Each is tried again until ``limits.deadline_s``, and takes effect once.

    All raise `Refused` (``problem.code`` is ``not_found`` for an unknown session, ``session_closed`` for one that takes
    no more data), `Unauthenticated` and `Unavailable`.
    """

    async def start_session(
        self,
        *,
        user_id: str | None = None,
        device_fingerprint: Mapping[str, Any] | None = None,
        network: Mapping[str, Any] | None = None,
    ) -> Session:
        """Start a session.

        Parameters
        ----------
        user_id
            Your own id of the user, if you know it.
        device_fingerprint, network
            Facts of the device and of its connection: fields of ``device.fingerprint`` and ``network.facts``.
        """
        facts = {"user_id": user_id, "device_fingerprint": device_fingerprint, "network": network}
        body = msgspec.json.encode({name: value for name, value in facts.items() if value is not None})
        headers = {"idempotency-key": str(uuid_utils.uuid7())}
        return await self._ask("POST", SESSIONS_PATH, Session, lambda: body, headers)

    async def send_session_data(
        self,
        session_id: UUID | str,
        events: Sequence[Mapping[str, Any]] = (),
        tracks: Sequence[Mapping[str, Any]] = (),
    ) -> SessionAnswer:
        """Post behaviour of a session and give what the server makes of it, judged or pending.

        To send in the background, in batches, take ``client.subject("session", session_id)`` instead.

        Parameters
        ----------
        events, tracks
            As `Subject.add` and `Subject.add_track` take them, each event with its time; or in any other spelling of
            the session API.
        """
        batch_id = uuid_utils.uuid7()

        def body() -> bytes:  # with the time of each try, by which the server corrects our clock
            return msgspec.json.encode(
                {"batch_id": batch_id, "sent_at": self._now(), "events": list(events), "tracks": list(tracks)}
            )

        body()  # what JSON cannot hold is the caller's mistake, told before anything is sent
        return await self._ask("POST", session_path(session_id, "data"), SessionAnswer, body)

    async def session_status(self, session_id: UUID | str) -> SessionStatus:
        """Tell of a session and its latest verdict. Ask it on your server before you trust a form."""
        return await self._ask("GET", session_path(session_id, "status"), SessionStatus)

    async def close_session(self, session_id: UUID | str) -> Session:
        """Close a session; closing it again changes nothing."""
        return await self._ask("DELETE", session_path(session_id), Session)

    @abstractmethod
    async def _ask(
        self,
        method: str,
        path: str,
        kind: type[_Document],
        body: Callable[[], bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> _Document: ...

    @abstractmethod
    def _now(self) -> datetime: ...
