"""API keys: ``tt_<key id>_<secret>``, or ``tp_`` for a publishable one, which stands in web pages.

Only the SHA-256 of the secret is stored; a secret has 256 random bits.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_KEY: Final = re.compile(r"^(?P<prefix>tt|tp)_(?P<key_id>[0-9a-f]{16})_(?P<secret>[A-Za-z0-9_-]{43})$")
_PREFIXES: Final = {False: "tt", True: "tp"}
_NO_DIGEST: Final = bytes(32)


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made; ``text`` is shown once and never stored."""

    key_id: str
    text: str
    secret_sha256: bytes


@dataclass(frozen=True, slots=True)
class StoredKey:
    """What is kept of an active key; of a publishable one also the origins of the pages that may use it."""

    tenant_id: str
    secret_sha256: bytes
    origins: frozenset[str] | None = None

    @property
    def publishable(self) -> bool:
        """Whether everybody may read it, so that it opens sessions alone."""
        return self.origins is not None


def new_key(*, publishable: bool = False) -> NewKey:
    """Make a key."""
    key_id, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
    text = f"{_PREFIXES[publishable]}_{key_id}_{secret}"
    return NewKey(key_id, text, hashlib.sha256(secret.encode()).digest())


def find_key(key: str, active: Mapping[str, StoredKey]) -> StoredKey | None:
    """Give what is kept of a key, or None when it is no active one. Compares in constant time."""
    parts = _KEY.fullmatch(key)
    if parts is None:
        return None
    stored = active.get(parts["key_id"])
    digest = hashlib.sha256(parts["secret"].encode()).digest()
    matches = hmac.compare_digest(digest, stored.secret_sha256 if stored is not None else _NO_DIGEST)
    if not matches or stored is None or parts["prefix"] != _PREFIXES[stored.publishable]:
        return None
    return stored
