"""Recordings are cut without losing a sample."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from deploy.local.recorded import RECORDINGS, Recording, Sample, in_turn, load_recordings, pieces
from shared.contracts.batch import decode_batch, event_count

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
SAMPLES = st.builds(
    Sample, st.floats(0, 9_000), st.sampled_from(["move", "down", "up"]), st.floats(0, 999), st.floats(0, 999)
)


def recording(events: list[Sample], session: str = "s", group: str = "g", label: str = "human") -> Recording:
    return Recording(session, group, label, events)


@given(st.lists(SAMPLES, min_size=1, max_size=60))
def test_every_sample_is_in_one_piece_at_its_own_time(events: list[Sample]) -> None:
    first_ms = min(sample.t_ms for sample in events)
    found: list[tuple[str, datetime, float]] = []
    offsets_s = []
    for piece in pieces(recording(events), START):
        offsets_s.append(piece.offset_s)
        if piece.track:
            assert max(piece.track["t"]) <= 1_000
            found += [
                ("move", piece.track["started_at"] + timedelta(milliseconds=t), x)
                for t, x in zip(piece.track["t"], piece.track["x"], strict=True)
            ]
        found += [(one["type"].removeprefix("pointer."), one["occurred_at"], one["x"]) for one in piece.objects]
        assert piece.event_count == len(piece.objects) + (len(piece.track["x"]) if piece.track else 0)
    assert offsets_s == sorted(offsets_s)
    expected = [(one.kind, START + timedelta(milliseconds=one.t_ms - first_ms), one.x) for one in events]
    assert len(found) == len(expected)
    for (kind, at, x), (true_kind, true_at, true_x) in zip(
        sorted(found, key=_key), sorted(expected, key=_key), strict=True
    ):
        assert (kind, x) == (true_kind, true_x)
        assert abs(at - true_at) <= timedelta(microseconds=2)


def _key(entry: tuple[str, datetime, float]) -> tuple[str, float, float]:
    kind, at, x = entry
    return kind, x, (at - START).total_seconds()


def test_the_recordings_we_ship_keep_the_contract() -> None:
    recordings = load_recordings(RECORDINGS)
    assert {one.label for one in recordings} == {"human", "bot"}
    ids = [one.subject_id("run") for one in recordings]
    assert len(set(ids)) == len(ids)
    for one in recordings:
        body: dict[str, Any] = {
            "batch_id": "5f1a2f0e-5c0e-5d53-9d3e-0b6f8f7c1d11",
            "domain": "behavior",
            "subject": {"type": "session", "id": one.subject_id("run")},
            "events": [],
            "tracks": [],
        }
        for piece in pieces(one, START):
            body["events"] += piece.objects
            body["tracks"] += [piece.track] if piece.track else []
        assert event_count(decode_batch(msgspec.json.encode(body))) == len(one.events)


def test_an_id_of_a_session_becomes_one_of_a_subject() -> None:
    assert recording([], session="a b/c").subject_id("1") == "a-b-c.1"


def test_groups_take_turns_and_a_limit_takes_from_all(tmp_path: Path) -> None:
    members = [recording([Sample(0, "move", 0, 0)], f"{group}{n}", group) for group in "ab" for n in range(2)]
    assert [one.session for one in in_turn(members)] == ["a0", "b0", "a1", "b1"]
    path = tmp_path / "some.jsonl"
    path.write_text("\n".join(json.dumps(msgspec.to_builtins(one)) for one in members) + "\n\n")
    assert [one.session for one in load_recordings(path, 2)] == ["a0", "b0"]
