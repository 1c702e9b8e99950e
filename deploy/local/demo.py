"""The tenant ``demo`` and its key, so that the system can be tried at once."""

from pathlib import Path
from typing import Final

import asyncpg

from deploy.local.credentials import DEMO_KEY, load_credentials, save_secret
from deploy.provision.tenants import add_tenant, create_key, key_is_active

DEMO_TENANT: Final = "demo"


async def ensure_demo_key(owner_dsn: str, root: Path) -> str:
    """Give a working key of the demo tenant: the one in the secrets file, or a new one when the database lacks it."""
    owner = await asyncpg.connect(owner_dsn)
    try:
        await add_tenant(owner, DEMO_TENANT)
        kept = load_credentials(root).values.get(DEMO_KEY)
        if kept is not None and await key_is_active(owner, kept):
            return kept
        made = await create_key(owner, DEMO_TENANT)
    finally:
        await owner.close()
    save_secret(root, DEMO_KEY, made)
    return made
