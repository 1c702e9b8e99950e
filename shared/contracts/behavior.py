"""Behaviour events: pointer, key, touch, scroll, focus, visibility, clipboard, form, device, network.

Of a key only timing and class are known, never which key it was. Events come as objects or, for dense
signals, as tracks: columns of samples, each of which counts as one event.
"""

from typing import Annotated, Literal

from msgspec import Meta

from shared.contracts.base import (
    ContractStruct,
    DwellMs,
    ElementRef,
    EventId,
    Length,
    OffsetMs,
    Pixels,
    Share,
    Timestamp,
    Token,
)

PointerKind = Literal["mouse", "pen", "touch"]
KeyClass = Literal[
    "letter", "digit", "punctuation", "space", "enter", "tab", "backspace", "delete",
    "escape", "arrow", "navigation", "modifier", "function", "other",
]  # fmt: skip
Button = Annotated[int, Meta(ge=0, le=31, description="0 is the primary button.")]
TouchId = Annotated[int, Meta(ge=0, le=2**31 - 1, description="Tells fingers apart within one gesture.")]
SmallInt = Annotated[int, Meta(ge=0, le=1_000_000)]
# Beside what a Token may hold, the question mark that browsers put into brands that are none.
Brand = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9_./:+ ,;()=?-]{0,64}$(?!\n)", description="Name and major version: Chromium/128.")
]


class BehaviorEvent(ContractStruct, frozen=True, kw_only=True, tag_field="type"):
    """What every behaviour event carries; its payload fields stand beside these."""

    occurred_at: Timestamp
    event_id: EventId | None = None
    trusted: bool | None = None  # the browser's isTrusted; None where the client cannot tell


class PointerMove(BehaviorEvent, frozen=True, kw_only=True, tag="pointer.move"):
    """The pointer is at a new place."""

    x: Pixels
    y: Pixels
    pointer: PointerKind | None = None


class PointerDown(BehaviorEvent, frozen=True, kw_only=True, tag="pointer.down"):
    """A button went down."""

    x: Pixels
    y: Pixels
    button: Button = 0
    pointer: PointerKind | None = None
    target: ElementRef | None = None


class PointerUp(BehaviorEvent, frozen=True, kw_only=True, tag="pointer.up"):
    """A button came up."""

    x: Pixels
    y: Pixels
    button: Button = 0
    pointer: PointerKind | None = None
    target: ElementRef | None = None


class KeyPress(BehaviorEvent, frozen=True, kw_only=True, tag="key.press"):
    """A key was pressed at ``occurred_at`` and held for ``dwell_ms``. Which key it was is never sent."""

    key_class: KeyClass
    dwell_ms: DwellMs | None = None
    repeat: bool = False
    target: ElementRef | None = None


class TouchStart(BehaviorEvent, frozen=True, kw_only=True, tag="touch.start"):
    """A finger touched the screen."""

    x: Pixels
    y: Pixels
    touch_id: TouchId = 0
    pressure: Share | None = None
    radius: Pixels | None = None


class TouchMove(BehaviorEvent, frozen=True, kw_only=True, tag="touch.move"):
    """A finger moved on the screen."""

    x: Pixels
    y: Pixels
    touch_id: TouchId = 0
    pressure: Share | None = None
    radius: Pixels | None = None


class TouchEnd(BehaviorEvent, frozen=True, kw_only=True, tag="touch.end"):
    """A finger left the screen."""

    x: Pixels
    y: Pixels
    touch_id: TouchId = 0
    cancelled: bool = False


class Scroll(BehaviorEvent, frozen=True, kw_only=True, tag="scroll"):
    """The page or an element was scrolled to a new offset."""

    y: Pixels
    x: Pixels = 0
    source: Literal["wheel", "touch", "keyboard", "scrollbar", "script"] | None = None


class FocusGained(BehaviorEvent, frozen=True, kw_only=True, tag="focus.gained"):
    """The page or an element received focus."""

    target: ElementRef | None = None


class FocusLost(BehaviorEvent, frozen=True, kw_only=True, tag="focus.lost"):
    """The page or an element lost focus."""

    target: ElementRef | None = None


class VisibilityChanged(BehaviorEvent, frozen=True, kw_only=True, tag="visibility.changed"):
    """The page became visible or hidden."""

    state: Literal["visible", "hidden"]


