"""What the SDK costs a page and its visitor, measured in Chromium; prints one JSON object as its last line.

``python -m tests.browser.measure`` exits with 1 when a figure is over its limit. With ``--alone`` it leaves out people
and bots at the demo shop, for whom it starts a whole system.
"""

import asyncio
import gzip
import json
import statistics
import sys
from pathlib import Path
from typing import Any, Final

import numpy as np
from playwright.async_api import Browser, CDPSession, Page

from benchmarks.measuring import end_in_order_on_sigterm
from deploy import sdks
from services.scorer.lab.simulate.page import Goal
from services.scorer.lab.simulate.people import draw_mouse
from tests.browser import full_stack, hands
from tests.browser.chromium import async_browser
from tests.browser.conftest import tag_head
from tests.browser.gateway import RecordingGateway
from tests.browser.site import Site

LIMITS: Final = {
    "sdk_gzip_bytes": 10_000, "hook_gzip_bytes": 1_000, "cpu_share": 0.01, "heap_bytes": 2_000_000,
    "bytes_per_analysis": 5_000, "script_eval_ms": 10.0, "longest_task_ms": 5.0,
}  # fmt: skip
OUTCOMES: Final = {"people_flagged": 0, "bots_missed": 0, "secrets_found": 0}
_ROUNDS: Final = 7
_COST_ROUNDS: Final = 11
_TURNS: Final = 8  # of each page in a round; two or three batches leave
_TURN_S: Final = 1.0
_FIELDS: Final = (("email", 18), ("name", 14), ("street", 16), ("city", 9))
_VIEW: Final = {"width": 1280, "height": 900}


def gzipped_bytes(file: Path) -> int:
    """Give the size of a file as a server sends it."""
    return len(gzip.compress(file.read_bytes(), 9))


async def measured() -> dict[str, Any]:
    """Build, measure, and give every figure."""
    sys.stderr.write("building\n")
    sdks.build()
    figures: dict[str, Any] = {
        "sdk_gzip_bytes": gzipped_bytes(sdks.BROWSER / "dist" / "telltale.min.js"),
        "hook_gzip_bytes": gzipped_bytes(sdks.REACT / "dist" / "telltale-react.js"),
    }
    with Site().running() as site, RecordingGateway().running() as gateway:
        bare, followed = site.form("", "/bare.html"), site.form(tag_head(gateway), "/followed.html")
        async with async_browser() as browser:
            figures |= await _costs(browser, bare, followed)
            sys.stderr.write("length of scripts\n")
            figures |= await _scripts(browser, followed)
            sys.stderr.write("bytes of an analysis\n")
            figures |= await _bytes(browser, followed, gateway)
        if gateway.violations:
            raise RuntimeError(f"not of the contract: {gateway.violations}")
    return figures


async def _costs(browser: Browser, bare: str, followed: str) -> dict[str, Any]:
    """Move the pointer at 125 Hz over a page with the SDK and one without, by turns.

    Turns are short, so that whatever else this machine does is in both. Whole rounds count: also what a page does while
    it is the other's turn, as sending a batch.
    """
    pages = {url: await _moved_over(browser, url) for url in (bare, followed)}
    shares = []
    for number in range(_COST_ROUNDS):
        before = {url: (await _metrics(cdp))["TaskDuration"] for url, cdp in pages.items()}
        for turn in range(_TURNS):
            for url in (bare, followed) if turn % 2 else (followed, bare):
                await hands.play(pages[url], hands.circles(_TURN_S))
        spent = {url: (await _metrics(cdp))["TaskDuration"] - before[url] for url, cdp in pages.items()}
        shares.append((spent[followed] - spent[bare]) / (_TURNS * _TURN_S))
        sys.stderr.write(f"processor: {number + 1} of {_COST_ROUNDS} rounds\n")
    heaps = {url: await _heap_bytes(cdp) for url, cdp in pages.items()}
    return {
        "cpu_share": round(statistics.median(shares), 5),
        "cpu_shares": [round(share, 5) for share in shares],
        "heap_bytes": int(heaps[followed] - heaps[bare]),
    }


