"""UUIDs as text and from names: each batch has several, and the standard library's way costs as much as its events."""

from hashlib import sha1
from typing import Final
from uuid import UUID

import msgspec

_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(UUID).decode


def uuid_text(value: UUID) -> bytes:
    """Write a UUID as text.

    >>> uuid_text(UUID(int=1))
    b'00000000-0000-0000-0000-000000000001'
    """
    return _encode(value)[1:-1]


def parse_uuid(text: bytes) -> UUID:
    """Read a UUID, with or without hyphens.

    Raises
    ------
    ValueError
        When it is none.
    """
    return _decode(b'"%b"' % text)


def named_uuid(namespace: UUID, name: bytes) -> UUID:
    """Derive a version 5 UUID (RFC 9562) from a name: what `uuid.uuid5` gives."""
    digest = bytearray(sha1(namespace.bytes + name, usedforsecurity=False).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50
    digest[8] = digest[8] & 0x3F | 0x80
    return parse_uuid(digest.hex().encode())


def timed_uuid(unix_ms: int, random_bits: int) -> UUID:
    """Make a version 7 UUID (RFC 9562): sorted by time.

    Parameters
    ----------
    unix_ms
        Milliseconds since 1970, 48 bits of them.
    random_bits
        Of these 74 are taken.

    >>> timed_uuid(0x017F22E279B0, (0xCC3 << 62) | 0x18C4DC0C0C07398F)
    UUID('017f22e2-79b0-7cc3-98c4-dc0c0c07398f')
    """
    high = random_bits >> 62 & 0xFFF
    low = random_bits & (1 << 62) - 1
    return UUID(int=(unix_ms & (1 << 48) - 1) << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low)
