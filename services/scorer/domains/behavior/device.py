"""What the client tells about its device."""

from typing import Final

import msgspec

from services.scorer.features import Feature, Features
from shared.contracts.behavior import DeviceFingerprint

DEVICE_FEATURES: Final = {
    "webdriver": Feature("bool", "whether the browser said it is driven by a program; none when it said nothing"),
    "automation_flag_count": Feature("count", "traces of automation tools the client found; none when it did not look"),
}


class DeviceState(msgspec.Struct, array_like=True):
    """Worst answer so far: a flag once shown stays, since a program can take it back."""

    webdriver: bool | None = None
    automation_flag_count: int | None = None

    def observe(self, fingerprints: list[DeviceFingerprint]) -> None:
        """Fold fingerprints in."""
        for fingerprint in fingerprints:
            if fingerprint.webdriver is not None:
                self.webdriver = bool(self.webdriver) or fingerprint.webdriver
            if fingerprint.automation_flags is not None:
                self.automation_flag_count = max(self.automation_flag_count or 0, len(fingerprint.automation_flags))

    def values(self) -> Features:
        """Give the features of ``DEVICE_FEATURES``."""
        return {"webdriver": self.webdriver, "automation_flag_count": self.automation_flag_count}
