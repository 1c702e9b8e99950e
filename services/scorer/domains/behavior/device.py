"""What the client tells about its device, and whether it agrees with itself.

Facts may be missing or rounded, as privacy browsers do; then the checks that need them are not made. A browser that
keeps a fact to itself is never worse off than one that tells it.
"""

import re
from collections.abc import Callable
from typing import Final

import msgspec

from services.scorer.features import Feature, Features
from shared.contracts.behavior import DeviceFingerprint

DEVICE_FEATURES: Final = {
    "webdriver": Feature("bool", "whether the browser said it is driven by a program; none when it said nothing"),
    "automation_flag_count": Feature("count", "traces of automation tools the client found; none when it did not look"),
    "device_headless": Feature("bool", "whether the browser names itself as one without a window; none without a name"),
    "device_touch_points": Feature("count", "fingers the screen can tell apart; none when not told"),
    "device_fine_pointer": Feature("bool", "whether the main pointer is a mouse or the like; none when not told"),
    "fingerprint_checks": Feature("count", "facts about the device that could be held against each other"),
    "fingerprint_conflicts": Feature("count", "of these, those that cannot be true together; none without checks"),
}

_HEADLESS: Final = re.compile(r"headless|phantomjs|puppeteer|playwright|selenium|slimerjs", re.IGNORECASE)
# Names of one maker's systems stand for each other: phones ask for desktop pages under their cousins' names.
_SYSTEMS: Final = (
    ("windows", re.compile(r"\bwin(dows|32|64|ce)?\b", re.IGNORECASE)),
    ("apple", re.compile(r"iphone|ipad|ipod|macintosh|mac ?os|macintel|macppc|\bios\b", re.IGNORECASE)),
    ("linux", re.compile(r"android|linux|\bcros\b|chrome ?os|chromium os|x11", re.IGNORECASE)),
)
_PHONE: Final = re.compile(r"iphone|android.*mobile", re.IGNORECASE)
_CHROMIUM: Final = re.compile(r"(?:Chrome|Chromium)/(\d+)")


class DeviceState(msgspec.Struct, array_like=True):
    """Worst answer so far: a flag once shown stays, since a program can take it back."""

    webdriver: bool | None = None
    automation_flag_count: int | None = None
    headless: bool | None = None
    touch_points: int | None = None
    fine_pointer: bool | None = None
    checks: int = 0
    conflicts: int = 0

    def observe(self, fingerprints: list[DeviceFingerprint]) -> None:
        """Fold fingerprints in."""
        for told in fingerprints:
            if told.webdriver is not None:
                self.webdriver = bool(self.webdriver) or told.webdriver
            if told.automation_flags is not None:
                self.automation_flag_count = max(self.automation_flag_count or 0, len(told.automation_flags))
            if told.user_agent is not None or told.hint_brands is not None:
                names = " ".join([told.user_agent or "", *(told.hint_brands or ())])
                self.headless = bool(self.headless) or bool(_HEADLESS.search(names))
            if told.touch_points is not None:
                self.touch_points = max(self.touch_points or 0, told.touch_points)
            if told.primary_pointer is not None:
                self.fine_pointer = bool(self.fine_pointer) or told.primary_pointer == "fine"
            answers = [answer for check in _CHECKS if (answer := check(told)) is not None]
            self.checks = max(self.checks, len(answers))
            self.conflicts = max(self.conflicts, answers.count(False))

    def values(self) -> Features:
        """Give the features of ``DEVICE_FEATURES``."""
        return {
            "webdriver": self.webdriver,
            "automation_flag_count": self.automation_flag_count,
            "device_headless": self.headless,
            "device_touch_points": self.touch_points,
            "device_fine_pointer": self.fine_pointer,
            "fingerprint_checks": self.checks,
            "fingerprint_conflicts": self.conflicts if self.checks else None,
        }


def _system_of(name: str | None) -> str | None:
    """Name the family of systems that a text speaks of; none when it speaks of none known."""
    return next((system for system, pattern in _SYSTEMS if name and pattern.search(name)), None)


def _one_system(told: DeviceFingerprint) -> bool | None:
    agent = _system_of(told.user_agent)
    others = [system for name in (told.platform, told.hint_platform) if (system := _system_of(name)) is not None]
    return all(system == agent for system in others) if agent is not None and others else None


def _one_version(told: DeviceFingerprint) -> bool | None:
    agent = _CHROMIUM.search(told.user_agent or "")
    hint = next((match for brand in told.hint_brands or () if (match := _CHROMIUM.search(brand))), None)
    return agent[1] == hint[1] if agent and hint else None


def _phones_have_touch(told: DeviceFingerprint) -> bool | None:
    if told.user_agent is None or told.touch_points is None or not _PHONE.search(told.user_agent):
        return None
    return told.touch_points > 0


_CHECKS: Final[tuple[Callable[[DeviceFingerprint], bool | None], ...]] = (
    _one_system,
    _one_version,
    _phones_have_touch,
)
