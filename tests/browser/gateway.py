"""A gateway that records what pages send, answers as told, and holds every body against the real contract."""

import gzip
import json
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import msgspec

from services.gateway.sessions.posting import facts_document, make_item
from services.gateway.sessions.reading import read_behaviour
from shared.contracts.base import Subject
from shared.contracts.batch import decode_batch
from shared.problems import Problem

KEY: Final = "tp_0123456789abcdef_" + "k" * 43
_WAIT_S: Final = 15.0
_CORS: Final = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "POST, GET, DELETE",
    "Access-Control-Allow-Headers": "authorization, content-type, content-encoding, idempotency-key, traceparent",
    "Access-Control-Expose-Headers": "retry-after",
    "Access-Control-Max-Age": "7200",
}


@dataclass(frozen=True)
class Answer:
    """What a request gets; status 0 cuts the connection."""

    status: int
    document: dict[str, Any] = field(default_factory=dict)
    retry_after_s: int | None = None


@dataclass(frozen=True)
class Seen:
    """One request: ``what`` is begin, data or status; ``body`` is inflated."""

    what: str
    session_id: str | None
    headers: dict[str, str]
    body: bytes
    wire_bytes: int
    at_s: float
    answered: int

    @property
    def document(self) -> dict[str, Any]:
        """The decoded body."""
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def batch_id(self) -> str:
        """The id of the batch in it."""
        return str(self.document["batch_id"])

    def events(self, kind: str | None = None) -> list[dict[str, Any]]:
        """Give its events, of one type or all."""
        return [event for event in self.document["events"] if kind in (None, event["type"])]

    def tracks(self, kind: str) -> list[dict[str, Any]]:
        """Give its tracks of one type."""
        return [track for track in self.document["tracks"] if track["type"] == kind]


