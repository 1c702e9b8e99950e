"""The feature table of the behaviour domain, and the state behind it.

Intervals are taken by the client's own clock, uncorrected: the correction moves with the network's delay.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from services.scorer.domains.behavior.device import DEVICE_FEATURES, DeviceState
from services.scorer.features import Feature, Features
from shared.contracts.batch import BehaviorBatch
from shared.contracts.behavior import DeviceFingerprint

FEATURES: Final[Mapping[str, Feature]] = DEVICE_FEATURES


class State(msgspec.Struct, array_like=True):
    """What is remembered of one session's behaviour."""

    device: DeviceState = msgspec.field(default_factory=DeviceState)

    def observe(self, batch: BehaviorBatch) -> None:
        """Fold one batch in."""
        by_type: defaultdict[type, list[Any]] = defaultdict(list)
        for event in batch.events:
            by_type[type(event)].append(event)
        self.device.observe(by_type[DeviceFingerprint])

    def values(self) -> Features:
        """Give the features of ``FEATURES``."""
        return self.device.values()
