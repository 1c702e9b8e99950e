"""Reading a request's body within limits of size and time, plain or gzip."""

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from shared.problems import BODY_TIMEOUT, BODY_TOO_LARGE, MALFORMED_BODY, TOO_MANY_IN_FLIGHT, UNSUPPORTED_MEDIA, Problem

Receive = Callable[[], Awaitable[Mapping[str, Any]]]
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

    def __init__(self, receiving: ReceivingBytes, max_bytes: int, timeout_s: float) -> None:
        self._receiving = receiving
        self._max_bytes = max_bytes
        self._timeout_s = timeout_s
        self._held = 0
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
        encoding = check_media(headers)
        self._check_length(headers.get(b"content-length"))
        try:
            async with asyncio.timeout(self._timeout_s):
                return await (self._read_gzip(receive) if encoding == b"gzip" else self._read_plain(receive))
        except TimeoutError:
            raise Problem(BODY_TIMEOUT, f"no whole body within {self._timeout_s:g} s") from None

    def _check_length(self, content_length: bytes | None) -> None:
        # The server has already refused a content-length that is no number.
        if content_length is not None and int(content_length) > self._max_bytes:
            raise self._too_large()

    async def _next(self, receive: Receive) -> bytes:
        message = await receive()
        if message["type"] != "http.request":
            raise Disconnected
        self.whole = not message.get("more_body", False)
        chunk: bytes = message.get("body", b"")
        return chunk

    def _hold(self, count: int) -> None:
        self._receiving.take(count)
        self._held += count

    async def _read_plain(self, receive: Receive) -> bytes:
        chunks, size = [], 0
        while not self.whole:
            chunk = await self._next(receive)
            size += len(chunk)
            if size > self._max_bytes:
                raise self._too_large()
            self._hold(len(chunk))
            chunks.append(chunk)
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    async def _read_gzip(self, receive: Receive) -> bytes:
        inflater = zlib.decompressobj(_GZIP_WBITS)
        plain, wire_size = bytearray(), 0
        while not self.whole:
            chunk = await self._next(receive)
            wire_size += len(chunk)
            if wire_size > self._max_bytes:  # blocks that inflate to nothing cost time all the same
                raise self._too_large()
            if chunk:
                piece = self._inflate(inflater, chunk, room=self._max_bytes - len(plain))
                self._hold(len(piece))
                plain += piece
        if not inflater.eof:
            raise Problem(MALFORMED_BODY, "the gzip stream is cut short")
        return bytes(plain)

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
