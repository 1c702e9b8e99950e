"""The client for programs without an event loop: the asynchronous one, on a loop in a thread of its own."""

import asyncio
import atexit
import concurrent.futures
import os
import threading
import weakref
from collections.abc import Callable, Coroutine, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self, TypeVar
from uuid import UUID

import httpx

from telltale._buffer import Item, Key
from telltale._client import AsyncClient
from telltale._errors import Unavailable
from telltale._models import (
    Domain,
    Limits,
    OnDrop,
    OnReceipt,
    Receipt,
    Session,
    SessionAnswer,
    SessionStatus,
    Stats,
    SubjectType,
    Verdict,
)
from telltale._sender import Clocks
from telltale._subject import Subject
from telltale._tracing import TraceHook

_Answer = TypeVar("_Answer")


class _ThreadedClient(AsyncClient):
    """Takes events from any thread; everything else happens on its loop."""

    loop: asyncio.AbstractEventLoop

    def _on_due(self) -> None:
        self.loop.call_soon_threadsafe(self._wake.set)


class _Threads(concurrent.futures.ThreadPoolExecutor):
    """Runs work in threads, so that a host name that is long looked up holds nobody up."""

    def submit(self, fn: Callable[..., _Answer], /, *args: Any, **kwargs: Any) -> concurrent.futures.Future[_Answer]:
        """Hand it to a thread; run it here once the program ends and threads take nothing more."""
        try:
            return super().submit(fn, *args, **kwargs)
        except RuntimeError:
            return _done_here(lambda: fn(*args, **kwargs))


def _done_here(work: Callable[[], _Answer]) -> concurrent.futures.Future[_Answer]:
    future: concurrent.futures.Future[_Answer] = concurrent.futures.Future()
    try:
        future.set_result(work())
    except Exception as error:
        future.set_exception(error)
    return future


class _Background:
    """The thread of one client, from its first use until it is closed."""

    def __init__(self, client: _ThreadedClient) -> None:
        self.pid = os.getpid()
        self.closing = False
        self._client = client
        self._stop = asyncio.Event()
        self._lock = threading.Lock()
        self._running = threading.Event()
        self._thread = threading.Thread(target=self._run, name="telltale", daemon=True)
        self._thread.start()
        self._running.wait()

    def call(self, calling: Coroutine[Any, Any, _Answer]) -> _Answer:
        """Run a coroutine on the loop, in the caller's context, and wait for it."""
        if threading.current_thread() is self._thread:
            calling.close()
            raise RuntimeError("a callback of the client must not wait for it: hand the work to another thread")
        with self._lock:
            # What is handed over before the stop is run before it, so nobody waits for ever.
            future = None if self.closing else asyncio.run_coroutine_threadsafe(calling, self._client.loop)
        if future is None:
            calling.close()
            raise Unavailable("the client was closed")
        try:
            return future.result()
        except concurrent.futures.CancelledError:
            raise Unavailable("the client was closed") from None
        except BaseException:
            future.cancel()  # Ctrl-C while waiting
            raise

    def begin_closing(self) -> None:
        """Let the client send what waits and stop; does not wait for it."""
        with self._lock:
            if not self.closing:
                self.closing = True
                self._client.loop.call_soon_threadsafe(self._stop.set)

    def join(self) -> None:
        """Wait until all is over; a callback of the client does not."""
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self) -> None:
        loop = self._client.loop = asyncio.new_event_loop()
        loop.set_default_executor(_Threads(thread_name_prefix="telltale"))  # compresses, and looks up host names
        try:
            loop.run_until_complete(self._live())
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            loop.close()

    async def _live(self) -> None:
        async with self._client:
            self._running.set()
            await self._stop.wait()
        callers = asyncio.all_tasks() - {asyncio.current_task()}
        for task in callers:
            task.cancel()
        await asyncio.gather(*callers, return_exceptions=True)


_running: Final[weakref.WeakSet[_Background]] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    backgrounds = [one for one in _running if one.pid == os.getpid()]
    for one in backgrounds:
        one.begin_closing()
    for one in backgrounds:
        one.join()


