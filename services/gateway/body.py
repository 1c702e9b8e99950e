"""Reading a request's body within limits of size and time, plain or gzip."""

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Generator, Mapping
from typing import Any, Final

from shared.problems import BODY_TIMEOUT, BODY_TOO_LARGE, MALFORMED_BODY, TOO_MANY_IN_FLIGHT, UNSUPPORTED_MEDIA, Problem

Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
RETRY_FULL_S: Final = 1
_GZIP_WBITS: Final = 31
_DECODERS: Final = frozenset({b"", b"identity", b"gzip"})


class Disconnected(Exception):
    """The client left before its body was whole: nothing to answer."""


class ReceivingBytes:
    """Bytes of all bodies being read or checked now, bounded.

    Parameters
    ----------
    limit
        Most bytes held at once.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.held = 0

    def take(self, count: int) -> None:
        """Hold more bytes.

        Raises
        ------
        Problem
            ``too_many_in_flight`` when they do not fit.
        """
        if self.held + count > self._limit:
            raise Problem(TOO_MANY_IN_FLIGHT, retry_after_s=RETRY_FULL_S)
        self.held += count

    def give_back(self, count: int) -> None:
        """Let bytes go."""
        self.held -= count


class _Waiting:
    """What was begun by hand and waits for something; awaiting this goes on with it."""

    __slots__ = ("_for", "_steps")

    def __init__(self, steps: Generator[Any, Any, Message], waits_for: object) -> None:
        self._steps = steps
        self._for = waits_for

    def __await__(self) -> Generator[Any, Any, Message]:
        try:
            yield self._for
        except BaseException:  # cancelled: what was begun must put in order what it holds
            self._steps.close()
            raise
        return (yield from self._steps)


def _begun(awaitable: Awaitable[Message]) -> Message | _Waiting:
    """Run until it waits: its result when it never does."""
    steps = awaitable.__await__()
    try:
        return _Waiting(steps, next(steps))
    except StopIteration as done:
        message: Message = done.value
        return message


class Body:
    """One request's body.

    Parameters
    ----------
    receiving
        Books of all bodies; what this one holds is given back by `release`.
    max_bytes
        Most bytes, before and after decompression.
    timeout_s
        Longest wait for the whole.
    """

    __slots__ = ("_chunks", "_held", "_inflater", "_max_bytes", "_receiving", "_timeout_s", "_wire_size", "whole")

    def __init__(self, receiving: ReceivingBytes, max_bytes: int, timeout_s: float) -> None:
        self._receiving = receiving
        self._max_bytes = max_bytes
        self._timeout_s = timeout_s
        self._held = 0
        self._wire_size = 0
        self._chunks: list[bytes] = []
        self._inflater: zlib._Decompress | None = None
        self.whole = False  # the client has sent all of it

    def release(self) -> None:
        """Give back what the body held."""
        self._receiving.give_back(self._held)
        self._held = 0

    async def read(self, headers: Mapping[bytes, bytes], receive: Receive) -> bytes:
        """Read all of it.

        Raises
        ------
        Problem
            ``unsupported_media``, ``body_too_large``, ``malformed_body``, ``body_timeout`` or ``too_many_in_flight``.
        Disconnected
            The client left.
        """
        if check_media(headers) == b"gzip":
            self._inflater = zlib.decompressobj(_GZIP_WBITS)
        self._check_length(headers.get(b"content-length"))
        message = _begun(receive())
        if isinstance(message, _Waiting) or message.get("more_body", False):
            try:
                async with asyncio.timeout(self._timeout_s):
                    self._take(await message if isinstance(message, _Waiting) else message)
                    while not self.whole:
                        self._take(await receive())
            except TimeoutError:
                raise Problem(BODY_TIMEOUT, f"no whole body within {self._timeout_s:g} s") from None
        else:
            self._take(message)  # most bodies are there already, and are spared a timer
        if self._inflater is not None and not self._inflater.eof:
            raise Problem(MALFORMED_BODY, "the gzip stream is cut short")
        return self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)

    def _check_length(self, content_length: bytes | None) -> None:
        # The server has already refused a content-length that is no number.
        if content_length is not None and int(content_length) > self._max_bytes:
            raise self._too_large()

    def _take(self, message: Message) -> None:
        if message["type"] != "http.request":
            raise Disconnected
        self.whole = not message.get("more_body", False)
        chunk: bytes = message.get("body", b"")
        self._wire_size += len(chunk)
        if self._wire_size > self._max_bytes:  # of gzip too: blocks that inflate to nothing cost time all the same
            raise self._too_large()
        if self._inflater is not None and chunk:
            chunk = self._inflate(self._inflater, chunk, room=self._max_bytes - self._held)
        self._receiving.take(len(chunk))
        self._held += len(chunk)
        self._chunks.append(chunk)

    def _inflate(self, inflater: "zlib._Decompress", chunk: bytes, *, room: int) -> bytes:
        if inflater.eof:
            raise Problem(MALFORMED_BODY, "bytes follow the end of the gzip stream")
        try:
            piece = inflater.decompress(chunk, room + 1)
        except zlib.error:
            raise Problem(MALFORMED_BODY, "the gzip stream is corrupt") from None
        if len(piece) > room:
            raise self._too_large()
        if inflater.unused_data:
            raise Problem(MALFORMED_BODY, "bytes follow the end of the gzip stream")
        return piece

    def _too_large(self) -> Problem:
        return Problem(BODY_TOO_LARGE, f"the limit is {self._max_bytes} bytes")


def check_media(headers: Mapping[bytes, bytes]) -> bytes:
    """Give the content encoding, ``gzip`` or nothing.

    Raises
    ------
    Problem
        ``unsupported_media`` for any other, and for a content type that is not JSON in UTF-8.
    """
    media = headers.get(b"content-type", b"")
    if media != b"application/json":
        name, _, parameters = media.lower().partition(b";")
        charset = parameters.strip().replace(b'"', b"")
        if name.strip() != b"application/json" or charset not in {b"", b"charset=utf-8"}:
            raise Problem(UNSUPPORTED_MEDIA, "the content type is not application/json")
    encoding = headers.get(b"content-encoding", b"").strip().lower()
    if encoding not in _DECODERS:
        raise Problem(UNSUPPORTED_MEDIA, "the content encoding is neither gzip nor identity")
    return encoding
