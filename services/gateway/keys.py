"""Whose request it is: ``Authorization: Bearer <API key>``."""

from typing import Final

from shared.api_keys import StoredKey
from shared.problems import AUTH_UNAVAILABLE, FORBIDDEN, ORIGIN_REFUSED, UNAUTHENTICATED, Problem
from shared.tenancy import KeyRing

_RETRY_S: Final = 2
_MAX_HEADER: Final = 256


def authenticate(authorization: bytes | None, keys: KeyRing) -> str:
    """Name the tenant of a request that takes a secret key.

    Raises
    ------
    Problem
        ``unauthenticated``; ``forbidden`` with a publishable key; ``auth_unavailable`` while no API keys were ever
        loaded.
    """
    key = _key_of(authorization, keys)
    if key.publishable:
        raise Problem(FORBIDDEN)
    return key.tenant_id


def authenticate_page(authorization: bytes | None, origin: bytes | None, keys: KeyRing) -> StoredKey:
    """Give the key of a request that takes either kind, a publishable one from its own pages only.

    A request without an origin is no page's of another site: browsers name it. A program may say what it likes.

    Raises
    ------
    Problem
        As `authenticate`, but ``origin_refused`` for ``forbidden``.
    """
    key = _key_of(authorization, keys)
    if key.origins is not None and origin is not None and origin.decode("latin-1") not in key.origins:
        raise Problem(ORIGIN_REFUSED)
    return key


def _key_of(authorization: bytes | None, keys: KeyRing) -> StoredKey:
    if authorization is None or len(authorization) > _MAX_HEADER:
        raise Problem(UNAUTHENTICATED)
    if not keys.loaded:
        raise Problem(AUTH_UNAVAILABLE, retry_after_s=_RETRY_S)
    scheme, _, key = authorization.partition(b" ")
    found = keys.find(key.strip().decode("latin-1")) if scheme.lower() == b"bearer" else None
    if found is None:
        raise Problem(UNAUTHENTICATED)
    return found