class RecordingGateway:
    """Listens on a port of its own; ``url`` is where."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.violations: list[str] = []
        self.preflights = 0
        self.trust_score = 93
        self.needs_challenge = False
        self.pending = False
        self.stale = False  # what is known is a verdict on what came before
        self.data_arrived = 0  # answered or not
        self._planned: dict[str, list[Answer]] = {}
        self._changed = threading.Condition()
        self._open_gate = threading.Event()
        self._open_gate.set()
        self._sessions: dict[str, str] = {}
        self._server = _Server(("127.0.0.1", 0), _handler_of(self))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    @contextmanager
    def running(self) -> Iterator["RecordingGateway"]:
        """Serve until the block ends."""
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield self
        finally:
            self._open_gate.set()
            self._server.shutdown()
            thread.join()
            self._server.server_close()

    def plan(self, what: str, *answers: Answer) -> None:
        """Give the next requests of a kind these answers, then the usual ones again."""
        self._planned.setdefault(what, []).extend(answers)

    def hold(self) -> None:
        """Keep data waiting for its answer until ``release``."""
        self._open_gate.clear()

    def release(self) -> None:
        """Answer what waits."""
        self._open_gate.set()

    def all(self, what: str) -> list[Seen]:
        """Give the requests of a kind, in the order of their arrival."""
        with self._changed:
            return [seen for seen in self.seen if seen.what == what]

    def until(self, condition: Callable[[], object], why: str) -> None:
        """Wait until a condition on what was seen holds."""
        with self._changed:
            met = self._changed.wait_for(condition, _WAIT_S)
        assert met, f"{why}: not within {_WAIT_S} s; seen {[(s.what, s.answered) for s in self.seen]}"

    def until_seen(self, what: str, count: int = 1) -> list[Seen]:
        """Wait for requests of a kind; give those so far."""
        self.until(lambda: sum(seen.what == what for seen in self.seen) >= count, f"{count} x {what}")
        return self.all(what)

    def everything(self) -> bytes:
        """Give every byte of every request: lines, headers and bodies, as sent and inflated."""
        with self._changed:
            return b"\n".join(
                b"\n".join([seen.what.encode(), json.dumps(seen.headers).encode(), seen.body]) for seen in self.seen
            )

    def note(self, seen: Seen) -> None:
        """Take down a request."""
        with self._changed:
            self.seen.append(seen)
            self._changed.notify_all()

    def answer(self, what: str, session_id: str | None, headers: dict[str, str], body: bytes) -> Answer:
        """Decide on the answer to a request, after checking it."""
        if what == "data" and not self._arrived():
            return Answer(0)
        planned = self._planned.get(what)
        if planned:
            return planned.pop(0)
        if what == "begin":
            self._check_facts(body)
            with self._changed:
                found = self._sessions.setdefault(headers["idempotency-key"], str(uuid.uuid4()))
            return Answer(201, {"session_id": found, "expires_at": "2030-01-01T00:00:00Z"})
        if what == "data":
            self._check_batch(body)
            answer = (
                Answer(202, self._pending(), 1) if self.pending else Answer(200, {**self._result(), "status": "judged"})
            )
            of_this = {"batch_id": json.loads(body)["batch_id"], "received_at": _now()}
            return replace(answer, document=answer.document | of_this)
        known = None if self.pending and not self.stale else self._result()
        return Answer(200, {"session_id": session_id, "result": known and known | {"judged_at": self._judged_at()}})

    def _arrived(self) -> bool:
        """Count a batch, and keep it waiting for as long as data is held; false when that takes too long."""
        with self._changed:
            self.data_arrived += 1
            self._changed.notify_all()
        return self._open_gate.wait(_WAIT_S)

    def _judged_at(self) -> str:
        return "2020-01-01T00:00:00Z" if self.stale else _now()

    def _result(self) -> dict[str, Any]:
        return {
            "trust_score": self.trust_score, "needs_challenge": self.needs_challenge, "confidence": 0.71,
            "is_human": not self.needs_challenge, "verdict": None,
            "reasons": [{"code": "KEY_HOLDS_SHORT", "message": "Keys are let go in the moment they are pressed."}],
        }  # fmt: skip

    def _pending(self) -> dict[str, Any]:
        return {"status": "pending", "trust_score": None, "needs_challenge": None, "confidence": None, "reasons": []}

    def _check_facts(self, body: bytes) -> None:
        """Hold the facts of a beginning against what the gateway takes: nothing may be left out."""
        document = json.loads(body)
        now = datetime.now(UTC)
        try:
            behaviour = read_behaviour(facts_document(document), now)
            make_item(document, behaviour, uuid.uuid4(), Subject(type="session", id="s"), now)
        except Problem as problem:
            self.violations.append(f"begin: {problem}")
            return
        taken = set(behaviour.events[0]) - {"type", "occurred_at"}
        if left := set(document["device_fingerprint"]) - taken:
            self.violations.append(f"begin: not of the contract: {left}")

    def _check_batch(self, body: bytes) -> None:
        """Hold a batch against the contract, which refuses unknown fields, and against the gateway's reading of it."""
        document = json.loads(body)
        strict = {**document, "domain": "behavior", "subject": {"type": "session", "id": "s"}}
        now = datetime.now(UTC)
        try:
            decode_batch(msgspec.json.encode(strict))
            behaviour = read_behaviour(document, now)
            if behaviour.ignored:
                self.violations.append(f"data: {behaviour.ignored} events ignored")
            make_item(document, behaviour, uuid.UUID(document["batch_id"]), Subject(type="session", id="s"), now)
        except (ValueError, Problem) as error:
            self.violations.append(f"data: {error} {getattr(error, 'errors', '')} in {body[:2_000]!r}")


def _now() -> str:
    return datetime.now(UTC).isoformat()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that went away."""


def _handler_of(gateway: RecordingGateway) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_OPTIONS(self) -> None:
            gateway.preflights += 1
            self._reply(204, b"", {})

        def do_GET(self) -> None:
            self._handle()

        def do_POST(self) -> None:
            self._handle()

        def do_DELETE(self) -> None:
            self._handle()

        def log_message(self, format: str, *arguments: Any) -> None:
            """Say nothing."""

        def _handle(self) -> None:
            wire = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = gzip.decompress(wire) if headers.get("content-encoding") == "gzip" else wire
            steps = self.path.strip("/").split("/")
            what = {2: "begin", 4: steps[-1]}.get(len(steps), self.path)
            session_id = steps[2] if len(steps) > 2 else None
            at_s = time.monotonic()
            answer = gateway.answer(what, session_id, headers, body)
            gateway.note(Seen(what, session_id, headers, body, len(wire), at_s, answer.status))
            if answer.status == 0:
                self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True
                return
            after = {"Retry-After": str(answer.retry_after_s)} if answer.retry_after_s is not None else {}
            self._reply(answer.status, json.dumps(answer.document).encode(), after)

        def _reply(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in (_CORS | headers).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler
