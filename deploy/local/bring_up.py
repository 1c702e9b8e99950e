"""From nothing to a running system with the recordings replayed; and staying until it is told to stop."""

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from deploy.local.addresses import Addresses
from deploy.local.demo import ensure_demo_key, ensure_demo_page_key
from deploy.local.progress import Progress
from deploy.local.settings import HOST
from deploy.local.stack import Stack
from deploy.provision.run import provision

_LOOK_EVERY_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Report:
    """What the start came to: addresses to open, what the replay counted, and whether nothing is missing."""

    urls: dict[str, str]
    replayed: dict[str, Any]
    went_well: bool


async def bring_up(stack: Stack, progress: Progress) -> Report:
    """Start servers, provision them, start our services, replay. Safe to run again while all of it runs."""
    from deploy.local.replay import LEDGER, replay, went_well

    stack.check_unchanged()
    await stack.start_servers(progress)
    progress.note("provisioning", "topics, roles, schema, demo tenant")
    await provision(stack.provision_settings())
    owner_dsn = stack.provision_settings().owner_dsn
    demo_key = await ensure_demo_key(owner_dsn, stack.settings.root)
    await ensure_demo_page_key(owner_dsn, stack.settings.root, stack.settings.demo_port)
    progress.ready("provisioning")
    await stack.start_services(progress)
    progress.note("replay", "sending recorded sessions")
    addresses = stack.addresses(demo_key)
    replayed = await replay(addresses, console=progress.console, ledger=stack.settings.receipts / LEDGER)
    progress.ready("replay")
    return Report(_urls(stack, addresses), replayed, went_well(replayed))


def _urls(stack: Stack, addresses: Addresses) -> dict[str, str]:
    return {
        "demo shop": f"{addresses.shop_url}/",
        "gateway API": f"{addresses.gateway_url}/docs",
        "KPIs": f"{addresses.insights_url}/v1/kpis?group_by=action,reason (send the API key)",
        "insights API": f"{addresses.insights_url}/docs",
        "rules": f"http://{HOST}:{stack.settings.scorer_port}/rules",
        "metrics": f"{addresses.gateway_url}/metrics, and on the ports of `make status`",
    }


def stay(stack: Stack, tell_stopping: Callable[[], None]) -> None:
    """Wait until Ctrl-C or SIGTERM, then say so and stop everything; or until somebody else has stopped it."""
    try:
        while stack.running():
            time.sleep(_LOOK_EVERY_S)
    except KeyboardInterrupt:
        tell_stopping()
        stop_for_good(stack)


def heed_signals() -> None:
    """Let SIGTERM do what Ctrl-C does, and Ctrl-C work even where a shell has us ignore it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def stop_for_good(stack: Stack) -> None:
    """Stop everything; a second Ctrl-C must not leave half of it behind."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with stack.exclusively(wait=True):
        stack.stop()
