"""What a client tells about device and network. People and careful bots tell the same: a real device's facts."""

from datetime import UTC, datetime
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from services.scorer.lab.simulate.motion import Rng
from services.scorer.lab.simulate.page import Page

Honesty = Literal["honest", "private", "driven"]

_CHROME: Final = "Mozilla/5.0 ({}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0 {}Safari/537.36"
_FIREFOX: Final = "Mozilla/5.0 ({}; rv:{}.0) Gecko/20100101 Firefox/{}.0"
_SAFARI: Final = "Mozilla/5.0 ({}) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/{}.0 {}"
# Browser's text before and after its version, platform, pixel ratio, processors, memory told, plugins.
_DESKTOPS: Final = (
    ("chrome", "Windows NT 10.0; Win64; x64", "Win32", 1.25, 8, 8.0, 5),
    ("chrome", "Windows NT 10.0; Win64; x64", "Win32", 1.0, 16, 8.0, 5),
    ("chrome", "Macintosh; Intel Mac OS X 10_15_7", "MacIntel", 2.0, 10, 8.0, 5),
    ("chrome", "X11; Linux x86_64", "Linux x86_64", 1.0, 8, 8.0, 5),
    ("firefox", "Windows NT 10.0; Win64; x64", "Win32", 1.5, 8, None, 5),
    ("firefox", "X11; Linux x86_64", "Linux x86_64", 1.0, 4, None, 5),
    ("safari", "Macintosh; Intel Mac OS X 10_15_7", "MacIntel", 2.0, 8, None, 5),
)
_PHONES: Final = (
    ("chrome", "Linux; Android 10; K", "Linux armv81", 2.625, 8, 8.0, 0),
    ("chrome", "Linux; Android 10; K", "Linux armv81", 3.0, 8, 4.0, 0),
    ("safari", "iPhone; CPU iPhone OS 18_5 like Mac OS X", "iPhone", 3.0, 6, None, 5),
)
_PLACES: Final = (
    ("Europe/Berlin", "de-DE", "DE", 3320), ("Europe/London", "en-GB", "GB", 2856),
    ("Europe/Paris", "fr-FR", "FR", 3215), ("America/New_York", "en-US", "US", 7922),
    ("America/Los_Angeles", "en-US", "US", 7018), ("Asia/Kolkata", "en-IN", "IN", 24560),
    ("America/Sao_Paulo", "pt-BR", "BR", 28573), ("Asia/Tokyo", "ja-JP", "JP", 2516),
)  # fmt: skip


def device_event(rng: Rng, page: Page, phone: bool, epoch_s: float, honesty: Honesty, place: int) -> dict[str, Any]:
    """Draw a device's facts as an event without a time.

    Parameters
    ----------
    honesty
        ``honest``: a device as it is. ``private``: a browser that tells little, and the same of everybody.
        ``driven``: traces of a driver are left in.
    place
        Where it is, a row of the places known.
    """
    browser, system, platform, ratio, processors, memory_gb, plugins = (_PHONES if phone else _DESKTOPS)[
        int(rng.integers(len(_PHONES if phone else _DESKTOPS)))
    ]
    zone, language, _, _ = _PLACES[place]
    offset_min = _offset_min(zone, epoch_s)
    facts: dict[str, Any] = {
        "user_agent": _user_agent(rng, browser, system, phone),
        "platform": platform,
        "languages": [language] if rng.random() < 0.3 else [language, language[:2]],
        "timezone": zone,
        "timezone_offset_min": offset_min,
        "screen_width": page.width,
        "screen_height": page.height + (0 if phone else int(rng.integers(100, 170))),
        "window_width": page.width,
        "window_height": page.height,
        "pixel_ratio": ratio,
        "color_depth": 24,
        "cpu_count": processors,
        "memory_gb": memory_gb,
        "touch_points": 5 if phone else 0,
        "plugin_count": plugins,
        "webdriver": False,
    }
    if honesty == "private":
        for name in ("memory_gb", "plugin_count", "cpu_count"):
            del facts[name]
        facts |= {"timezone": "UTC", "timezone_offset_min": 0, "languages": ["en-US", "en"], "pixel_ratio": 1.0}
        facts |= {"screen_width": facts["window_width"], "screen_height": facts["window_height"]}
    if honesty == "driven":
        facts["webdriver"] = bool(rng.random() < 0.6)
        facts["automation_flags"] = ["cdc", "domAutomation"][: int(rng.integers(0, 3))]
        facts["plugin_count"] = 0
        if rng.random() < 0.4:
            facts["user_agent"] = facts["user_agent"].replace("Chrome/", "HeadlessChrome/")
    return {"type": "device.fingerprint", **{name: value for name, value in facts.items() if value is not None}}


def network_event(rng: Rng, phone: bool, place: int) -> dict[str, Any]:
    """Draw what the edge knows of a connection; it knows nothing of who sits there."""
    _, _, country, asn = _PLACES[place]
    kind = (
        "mobile"
        if phone and rng.random() < 0.6
        else str(rng.choice(["residential", "business", "vpn"], p=[0.75, 0.2, 0.05]))
    )
    return {
        "type": "network.facts",
        "asn": asn,
        "country": country,
        "network_type": kind,
        "http_version": str(rng.choice(["2", "3"])),
        "rtt_ms": round(float(rng.lognormal(3.5, 0.5)), 1),
    }


def draw_place(rng: Rng) -> int:
    """Draw where somebody is."""
    return int(rng.integers(len(_PLACES)))


def _user_agent(rng: Rng, browser: str, system: str, phone: bool) -> str:
    if browser == "chrome":
        return _CHROME.format(system, rng.integers(128, 142), "Mobile " if phone else "")
    if browser == "firefox":
        version = int(rng.integers(128, 144))
        return _FIREFOX.format(system, version, version)
    return _SAFARI.format(system, rng.integers(17, 19), "Mobile/15E148 Safari/604.1" if phone else "Safari/605.1.15")


def _offset_min(zone: str, epoch_s: float) -> int:
    """Give the offset as JavaScript tells it: minutes from local time to UTC, so negative in the east."""
    offset = datetime.fromtimestamp(epoch_s, UTC).astimezone(ZoneInfo(zone)).utcoffset()
    return -int(offset.total_seconds() // 60) if offset is not None else 0
