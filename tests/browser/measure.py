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
_MOVING_S: Final = 7.0  # a batch leaves
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
    """Pair pages with and without the SDK while the pointer moves at 125 Hz."""
    cpu, heap = [], []
    for number in range(_ROUNDS):
        order = (bare, followed) if number % 2 else (followed, bare)
        found = {url: await _one_cost(browser, url) for url in order}
        cpu.append((found[followed][0] - found[bare][0]) / _MOVING_S)
        heap.append(found[followed][1] - found[bare][1])
        sys.stderr.write(f"processor and heap: {number + 1} of {_ROUNDS} rounds\n")
    return {
        "cpu_share": round(statistics.median(cpu), 5),
        "cpu_shares": [round(share, 5) for share in cpu],
        "heap_bytes": int(statistics.median(heap)),
    }


async def _one_cost(browser: Browser, url: str) -> tuple[float, float]:
    page, cdp = await _opened(browser, url)
    await cdp.send("Performance.enable", {"timeDomain": "threadTicks"})
    await hands.play(cdp, hands.circles(0.5))
    before = await _metrics(cdp)
    await hands.play(cdp, hands.circles(_MOVING_S))
    after = await _metrics(cdp)
    await cdp.send("HeapProfiler.collectGarbage")
    heap = (await _metrics(cdp))["JSHeapUsedSize"]
    await page.context.close()
    return after["TaskDuration"] - before["TaskDuration"], heap


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
