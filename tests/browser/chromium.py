"""Debian's Chromium, driven by Playwright."""

import os
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.async_api import Browser as AsyncBrowser
from playwright.async_api import Page as AsyncPage
from playwright.async_api import async_playwright
from playwright.sync_api import Browser, Page, sync_playwright

_PLACES: Final = ("chromium", "chromium-browser", "google-chrome")
_WAIT_S: Final = 15.0
_LOOK_MS: Final = 50.0
MISSING: Final = (
    "no Chromium: install the Debian package `chromium` (apt-get install -y chromium), or set TELLTALE_CHROMIUM to one"
)


def chromium_path() -> Path | None:
    """Find the browser; none when it is not installed."""
    named = os.environ.get("TELLTALE_CHROMIUM")
    found = named or next((path for place in _PLACES if (path := shutil.which(place))), None)
    return Path(found) if found else None


def required() -> None:
    """Skip the test, loudly, where there is no browser; in CI that is a failure."""
    if chromium_path() is None:
        if os.environ.get("CI"):
            pytest.fail(MISSING)
        pytest.skip(MISSING)


def launch_options(*arguments: str, display: str | None = None) -> dict[str, Any]:
    """Give what Playwright's ``launch`` takes, with these arguments beside the usual ones; with a display, in a window.

    Raises
    ------
    RuntimeError
        There is no Chromium; the message names the package.
    """
    path = chromium_path()
    if path is None:
        raise RuntimeError(MISSING)
    # Root has no sandbox to give, and containers little shared memory.
    usual = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--mute-audio"]
    found = {"executable_path": str(path), "args": [*usual, *arguments], "timeout": 60_000}
    return found | ({"headless": False, "env": os.environ | {"DISPLAY": display}} if display else {"headless": True})


def until(page: Page, expression: str) -> None:
    """Wait until an expression holds. Playwright's own wait evaluates text, which a page's strict policy forbids."""
    deadline_s = time.monotonic() + _WAIT_S
    while not page.evaluate(f"Boolean({expression})"):
        assert time.monotonic() < deadline_s, f"{expression} does not hold"
        page.wait_for_timeout(_LOOK_MS)


async def async_until(page: AsyncPage, expression: str) -> None:
    """Wait, as `until` does, in code that has an event loop."""
    deadline_s = time.monotonic() + _WAIT_S
    while not await page.evaluate(f"Boolean({expression})"):
        assert time.monotonic() < deadline_s, f"{expression} does not hold"
        await page.wait_for_timeout(_LOOK_MS)


@contextmanager
def browser() -> Iterator[Browser]:
    """Run a Chromium without a window."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(**launch_options())
        try:
            yield opened
        finally:
            opened.close()


@asynccontextmanager
async def async_browser(
    *arguments: str, display: str | None = None, driven: bool = True
) -> AsyncIterator[AsyncBrowser]:
    """Run a Chromium for code that has an event loop; one that is not driven does not say that it is."""
    undriven = () if driven else ("--disable-blink-features=AutomationControlled",)
    ignored = [] if driven else ["--enable-automation"]
    async with async_playwright() as playwright:
        options = launch_options(*arguments, *undriven, display=display)
        opened = await playwright.chromium.launch(**options, ignore_default_args=ignored)
        try:
            yield opened
        finally:
            await opened.close()
