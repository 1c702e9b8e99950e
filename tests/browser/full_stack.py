"""People and bots in a real Chromium at the demo shop of a whole running system: who is stopped, and who is not.

``python -m tests.browser.full_stack`` starts a system of its own and prints one JSON object as its last line.
"""

import asyncio
import json
import secrets
import string
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal

import aiokafka
import numpy as np
from playwright.async_api import Browser, CDPSession, Page

from benchmarks.measuring import end_in_order_on_sigterm
from deploy.local.settings import CHECKOUT
from services.scorer.lab.simulate.actors import Actor
from services.scorer.lab.simulate.motion import Rng
from services.scorer.lab.simulate.page import Goal
from services.scorer.lab.simulate.people import draw_mouse, draw_trackpad
from services.scorer.lab.simulate.people_aided import draw_keyboard_user, draw_screen_reader_user
from services.scorer.lab.simulate.people_touch import draw_touch_user
from shared.topics import TOPICS
from tests.browser import hands
from tests.browser.chromium import async_browser, async_until
from tests.browser.display import display
from tests.e2e.system import System, running_system

_HOME: Final = CHECKOUT / ".telltale-browser"
_AT_ONCE: Final = 4
_ANALYSES: Final = 4
_FIELDS: Final = (("name", 12), ("email", 18), ("street", 15), ("postcode", 7), ("town", 9))
_TEXTS: Final = {"name": "Ann Other", "email": "ann@example.org", "street": "7 Elm Street", "postcode": "AB1 2CD",
                 "town": "Leeds", "password": "correct horse"}  # fmt: skip
_DEVICES: Final[dict[str, dict[str, Any]]] = {
    "desk": {"viewport": {"width": 1560, "height": 900}},
    "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True},
}
# One that says it is driven; one that hides it; and one with a window, as people have, which hides it too.
BrowserKind = Literal["headless", "stealthy", "windowed"]
_BROWSERS: Final[tuple[BrowserKind, ...]] = ("headless", "stealthy", "windowed")

Act = Callable[[Page, CDPSession, Rng], Awaitable[None]]


@dataclass(frozen=True)
class Run:
    """Somebody at the shop."""

    name: str
    who: Literal["person", "bot"]
    act: Act
    browser: BrowserKind = "windowed"
    device: Literal["desk", "phone"] = "desk"


@dataclass(frozen=True)
class Found:
    """What the system made of a run."""

    name: str
    who: str
    trust: int | None
    action: str
    reasons: list[str]

    @property
    def stopped(self) -> bool:
        """Whether the verdict recommends anything but to let them go on."""
        return self.action != "ALLOW"


def runs() -> list[Run]:
    """List everybody."""
    people = [
        Run(f"recorded {number}", "person", partial(_replayed, steps))
        for number, steps in enumerate(hands.recorded("human"))
    ]
    people += [Run(f"mouse {number}", "person", partial(_simulated, draw_mouse)) for number in range(4)]
    people += [Run(f"trackpad {number}", "person", partial(_simulated, draw_trackpad)) for number in range(2)]
    people += [Run(f"keyboard {number}", "person", partial(_simulated, draw_keyboard_user)) for number in range(3)]
    people += [Run(f"reader {number}", "person", partial(_simulated, draw_screen_reader_user)) for number in range(2)]
    people += [Run(f"autofill {number}", "person", _autofilled) for number in range(2)]
    people += [Run(f"voice {number}", "person", _dictated) for number in range(2)]
    people += [
        Run(f"phone {number}", "person", partial(_simulated, draw_touch_user), device="phone") for number in range(3)
    ]
    bots = [
        Run(f"{act.__name__.strip('_')} {browser} {number}", "bot", act, browser)
        for act in (_filling, _straight, _curved)
        for browser in _BROWSERS
        for number in range(2)
    ]
    return people + bots


