"""Keys that the local stack holds itself: of the tenant ``demo``, so that the system can be tried at once."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import asyncpg

from deploy.local.credentials import DEMO_KEY, DEMO_PAGE_KEY, load_credentials, save_secret
from deploy.local.settings import HOST
from deploy.provision.tenants import add_tenant, create_key, key_is_active

DEMO_TENANT: Final = "demo"


async def ensure_demo_key(owner_dsn: str, root: Path) -> str:
    """Give a working key of the demo tenant."""
    return await ensure_key(owner_dsn, root, DEMO_TENANT, DEMO_KEY)


async def ensure_demo_page_key(owner_dsn: str, root: Path, shop_port: int) -> str:
    """Give a working key for the page of the demo shop, by each name that a browser may call this machine."""
    origins = [f"http://{name}:{shop_port}" for name in (HOST, "localhost")]
    return await ensure_key(owner_dsn, root, DEMO_TENANT, DEMO_PAGE_KEY, origins)


async def ensure_key(owner_dsn: str, root: Path, tenant_id: str, variable: str, origins: Sequence[str] = ()) -> str:
    """Give a working key of a tenant: the one in the secrets file, or a new one when the database lacks it."""
    owner = await asyncpg.connect(owner_dsn)
    try:
        await add_tenant(owner, tenant_id)
        kept = load_credentials(root).values.get(variable)
        if kept is not None and await key_is_active(owner, kept, origins):
            return kept
        made = await create_key(owner, tenant_id, origins)
    finally:
        await owner.close()
    save_secret(root, variable, made)
    return made