class Client:
    """`AsyncClient` for programs without an event loop. Use it from as many threads as you like.

    It works in a thread of its own, from its first use until `close`, the end of its ``with`` block, or the end of the
    program. `add` hands over to that thread without waiting for it. Callbacks run in that thread.

    A process that forks takes no thread along: make the client, or use it first, after the fork. The parameters are
    those of `AsyncClient`.

    Examples
    --------
    ::

        with telltale.Client(url, api_key) as client:
            session = client.subject("session", "s-123")
            session.add({"type": "pointer.move", "x": 1, "y": 2})
            verdict = session.verdict()
    """

    def __init__(
        self,
        url: str,
        api_key: str,
        *,
        limits: Limits | None = None,
        on_drop: OnDrop | None = None,
        on_receipt: OnReceipt | None = None,
        traceparent: TraceHook | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        clocks: Clocks | None = None,
    ) -> None:
        self._client = _ThreadedClient(
            url,
            api_key,
            limits=limits,
            on_drop=on_drop,
            on_receipt=on_receipt,
            traceparent=traceparent,
            transport=transport,
            clocks=clocks,
        )
        self._background: _Background | None = None
        self._starting = threading.Lock()

    def __repr__(self) -> str:
        return repr(self._client).removeprefix("Async")

    def __enter__(self) -> Self:
        self._started()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def subject(self, subject_type: SubjectType, subject_id: str, *, domain: Domain = "behavior") -> "SyncSubject":
        """Name who or what the events are about: see `AsyncClient.subject`."""
        return SyncSubject(self, self._client.subject(subject_type, subject_id, domain=domain))

    def stats(self) -> Stats:
        """Give the counters."""
        return self._client.stats()

    def receipt(self, batch_id: UUID | str) -> Receipt:
        """Ask how far a batch has come: see `AsyncClient.receipt`."""
        return self._wait(lambda client: client.receipt(batch_id))

    def flush(self) -> None:
        """Send what waits and return once all that was added before is delivered or dropped."""
        self._wait(lambda client: client.flush())

    def close(self) -> None:
        """Flush for at most ``limits.close_timeout_s``, then drop what is left. Safe to call twice."""
        background = self._background
        if background is None:
            self._client._buffer.close()
        elif background.pid == os.getpid():
            background.begin_closing()
            background.join()

    def start_session(
        self,
        *,
        user_id: str | None = None,
        device_fingerprint: Mapping[str, Any] | None = None,
        network: Mapping[str, Any] | None = None,
    ) -> Session:
        """Start a session: see `AsyncClient.start_session`."""
        return self._wait(
            lambda client: client.start_session(user_id=user_id, device_fingerprint=device_fingerprint, network=network)
        )

    def send_session_data(
        self,
        session_id: UUID | str,
        events: Sequence[Mapping[str, Any]] = (),
        tracks: Sequence[Mapping[str, Any]] = (),
    ) -> SessionAnswer:
        """Post behaviour of a session: see `AsyncClient.send_session_data`."""
        return self._wait(lambda client: client.send_session_data(session_id, events, tracks))

    def session_status(self, session_id: UUID | str) -> SessionStatus:
        """Tell of a session and its latest verdict: see `AsyncClient.session_status`."""
        return self._wait(lambda client: client.session_status(session_id))

    def close_session(self, session_id: UUID | str) -> Session:
        """Close a session: see `AsyncClient.close_session`."""
        return self._wait(lambda client: client.close_session(session_id))

    def _add_batch(self, key: Key, items: Sequence[Item], batch_id: UUID | None) -> bool:
        self._started()
        return self._client._add_batch(key, items, batch_id)

    def _wait(self, ask: Callable[[AsyncClient], Coroutine[Any, Any, _Answer]]) -> _Answer:
        background = self._started()
        if background is None:
            raise Unavailable("the client was closed")
        return background.call(ask(self._client))

    def _started(self) -> _Background | None:
        """Start on the first use; None when it was closed before that."""
        background = self._background
        if background is None:
            with self._starting:
                if self._background is None and not self._client._buffer.closed:
                    self._background = _Background(self._client)
                    _running.add(self._background)
                background = self._background
        elif background.pid != os.getpid():
            raise RuntimeError("the client was in use when this process forked: make another one here")
        return background


class SyncSubject:
    """One subject's events. Made by `Client.subject`; holds nothing of its own."""

    __slots__ = ("_client", "_subject")

    def __init__(self, client: Client, subject: Subject) -> None:
        self._client = client
        self._subject = subject

    def __repr__(self) -> str:
        return f"Sync{self._subject!r}"

    def add(self, event: Mapping[str, Any]) -> bool:
        """Add one event; it leaves in the background. Never waits: see `Subject.add`."""
        self._client._started()
        return self._subject.add(event)

    def add_track(self, track: Mapping[str, Any]) -> bool:
        """Add many samples of one signal as columns: see `Subject.add_track`."""
        self._client._started()
        return self._subject.add_track(track)

    def verdict(self, wait_ms: int = 1_000) -> Verdict | None:
        """Send what waits for this subject and give the verdict after it: see `Subject.verdict`."""
        return self._client._wait(lambda _: self._subject.verdict(wait_ms))