class ClipboardUsed(BehaviorEvent, frozen=True, kw_only=True, tag="clipboard.used"):
    """The clipboard was used; its content is never sent."""

    action: Literal["copy", "cut", "paste"]
    length: Length | None = None
    target: ElementRef | None = None


class FormChanged(BehaviorEvent, frozen=True, kw_only=True, tag="form.changed"):
    """A form field changed; its content is never sent."""

    field: ElementRef
    method: Literal["typed", "pasted", "autofilled", "script"] | None = None
    length: Length | None = None


class FormSubmitted(BehaviorEvent, frozen=True, kw_only=True, tag="form.submitted"):
    """A form was submitted."""

    form: ElementRef | None = None
    field_count: SmallInt | None = None


class DeviceFingerprint(BehaviorEvent, frozen=True, kw_only=True, tag="device.fingerprint"):
    """Facts the client tells about its device. Each may be missing; a missing one is no evidence."""

    user_agent: Token | None = None
    platform: Token | None = None
    languages: Annotated[list[Token], Meta(max_length=16)] | None = None
    timezone: Token | None = None
    timezone_offset_min: Annotated[int, Meta(ge=-1_440, le=1_440)] | None = None
    screen_width: SmallInt | None = None
    screen_height: SmallInt | None = None
    window_width: SmallInt | None = None
    window_height: SmallInt | None = None
    pixel_ratio: Annotated[float, Meta(ge=0, le=100)] | None = None
    color_depth: SmallInt | None = None
    cpu_count: SmallInt | None = None
    memory_gb: Annotated[float, Meta(ge=0, le=1_048_576)] | None = None
    touch_points: SmallInt | None = None
    plugin_count: SmallInt | None = None
    webdriver: bool | None = None
    automation_flags: Annotated[list[Token], Meta(max_length=32)] | None = None
    primary_pointer: Literal["fine", "coarse", "none"] | None = None  # the CSS media feature "pointer"
    hint_platform: Token | None = None  # what the client hints (Sec-CH-UA and its kin) say
    hint_brands: Annotated[list[Brand], Meta(max_length=16)] | None = None


class NetworkFacts(BehaviorEvent, frozen=True, kw_only=True, tag="network.facts"):
    """Facts the client's edge knows about its connection."""

    asn: Annotated[int, Meta(ge=0, le=2**32 - 1)] | None = None
    country: Annotated[str, Meta(pattern=r"^[A-Z]{2}$(?!\n)")] | None = None
    network_type: Literal["residential", "mobile", "business", "datacenter", "vpn", "proxy", "tor"] | None = None
    ja4: Token | None = None
    http_version: Literal["1.0", "1.1", "2", "3"] | None = None
    header_order_sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")] | None = None
    rtt_ms: Annotated[float, Meta(ge=0, le=600_000)] | None = None


AnyBehaviorEvent = (
    PointerMove | PointerDown | PointerUp | KeyPress | TouchStart | TouchMove | TouchEnd | Scroll | FocusGained
    | FocusLost | VisibilityChanged | ClipboardUsed | FormChanged | FormSubmitted | DeviceFingerprint | NetworkFacts
)  # fmt: skip


class BehaviorTrack(ContractStruct, frozen=True, kw_only=True, tag_field="type"):
    """Many samples of one signal as columns of equal length; ``t`` counts milliseconds from ``started_at``."""

    started_at: Timestamp
    t: Annotated[list[OffsetMs], Meta(min_length=1)]
    trusted: bool | None = None


class PointerTrack(BehaviorTrack, frozen=True, kw_only=True, tag="pointer.move"):
    """A pointer path."""

    x: list[Pixels]
    y: list[Pixels]
    pointer: PointerKind | None = None


class TouchTrack(BehaviorTrack, frozen=True, kw_only=True, tag="touch.move"):
    """The path of one finger."""

    x: list[Pixels]
    y: list[Pixels]
    touch_id: TouchId = 0


class ScrollTrack(BehaviorTrack, frozen=True, kw_only=True, tag="scroll"):
    """Scroll offsets over time."""

    y: list[Pixels]


class KeyTrack(BehaviorTrack, frozen=True, kw_only=True, tag="key.press"):
    """A run of key presses: when, what class, how long held."""

    key_class: list[KeyClass]
    dwell_ms: list[DwellMs | None]


AnyBehaviorTrack = PointerTrack | TouchTrack | ScrollTrack | KeyTrack