async def tried(system: System) -> dict[str, Any]:
    """Let everybody try, and count."""
    password = "".join(secrets.choice(string.ascii_lowercase) for _ in range(20))
    places = asyncio.Semaphore(_AT_ONCE)
    async with AsyncExitStack() as stack:
        screen = stack.enter_context(display())
        browsers = {
            "headless": await stack.enter_async_context(async_browser()),
            "stealthy": await stack.enter_async_context(async_browser(driven=False)),
            "windowed": await stack.enter_async_context(async_browser(driven=False, display=screen)),
        }

        async def one(number: int, run: Run) -> Found:
            async with places:
                found = await _found(system, browsers[run.browser], run, np.random.default_rng(number))
            sys.stderr.write(f"{found.name}: {found.action}, trust {found.trust}, {' '.join(found.reasons)}\n")
            return found

        found = await asyncio.gather(*(one(number, run) for number, run in enumerate(runs())))
        await _type_password(browsers["windowed"], system.addresses.shop_url, password)
    people, bots = ([one for one in found if one.who == who] for who in ("person", "bot"))
    return {
        "people_runs": len(people),
        "people_flagged": sum(one.stopped for one in people),
        "people_below_half_trust": sum(one.trust is not None and one.trust < 50 for one in people),
        "bots_runs": len(bots),
        "bots_missed": sum(not one.stopped for one in bots),
        "windowed": screen is not None,
        "secrets_found": len(await _places_of(system, password)),
    }


async def _found(system: System, browser: Browser, run: Run, rng: Rng) -> Found:
    context = await browser.new_context(bypass_csp=True, **_DEVICES[run.device])  # Playwright's own waiting needs it
    page = await context.new_page()
    cdp = await context.new_cdp_session(page)
    if run.browser != "headless":
        await cdp.send("Emulation.setUserAgentOverride", _names(browser.version, phone=run.device == "phone"))
    await page.goto(system.addresses.shop_url)
    await async_until(page, "window.telltale?.sessionId")
    await run.act(page, cdp, rng)
    analysis = {"status": "pending"}
    for _ in range(_ANALYSES):
        if analysis["status"] == "pending":  # a busy machine may take longer than a page waits
            analysis = await page.evaluate("telltale.analyze()")
    if analysis["status"] != "judged":
        raise RuntimeError(f"no verdict on {run.name}: {analysis}")
    await context.close()
    async with system.gateway() as gateway:
        result = (await gateway.get(f"/api/sessions/{analysis['sessionId']}/status")).json()["result"]
    verdict = result["verdict"]
    codes = [reason["code"] for reason in result["reasons"]]
    return Found(run.name, run.who, result["trust_score"], verdict["action"], codes)


def _names(version: str, *, phone: bool) -> dict[str, Any]:
    """Give the names of an ordinary Chromium of this version: without a window it names itself otherwise."""
    major = version.split(".")[0]
    system = "Linux; Android 10; K" if phone else "X11; Linux x86_64"
    mobile = "Mobile " if phone else ""
    agent = f"Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{major}.0.0.0 {mobile}Safari/537.36"
    brands = [{"brand": "Chromium", "version": major}, {"brand": "Not)A;Brand", "version": "24"}]
    metadata = {"brands": brands, "platform": "Android" if phone else "Linux", "platformVersion": "",
                "architecture": "", "model": "", "mobile": phone}  # fmt: skip
    return {"userAgent": agent, "userAgentMetadata": metadata}


async def _replayed(steps: list[hands.Step], page: Page, cdp: CDPSession, rng: Rng) -> None:
    """Move as somebody was recorded, then go through the form by Tab and type."""
    await hands.play(cdp, steps)
    await _acted(draw_keyboard_user(rng), page, cdp, rng)


async def _simulated(draw: Callable[[Rng], Actor], page: Page, cdp: CDPSession, rng: Rng) -> None:
    """Fill in the form as a simulated person does."""
    await _acted(draw(rng), page, cdp, rng)


async def _autofilled(page: Page, cdp: CDPSession, rng: Rng) -> None:
    """Click the first field, let a password manager fill in all, and go to the button."""
    person = draw_mouse(rng)
    first, button = await hands.target_of(page, "name"), await hands.target_of(page, "buy")
    await hands.play(cdp, hands.on_page(person, rng, [Goal("wander", first), Goal("click", first)], *_size(page)))
    await page.evaluate(
        """texts => {
             for (const [id, text] of Object.entries(texts)) {
               const field = document.getElementById(id);
               field.value = text;
               for (const type of ["input", "change"]) field.dispatchEvent(new Event(type, { bubbles: true }));
             }
           }""",
        _TEXTS,
    )
    await hands.play(cdp, hands.on_page(person, rng, [Goal("wander", button), Goal("click", button)], *_size(page)))


