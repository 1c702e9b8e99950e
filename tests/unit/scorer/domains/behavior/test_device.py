"""What a device tells of itself: believed where it agrees with itself, never missed where it says nothing."""

from typing import Any

import pytest

from services.scorer.domains.behavior.device import DeviceState
from services.scorer.domains.behavior.network import NetworkState
from services.scorer.features import Features
from shared.contracts.behavior import DeviceFingerprint, NetworkFacts
from tests.unit.scorer.inputs import at

CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0"
SAFARI = "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4"
WINDOWS = f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME} Safari/537.36"
LINUX = f"Mozilla/5.0 (X11; Linux x86_64) {CHROME} Safari/537.36"
ANDROID = f"Mozilla/5.0 (Linux; Android 10; K) {CHROME} Mobile Safari/537.36"
MAC = f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {SAFARI} Safari/605.1.15"
IPHONE = f"Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) {SAFARI} Mobile/15E148 Safari/604.1"
TOR = "Mozilla/5.0 (Windows NT 10.0; rv:128.0) Gecko/20100101 Firefox/128.0"
BRANDS = ["Not?A_Brand/24", "Chromium/131", "Google Chrome/131"]


def features_of(*told: dict[str, Any]) -> Features:
    state = DeviceState()
    for facts in told:
        state.observe([DeviceFingerprint(occurred_at=at(0), **facts)])
    return state.values()


@pytest.mark.parametrize(
    "facts",
    [
        {"user_agent": WINDOWS, "platform": "Win32", "hint_platform": "Windows", "hint_brands": BRANDS},
        {"user_agent": MAC, "platform": "MacIntel", "touch_points": 0},
        {"user_agent": MAC, "platform": "MacIntel", "touch_points": 5},  # a tablet that asks for desktop pages
        {"user_agent": MAC, "platform": "iPhone", "touch_points": 5},  # so does a phone
        {"user_agent": IPHONE, "platform": "iPhone", "touch_points": 5},
        {"user_agent": ANDROID, "platform": "Linux armv81", "hint_platform": "Android", "touch_points": 5},
        {"user_agent": LINUX, "platform": "Linux armv81", "hint_platform": "Android", "touch_points": 5},
        {"user_agent": LINUX.replace("Linux x86_64", "CrOS x86_64 14541.0.0"), "platform": "Linux x86_64"},
        {"user_agent": TOR, "platform": "Win32", "touch_points": 0},
        {"user_agent": "Mozilla/5.0", "platform": ""},
        {"screen_width": 1000, "screen_height": 600, "timezone": "UTC"},
        {},
    ],
)
def test_honest_devices_agree_with_themselves(facts: dict[str, Any]) -> None:
    features = features_of(facts)

    assert not features["fingerprint_conflicts"]
    assert not features["device_headless"]


@pytest.mark.parametrize(
    "facts",
    [
        {"user_agent": WINDOWS, "platform": "Linux x86_64"},
        {"user_agent": WINDOWS, "hint_platform": "Linux"},
        {"user_agent": MAC, "platform": "Win32"},
        {"user_agent": WINDOWS, "hint_brands": ["Chromium/99"]},
        {"user_agent": IPHONE, "touch_points": 0},
        {"user_agent": ANDROID, "touch_points": 0},
    ],
)
def test_facts_that_cannot_be_true_together_are_seen_and_stay_seen(facts: dict[str, Any]) -> None:
    assert features_of(facts)["fingerprint_conflicts"] == 1
    assert features_of(facts, {"user_agent": MAC, "platform": "MacIntel"})["fingerprint_conflicts"] == 1


def test_missing_facts_are_no_evidence() -> None:
    features = features_of({})

    assert {name: value for name, value in features.items() if value is not None} == {"fingerprint_checks": 0}


@pytest.mark.parametrize(
    ("facts", "headless"),
    [
        ({"user_agent": WINDOWS.replace("Chrome", "HeadlessChrome")}, True),
        ({"user_agent": WINDOWS, "hint_brands": ["HeadlessChrome/131"]}, True),
        ({"user_agent": WINDOWS, "hint_brands": BRANDS}, False),
        ({"platform": "Win32"}, None),
    ],
)
def test_a_browser_without_a_window_names_itself(facts: dict[str, Any], headless: bool | None) -> None:
    assert features_of(facts)["device_headless"] is headless


def test_the_means_to_point_are_remembered() -> None:
    features = features_of({"touch_points": 5, "primary_pointer": "coarse"}, {"primary_pointer": "fine"}, {})

    assert (features["device_touch_points"], features["device_fine_pointer"]) == (5, True)


def test_a_datacentre_once_seen_stays_and_networks_are_counted_to_a_bound() -> None:
    state = NetworkState()
    state.observe([NetworkFacts(occurred_at=at(0))])
    assert state.values() == {"network_datacenter": None, "network_count": 0}

    state.observe([NetworkFacts(occurred_at=at(0), network_type="vpn", asn=number % 20) for number in range(50)])
    assert state.values() == {"network_datacenter": False, "network_count": 8}

    state.observe([NetworkFacts(occurred_at=at(0), network_type=kind) for kind in ("datacenter", "residential")])
    assert state.values()["network_datacenter"] is True
