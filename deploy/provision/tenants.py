"""Tenants and their API keys, written as the owner role. Of a key only the hash of its secret is stored."""

import re
from collections.abc import Sequence
from typing import Final

import asyncpg

from shared.api_keys import new_key

# Part of Kafka keys and metric labels, so no colon, slash or space.
_TENANT_ID: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
# As browsers send it: no path, no capital letters, and no port where it is the scheme's own.
_ORIGIN: Final = re.compile(r"(https(?!.*:443$)|http(?!.*:80$))://([a-z0-9.-]+|\[[0-9a-f:]+\])(:[0-9]{1,5})?")


class TenantRefused(Exception):
    """The tenant or key asked for cannot be made or changed; the message says why. Ask for another."""


async def add_tenant(owner: asyncpg.Connection, tenant_id: str) -> bool:
    """Add a tenant; tell whether it is new.

    Raises
    ------
    TenantRefused
        The name is not lower-case letters, digits and dashes.
    """
    if not _TENANT_ID.fullmatch(tenant_id):
        raise TenantRefused(f"{tenant_id!r} is no tenant name: use up to 63 lower-case letters, digits and dashes")
    added = await owner.fetchval(
        "INSERT INTO tenants (tenant_id, name) VALUES ($1, $1) ON CONFLICT DO NOTHING RETURNING tenant_id", tenant_id
    )
    return added is not None


async def set_threshold(owner: asyncpg.Connection, tenant_id: str, threshold: int) -> None:
    """Set the trust, 0..100, below which the session API tells a tenant's callers to challenge the user.

    Raises
    ------
    TenantRefused
        There is no such tenant, or the threshold is out of range.
    """
    if not 0 <= threshold <= 100:
        raise TenantRefused(f"{threshold} is no trust: use 0 to 100")
    found = await owner.fetchval(
        "UPDATE tenants SET challenge_threshold = $2 WHERE tenant_id = $1 RETURNING tenant_id", tenant_id, threshold
    )
    if found is None:
        raise TenantRefused(f"there is no tenant {tenant_id!r}")


async def create_key(owner: asyncpg.Connection, tenant_id: str, origins: Sequence[str] = ()) -> str:
    """Make an API key of a tenant and give its text, which cannot be had again.

    Parameters
    ----------
    owner
        A connection as the owner role.
    tenant_id
        Whose key it is.
    origins
        Of the pages that may use it, as browsers name them, e.g. ``https://shop.example``. With any it is a
        publishable key, which does no more than sessions need.

    Raises
    ------
    TenantRefused
        There is no such tenant, or what is no origin.
    """
    for origin in origins:
        if not _ORIGIN.fullmatch(origin):
            raise TenantRefused(f"{origin!r} is no origin: say scheme, host and port alone, as in https://shop.example")
    key = new_key(publishable=bool(origins))
    try:
        await owner.execute(
            "INSERT INTO api_keys (key_id, tenant_id, secret_sha256, origins) VALUES ($1, $2, $3, $4)",
            key.key_id,
            tenant_id,
            key.secret_sha256,
            list(origins) or None,
        )
    except asyncpg.ForeignKeyViolationError:
        raise TenantRefused(f"there is no tenant {tenant_id!r}") from None
    return key.text


async def revoke_key(owner: asyncpg.Connection, key_id: str) -> None:
    """Revoke a key, by the id in its middle. Services refuse it within seconds.

    Raises
    ------
    TenantRefused
        There is no such active key.
    """
    revoked = await owner.fetchval(
        "UPDATE api_keys SET revoked_at = now() WHERE key_id = $1 AND revoked_at IS NULL RETURNING key_id", key_id
    )
    if revoked is None:
        raise TenantRefused(f"there is no active key {key_id!r}")


async def key_is_active(owner: asyncpg.Connection, key_text: str, origins: Sequence[str] = ()) -> bool:
    """Tell whether a key we hold is one the database knows, for these origins."""
    found = await owner.fetchval(
        "SELECT 1 FROM api_keys WHERE key_id = $1 AND revoked_at IS NULL AND origins IS NOT DISTINCT FROM $2::text[]",
        key_text.split("_")[1],
        list(origins) or None,
    )
    return found is not None
