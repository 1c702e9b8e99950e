"""API keys: ``tt_<key id>_<secret>``. Only the SHA-256 of the secret is stored; a secret has 256 random bits."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_KEY: Final = re.compile(r"^tt_(?P<key_id>[0-9a-f]{16})_(?P<secret>[A-Za-z0-9_-]{43})$")
_NO_DIGEST: Final = bytes(32)


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made; ``text`` is shown once and never stored."""

    key_id: str
    text: str
    secret_sha256: bytes


@dataclass(frozen=True, slots=True)
class StoredKey:
    """What is kept of an active key."""

    tenant_id: str
    secret_sha256: bytes


def new_key() -> NewKey:
    """Make a key."""
    key_id, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
    return NewKey(key_id, f"tt_{key_id}_{secret}", hashlib.sha256(secret.encode()).digest())


def tenant_of(key: str, active: Mapping[str, StoredKey]) -> str | None:
    """Name the tenant an API key belongs to, or None when it is no active key. Compares in constant time."""
    parts = _KEY.fullmatch(key)
    if parts is None:
        return None
    stored = active.get(parts["key_id"])
    digest = hashlib.sha256(parts["secret"].encode()).digest()
    matches = hmac.compare_digest(digest, stored.secret_sha256 if stored is not None else _NO_DIGEST)
    return stored.tenant_id if matches and stored is not None else None