async def _moved_over(browser: Browser, url: str) -> CDPSession:
    """Open a page and move over it until what happens once has happened."""
    _, cdp = await _opened(browser, url)
    await cdp.send("Performance.enable", {"timeDomain": "threadTicks"})
    await hands.play(cdp, hands.circles(_TURN_S))
    return cdp


async def _heap_bytes(cdp: CDPSession) -> float:
    await cdp.send("HeapProfiler.collectGarbage")
    return (await _metrics(cdp))["JSHeapUsedSize"]


async def _scripts(browser: Browser, url: str) -> dict[str, Any]:
    """Trace how long the script takes to evaluate, and the longest of its calls afterwards, while a page is used."""
    evaluated, longest = [], 0.0
    for number in range(_ROUNDS):
        context = await browser.new_context(viewport=_VIEW)  # type: ignore[arg-type]
        page = await context.new_page()
        await browser.start_tracing(page=page, categories=["devtools.timeline"])
        await page.goto(url)
        await page.wait_for_function("telltale.sessionId")
        if number == 0:
            cdp = await context.new_cdp_session(page)
            await hands.play(cdp, await _person(page, seed=7))
            await page.evaluate("telltale.analyze()")
        trace = json.loads(await browser.stop_tracing())
        await context.close()
        ours = [event for event in trace["traceEvents"] if _url(event).endswith("/telltale.min.js")]
        evaluated.append(max(_ms(event) for event in ours if event["name"] == "EvaluateScript"))
        longest = max(longest, *(_ms(event) for event in ours if event["name"] == "FunctionCall"))
    return {"script_eval_ms": round(statistics.median(evaluated), 2), "longest_task_ms": round(longest, 2)}


async def _bytes(browser: Browser, url: str, gateway: RecordingGateway) -> dict[str, Any]:
    """Count what a visitor's browser sends from the first byte to the verdict, while a form is filled in."""
    sums = []
    for seed in range(3):
        page, cdp = await _opened(browser, url)
        await page.wait_for_function("telltale.sessionId")
        session_id = await page.evaluate("telltale.sessionId")
        await hands.play(cdp, await _person(page, seed))
        result = await page.evaluate("telltale.analyze()")
        if result["status"] != "judged":
            raise RuntimeError(f"no verdict: {result}")
        begin = gateway.all("begin")[-1]
        sums.append(begin.wire_bytes + sum(s.wire_bytes for s in gateway.all("data") if s.session_id == session_id))
        await page.context.close()
    return {"bytes_per_analysis": int(statistics.median(sums))}


async def _person(page: Page, seed: int) -> list[hands.Step]:
    """Let somebody fill in the form with a mouse and a keyboard."""
    rng = np.random.default_rng(seed)
    goals = []
    for name, length in _FIELDS:
        goals.append(Goal("type", await hands.target_of(page, name), length))
    goals.append(Goal("click", await hands.target_of(page, "pay")))
    return hands.on_page(draw_mouse(rng), rng, goals, _VIEW["width"], _VIEW["height"])


async def _opened(browser: Browser, url: str) -> tuple[Page, CDPSession]:
    context = await browser.new_context(viewport=_VIEW)  # type: ignore[arg-type]
    page = await context.new_page()
    await page.goto(url)
    return page, await context.new_cdp_session(page)


async def _metrics(cdp: CDPSession) -> dict[str, float]:
    told = await cdp.send("Performance.getMetrics")
    return {metric["name"]: metric["value"] for metric in told["metrics"]}


def _url(event: dict[str, Any]) -> str:
    return str(event.get("args", {}).get("data", {}).get("url", ""))


def _ms(event: dict[str, Any]) -> float:
    """Give how long a traced call took of the processor's time, where that is known."""
    return float(event.get("tdur", event.get("dur", 0))) / 1_000


def main() -> int:
    """Measure, print, and tell what is over its limit."""
    end_in_order_on_sigterm()
    figures, wanted = asyncio.run(measured()), LIMITS
    if "--alone" not in sys.argv[1:]:
        figures |= full_stack.figures()
        wanted = LIMITS | OUTCOMES
    over = {name: limit for name, limit in wanted.items() if figures[name] > limit}
    for name, limit in over.items():
        sys.stderr.write(f"{name} is {figures[name]}, over its limit of {limit}\n")
    sys.stdout.write(json.dumps(figures) + "\n")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
