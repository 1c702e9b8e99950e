"""The packages built, a browser, a site and a gateway that records."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from deploy import sdks
from tests.browser import chromium
from tests.browser.gateway import KEY, RecordingGateway
from tests.browser.site import Site

Open = Callable[..., Page]


@pytest.fixture(scope="session")
def built() -> None:
    """The two packages, built from their sources as they are now."""
    sdks.build()


@pytest.fixture(scope="module")  # while it lives, the thread has an event loop, and asynchronous tests have none
def browser(built: None) -> Iterator[Browser]:
    """One Chromium for a module's tests; each gets a profile of its own."""
    chromium.required()
    with chromium.browser() as opened:
        yield opened


@pytest.fixture(scope="session")
def site(built: None) -> Iterator[Site]:
    with Site().running() as served:
        yield served


@pytest.fixture
def gateway() -> Iterator[RecordingGateway]:
    """A gateway nobody else uses. Whatever it was sent has to be of the contract."""
    with RecordingGateway().running() as served:
        yield served
    assert served.violations == []
    assert all("cookie" not in seen.headers for seen in served.seen)


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A profile of its own. No page of it may throw."""
    made = browser.new_context(viewport={"width": 1200, "height": 800})
    faults: list[str] = []
    made.on("weberror", lambda error: faults.append(str(error.error)))
    yield made
    made.close()
    assert faults == []


def module_head(gateway: RecordingGateway, **options: Any) -> str:
    """Write the lines of a page that starts the SDK as a module and notes what it is told."""
    said = json.dumps({"key": KEY, "endpoint": gateway.url} | options)
    return f"""<script type="module">
      import {{ start }} from "/dist/telltale.js";
      window.errors = [];
      const onError = ({{ code, message, lostEvents }}) => window.errors.push({{ code, message, lostEvents }});
      window.telltale = start({{ ...{said}, onError }});
    </script>"""


def tag_head(gateway: RecordingGateway, more: str = "") -> str:
    """Write the script tag that a site pastes into its page."""
    return f'<script src="/dist/telltale.min.js" data-key="{KEY}" data-endpoint="{gateway.url}" {more} defer></script>'


@pytest.fixture
def open_form(context: BrowserContext, site: Site, gateway: RecordingGateway) -> Open:
    """Open the form with the SDK in it, as a module with these options."""

    def opened(**options: Any) -> Page:
        page = context.new_page()
        page.goto(site.form(module_head(gateway, **options)))
        page.wait_for_function("window.telltale")
        return page

    return opened
