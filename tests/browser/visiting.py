"""What tests let a visitor do on a page, and ask the page."""

from datetime import datetime

from playwright.sync_api import Page

from tests.browser.chromium import until
from tests.browser.gateway import RecordingGateway, Seen


def act(page: Page, times: int = 1) -> None:
    """Do something that is recorded."""
    for _ in range(times):
        page.evaluate("document.activeElement.blur(); email.focus()")


def act_at_once(page: Page, times: int) -> None:
    """Do it so often in one task, and let the page do what it put off."""
    page.evaluate(
        "times => { for (let i = 0; i < times; i++) { document.activeElement.blur(); email.focus() } }", times
    )
    page.evaluate("new Promise(resolve => setTimeout(resolve))")


def moments(batches: list[Seen]) -> list[datetime]:
    return [datetime.fromisoformat(event["occurred_at"]) for batch in batches for event in batch.events()]


def analyzed(page: Page) -> dict[str, object]:
    found: dict[str, object] = page.evaluate("telltale.analyze()")
    return found


def knock(page: Page, gateway: RecordingGateway) -> None:
    """Make a request of the page's own: whatever it sent before has left by then."""
    page.evaluate("url => fetch(url)", f"{gateway.url}/api/sessions/knock/status")


def begun(page: Page) -> str:
    until(page, "telltale.sessionId")
    found: str = page.evaluate("telltale.sessionId")
    return found
