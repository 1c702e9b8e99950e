"""The demo shop in a real browser: who is asked, who is served, and that nobody is left without a word."""

import re
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.chromium import async_browser, async_until, required
from tests.e2e.system import System

_NUMBERS = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9}
_FORM = {"name": "Ann Other", "email": "ann@shop.example", "street": "7 Elm Street", "postcode": "AB1", "town": "Leeds"}


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    required()
    async with async_browser() as opened:
        yield opened


async def visit(browser: Browser, system: System, **device: object) -> Page:
    """Open the checkout; no script of it may fail, and nothing may break its policy."""
    page = await browser.new_page(**device)  # type: ignore[arg-type]
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    await page.goto(system.addresses.shop_url)
    await async_until(page, "window.telltale?.sessionId")
    assert faults == []
    return page


async def fill(page: Page) -> None:
    for name, text in _FORM.items():
        await page.fill(f"#{name}", text)
    await page.check("#terms")


async def right_answer(page: Page) -> str:
    question = await page.locator("#question").text_content() or ""
    return str(sum(_NUMBERS[word] for word in re.findall("|".join(_NUMBERS), question)))


async def asked_without_script(browser: Browser, system: System) -> tuple[Page, list[str]]:
    """Order where a blocker keeps our script away, up to the question; gives also what fails from then on."""
    page = await browser.new_page()
    await page.route("**/telltale.min.js", lambda route: route.abort())
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    await page.goto(system.addresses.shop_url)
    assert await page.evaluate("typeof window.telltale") == "undefined"
    await fill(page)
    await page.click("#buy")
    await expect(page.get_by_role("dialog")).to_be_visible()
    return page, faults


async def test_a_driven_browser_is_not_served_without_a_question(system: System, browser: Browser) -> None:
    page = await visit(browser, system)
    await fill(page)
    await page.click("#buy")

    refused = page.get_by_text("We could not take this order")
    question = page.get_by_role("dialog")
    await expect(refused.or_(question)).to_be_visible(timeout=15_000)
    if await question.is_visible():
        await question.get_by_role("button", name="Cancel").click()
        await expect(page.locator("#outcome")).to_contain_text("waits until the question is answered")
    await expect(page.locator("#reasons li")).not_to_have_count(0, timeout=15_000)


async def test_what_is_missing_is_named_and_focused(system: System, browser: Browser) -> None:
    page = await visit(browser, system)
    await page.fill("#name", "Ann")
    await page.click("#buy")

    await expect(page.locator("#missing")).to_contain_text("Email")
    await expect(page.locator("#email")).to_be_focused()


async def test_who_asks_not_to_be_watched_can_still_buy(system: System, browser: Browser) -> None:
    context = await browser.new_context()
    await context.add_init_script(
        "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', {get: () => true})"
    )
    page = await context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.goto(system.addresses.shop_url)
    await fill(page)
    await page.click("#buy")

    await expect(page.get_by_role("dialog")).to_be_visible()
    await page.fill("#answer", await right_answer(page))
    await page.click("#reply")

    await expect(page.locator("#outcome")).to_contain_text("Thank you")
    assert not [url for url in asked if url.startswith(system.addresses.gateway_url)]


async def test_who_blocks_the_script_can_still_buy_and_enter_answers(system: System, browser: Browser) -> None:
    page, faults = await asked_without_script(browser, system)
    await page.fill("#answer", await right_answer(page))
    await page.press("#answer", "Enter")

    await expect(page.locator("#outcome")).to_contain_text("Thank you")
    await expect(page.locator("#status")).to_contain_text("cannot be reached")
    assert faults == []


async def test_escape_leaves_the_question_after_a_wrong_answer_too(system: System, browser: Browser) -> None:
    page, faults = await asked_without_script(browser, system)
    dialog = page.get_by_role("dialog")
    await page.fill("#answer", "1")
    async with page.expect_response("**/orders"):
        await page.press("#answer", "Enter")
    await expect(dialog).to_be_visible()
    # Chromium forgets it by itself on Escape; a browser need not.
    assert await page.evaluate("document.getElementById('challenge').returnValue") == ""
    orders: list[str] = []
    page.on("request", lambda request: orders.append(request.url))
    await page.keyboard.press("Escape")

    await expect(page.locator("#outcome")).to_contain_text("waits until the question is answered")
    await expect(dialog).to_be_hidden()
    await expect(page.locator("#buy")).to_be_enabled()
    assert (orders, faults) == ([], [])