async def _dictated(page: Page, cdp: CDPSession, rng: Rng) -> None:
    """Name a field and speak its text, as voice control does by the tree for accessibility: no pointer, no key."""
    for name, length in _FIELDS:
        await asyncio.sleep(float(rng.uniform(0.9, 1.6)))
        await page.focus(f"#{name}")
        await asyncio.sleep(0.6 + length * float(rng.uniform(0.05, 0.08)))
        await cdp.send("Input.insertText", {"text": _TEXTS[name]})
    await page.focus("#terms")


async def _acted(actor: Actor, page: Page, cdp: CDPSession, rng: Rng) -> None:
    goals = [Goal("type", await hands.target_of(page, name), length) for name, length in _FIELDS]
    goals.append(Goal("click", await hands.target_of(page, "terms")))
    await hands.play(cdp, hands.on_page(actor, rng, goals, *_size(page)))


def _size(page: Page) -> tuple[int, int]:
    size = page.viewport_size
    assert size is not None
    return size["width"], size["height"]


async def _filling(page: Page, cdp: CDPSession, rng: Rng) -> None:
    """Fill in the form by the tool's own commands."""
    for name, text in _TEXTS.items():
        await page.click(f"#{name}")
        await page.fill(f"#{name}", text)
    await page.check("#terms")
    await page.click("#buy")


async def _straight(page: Page, cdp: CDPSession, rng: Rng) -> None:
    """Move in straight lines of even steps and type at an even pace."""
    for name, text in _TEXTS.items():
        target = await hands.target_of(page, name)
        await page.mouse.move(target.x, target.y, steps=25)
        await page.mouse.click(target.x, target.y, delay=40)
        await page.keyboard.type(text, delay=45)


async def _curved(page: Page, cdp: CDPSession, rng: Rng) -> None:
    """Move along Bezier curves, as tools for human-like mice do, and type at random intervals."""
    here = np.array([200.0, 200.0])
    for name, text in _TEXTS.items():
        target = await hands.target_of(page, name)
        there = np.array([target.x, target.y]) + rng.normal(0, 4, 2)
        bend = (here + there) / 2 + rng.normal(0, 80, 2)
        for share in np.linspace(0, 1, 40):
            x, y = (1 - share) ** 2 * here + 2 * share * (1 - share) * bend + share**2 * there
            await page.mouse.move(float(x), float(y))
            await asyncio.sleep(float(rng.uniform(0.006, 0.012)))
        await page.mouse.click(float(there[0]), float(there[1]), delay=float(rng.uniform(40, 90)))
        for letter in text:
            await page.keyboard.press(letter, delay=float(rng.uniform(20, 60)))
            await asyncio.sleep(float(rng.uniform(0.03, 0.12)))
        here = there


async def _type_password(browser: Browser, url: str, password: str) -> None:
    page = await browser.new_page(bypass_csp=True)
    await page.goto(url)
    await async_until(page, "window.telltale?.sessionId")
    await page.click("#password")
    await page.keyboard.type(password, delay=20)
    await page.evaluate("telltale.analyze()")
    await page.context.close()


async def _places_of(system: System, secret: str) -> list[str]:
    """Look for a secret, whole and in parts, in all of Kafka and all batches of PostgreSQL; tell where it is."""
    parts = [secret[at : at + 8].encode() for at in range(len(secret) - 7)]
    consumer = aiokafka.AIOKafkaConsumer(
        *(topic.name for topic in TOPICS),
        bootstrap_servers=system.addresses.kafka_bootstrap,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    found, records = [], 0
    async with consumer:
        ends = await consumer.end_offsets(consumer.assignment())
        while any([await consumer.position(one) < end for one, end in ends.items()]):
            for one, some in (await consumer.getmany(timeout_ms=1_000)).items():
                records += len(some)
                found += [one.topic for record in some for part in parts if part in (record.value or b"")]
    rows = await system.rows("SELECT payload::text AS text FROM batches")
    found += ["batches" for row in rows for part in parts if part in row["text"].encode()]
    if not records or not rows:
        raise RuntimeError("Kafka or PostgreSQL holds nothing to look into")
    return sorted(set(found))


def figures() -> dict[str, Any]:
    """Start a system, let everybody try, and count; each run is told on standard error."""
    sys.stderr.write("starting a system for people and bots\n")
    with running_system(_HOME) as system:
        return asyncio.run(tried(system))


if __name__ == "__main__":
    end_in_order_on_sigterm()
    sys.stdout.write(json.dumps(figures()) + "\n")
