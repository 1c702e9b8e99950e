"""The feature table of the behaviour domain, and the state behind it.

Times between events are taken by the client's own clock, uncorrected: the correction moves with the network's delay.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from services.scorer.domains.behavior.attention import ATTENTION_FEATURES, AttentionState
from services.scorer.domains.behavior.device import DEVICE_FEATURES, DeviceState
from services.scorer.domains.behavior.forms import FORM_FEATURES, FormState
from services.scorer.domains.behavior.keys import KEY_FEATURES, KeyState, presses_of
from services.scorer.domains.behavior.mix import MIX_FEATURES, MixState
from services.scorer.domains.behavior.network import NETWORK_FEATURES, NetworkState
from services.scorer.domains.behavior.pointer import POINTER_FEATURES, PointerState
from services.scorer.domains.behavior.scrolling import SCROLL_FEATURES, ScrollState
from services.scorer.domains.behavior.touch import TOUCH_FEATURES, TouchState
from services.scorer.domains.behavior.trust import TRUST_FEATURES, TrustState
from services.scorer.features import Feature, Features
from shared.contracts.batch import BehaviorBatch
from shared.contracts.behavior import (
    ClipboardUsed,
    DeviceFingerprint,
    FocusGained,
    FocusLost,
    FormChanged,
    FormSubmitted,
    KeyPress,
    KeyTrack,
    NetworkFacts,
    PointerDown,
    PointerMove,
    PointerTrack,
    PointerUp,
    Scroll,
    ScrollTrack,
    TouchEnd,
    TouchMove,
    TouchStart,
    TouchTrack,
    VisibilityChanged,
)

FEATURES: Final[Mapping[str, Feature]] = (
    DEVICE_FEATURES
    | NETWORK_FEATURES
    | TRUST_FEATURES
    | ATTENTION_FEATURES
    | MIX_FEATURES
    | POINTER_FEATURES
    | TOUCH_FEATURES
    | SCROLL_FEATURES
    | KEY_FEATURES
    | FORM_FEATURES
)

# What a device makes. Scripts may well change forms, scroll and focus: password managers and pages themselves do.
_INPUT_EVENTS: Final = (PointerMove, PointerDown, PointerUp, KeyPress, TouchStart, TouchMove, TouchEnd)
_ATTENTION: Final = (FocusGained, FocusLost, VisibilityChanged)


class State(msgspec.Struct, array_like=True):
    """What is remembered of one session's behaviour."""

    device: DeviceState = msgspec.field(default_factory=DeviceState)
    trust: TrustState = msgspec.field(default_factory=TrustState)
    pointer: PointerState = msgspec.field(default_factory=PointerState)
    touch: TouchState = msgspec.field(default_factory=TouchState)
    scrolling: ScrollState = msgspec.field(default_factory=ScrollState)
    keys: KeyState = msgspec.field(default_factory=KeyState)
    network: NetworkState = msgspec.field(default_factory=NetworkState)
    attention: AttentionState = msgspec.field(default_factory=AttentionState)
    mix: MixState = msgspec.field(default_factory=MixState)
    forms: FormState = msgspec.field(default_factory=FormState)

    def observe(self, batch: BehaviorBatch) -> None:
        """Fold one batch in."""
        events, tracks = _by_type(batch.events), _by_type(batch.tracks)
        self.device.observe(events[DeviceFingerprint])
        self.network.observe(events[NetworkFacts])
        inputs = [event for kind in _INPUT_EVENTS if kind in events for event in events[kind]]
        presses = presses_of(events[KeyPress], tracks[KeyTrack])
        self.trust.observe(inputs, batch.tracks)
        self.attention.observe([event for kind in _ATTENTION for event in events[kind]], inputs, batch.tracks)
        self.mix.observe(events, tracks, events[PointerDown], presses)
        self.pointer.observe(events[PointerMove], tracks[PointerTrack], events[PointerDown], events[PointerUp])
        self.touch.observe(events[TouchStart], events[TouchMove], events[TouchEnd], tracks[TouchTrack])
        self.scrolling.observe(events[Scroll], tracks[ScrollTrack])
        self.keys.observe(presses)
        self.forms.observe(events[FormChanged], events[FormSubmitted], events[ClipboardUsed])

    def values(self) -> Features:
        """Give the features of ``FEATURES``."""
        return {
            **self.device.values(),
            **self.trust.values(),
            **self.pointer.values(),
            **self.touch.values(),
            **self.scrolling.values(),
            **self.keys.values(),
            **self.network.values(),
            **self.attention.values(),
            **self.mix.values(),
            **self.forms.values(),
        }


def _by_type(items: Iterable[object]) -> defaultdict[type, list[Any]]:
    groups: defaultdict[type, list[Any]] = defaultdict(list)
    for item in items:
        groups[type(item)].append(item)
    return groups
