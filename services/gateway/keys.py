"""Whose request it is: ``Authorization: Bearer <API key>``."""

from typing import Final

from shared.problems import AUTH_UNAVAILABLE, UNAUTHENTICATED, Problem
from shared.tenancy import KeyRing

_RETRY_S: Final = 2
_MAX_HEADER: Final = 256


def authenticate(authorization: bytes | None, keys: KeyRing) -> str:
    """Name the tenant of a request.

    Raises
    ------
    Problem
        ``unauthenticated``, or ``auth_unavailable`` while no API keys were ever loaded.
    """
    if authorization is None or len(authorization) > _MAX_HEADER:
        raise Problem(UNAUTHENTICATED)
    if not keys.loaded:
        raise Problem(AUTH_UNAVAILABLE, retry_after_s=_RETRY_S)
    scheme, _, key = authorization.partition(b" ")
    tenant_id = keys.tenant_of(key.strip().decode("latin-1")) if scheme.lower() == b"bearer" else None
    if tenant_id is None:
        raise Problem(UNAUTHENTICATED)
    return tenant_id
