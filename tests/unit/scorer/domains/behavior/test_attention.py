"""Attention, forms and the mix of events: what is impossible is seen, what honest tools do is not."""

from collections.abc import Sequence

import pytest

from services.scorer.domains.behavior.features import State
from services.scorer.features import Features
from shared.contracts.batch import BehaviorBatch
from shared.contracts.behavior import (
    AnyBehaviorEvent,
    AnyBehaviorTrack,
    ClipboardUsed,
    FocusGained,
    FocusLost,
    FormChanged,
    FormSubmitted,
    KeyPress,
    PointerDown,
    PointerMove,
    VisibilityChanged,
)
from tests.unit.scorer.inputs import at, hand, scored, track


def features_of(events: Sequence[AnyBehaviorEvent], tracks: Sequence[AnyBehaviorTrack] = ()) -> Features:
    batch = scored("all", events, tracks).batch
    assert isinstance(batch, BehaviorBatch)
    state = State()
    state.observe(batch)
    return state.values()


def key(ms: float, target: str | None = None) -> KeyPress:
    return KeyPress(occurred_at=at(ms), key_class="letter", target=target)


def focus(ms: float, target: str | None = None) -> FocusGained:
    return FocusGained(occurred_at=at(ms), target=target)


def typed(ms: float, field: str, length: int | None = None) -> FormChanged:
    return FormChanged(occurred_at=at(ms), field=field, method="typed", length=length)


def test_keys_in_the_focused_element_miss_nothing() -> None:
    features = features_of([focus(0, "email"), key(100, "email"), focus(200, "name"), key(400, "name"), key(500)])

    assert (features["focus_keys"], features["focus_missed_share"]) == (2, 0)


def test_keys_elsewhere_are_seen() -> None:
    features = features_of([focus(0, "email"), key(900, "name"), key(1_000, "name"), key(1_100, "email")])

    assert features["focus_missed_share"] == pytest.approx(2 / 3)


def test_by_a_clamped_clock_focus_and_key_are_one_moment() -> None:
    forwards = features_of([focus(0, "email"), key(100, "name"), focus(100, "name"), key(200, "email")])

    assert forwards["focus_missed_share"] == 0


def test_a_client_that_tells_no_focus_is_not_judged() -> None:
    features = features_of([key(100, "name"), FocusLost(occurred_at=at(150), target="name"), key(200, "name")])

    assert (features["focus_keys"], features["focus_missed_share"]) == (0, None)


def test_input_in_a_hidden_page_is_seen_after_a_second() -> None:
    hidden = VisibilityChanged(occurred_at=at(1_000), state="hidden")
    features = features_of([hidden, *(key(ms) for ms in (500, 1_500, 2_500, 3_500))])

    assert (features["hidden_times"], features["hidden_checked"]) == (1, 3)
    assert features["hidden_input_share"] == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    "back", [VisibilityChanged(occurred_at=at(2_000), state="visible"), FocusGained(occurred_at=at(2_000))]
)
def test_a_page_that_is_back_or_another_that_has_the_focus_is_not_hidden(back: AnyBehaviorEvent) -> None:
    hidden = VisibilityChanged(occurred_at=at(1_000), state="hidden")

    assert features_of([hidden, back, *(key(ms) for ms in (2_500, 3_500))])["hidden_input_share"] == 0


def test_samples_of_tracks_are_input_as_well() -> None:
    points = [(t + 5_000, x, y) for t, x, y in hand(50)]
    shown, hidden = (VisibilityChanged(occurred_at=at(0), state=state) for state in ("visible", "hidden"))

    assert features_of([shown], [track(points)])["hidden_input_share"] == 0
    assert features_of([hidden], [track(points)])["hidden_input_share"] == 1
    assert features_of([], [track(points)])["hidden_checked"] == 0


def test_typed_at_once_is_seen() -> None:
    script = [typed(10.0 * index, field) for index, field in enumerate(("email", "name", "city", "zip", "phone"))]
    person = [typed(900.0 * index, field) for index, field in enumerate(("email", "email", "name", "city"))]

    assert (features_of(script)["form_typed_moves"], features_of(script)["form_instant_share"]) == (4, 1)
    assert (features_of(person)["form_typed_moves"], features_of(person)["form_instant_share"]) == (2, 0)


def test_typed_faster_than_anybody_types_is_seen() -> None:
    """Of 12 characters in 719 and 721 ms, the first are hurried; long texts may have stood there before."""
    times = {"name": 0.0, "email": 719.0, "street": 1_440.0, "town": 2_441.0, "notes": 3_440.0}
    lengths = {"town": 500, "notes": 500}
    changes = [typed(ms, field, lengths.get(field, 12)) for field, ms in times.items()]

    changes.append(typed(3_450, "password"))  # its length is not told
    assert (features_of(changes)["form_typed_moves"], features_of(changes)["form_hurried_share"]) == (5, 0.5)
    assert features_of([typed(0, "name"), typed(1, "email")])["form_hurried_share"] is None


def test_what_a_password_manager_fills_in_is_no_typing() -> None:
    filled: list[AnyBehaviorEvent] = [
        FormChanged(occurred_at=at(index), field=field, method="autofilled")
        for index, field in enumerate(("email", "password", "name", "city", "zip"))
    ]
    features = features_of(
        [*filled, FormSubmitted(occurred_at=at(9)), ClipboardUsed(occurred_at=at(9), action="paste")]
    )

    assert (features["form_changes"], features["form_filled_share"], features["form_typed_moves"]) == (5, 1, 0)
    assert (features["form_submits"], features["form_pastes"]) == (1, 1)


def test_ways_the_client_does_not_tell_are_no_share_of_any() -> None:
    features = features_of([FormChanged(occurred_at=at(0), field="email"), typed(9_000, "email")])

    assert (features["form_changes"], features["form_typed_share"]) == (2, 1)


def test_how_soon_keys_follow_clicks() -> None:
    clicks = [PointerDown(occurred_at=at(ms), x=1, y=2, pointer="mouse") for ms in (0, 10_000, 20_000, 30_000)]
    keys = [key(ms) for ms in (40, 80, 10_600, 23_500, 30_000)]
    features = features_of([*clicks, *keys])

    assert features["mix_hand_switches"] == 3
    assert features["mix_instant_switch_share"] == pytest.approx(2 / 3)


def test_fingers_and_modifiers_are_no_switch_of_the_hand() -> None:
    tap = PointerDown(occurred_at=at(0), x=1, y=2, pointer="touch")
    click = PointerDown(occurred_at=at(5_000), x=1, y=2, pointer="mouse")
    shift = KeyPress(occurred_at=at(5_010), key_class="modifier")

    assert features_of([tap, key(10), click, shift])["mix_hand_switches"] == 0


def test_the_mix_counts_samples_and_objects_of_a_kind_together() -> None:
    points = hand(30)
    features = features_of([PointerMove(occurred_at=at(9_000), x=0, y=0), key(9_500)], [track(points)])

    assert (features["mix_events"], features["mix_kinds"]) == (32, 2)
    assert features["mix_most_share"] == pytest.approx(31 / 32)
