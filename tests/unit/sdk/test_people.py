"""The sessions that ``telltale simulate`` makes are of the contract, and show what they are made to show."""

import json
from collections import Counter

from services.scorer.lab.outside import verdicts_of
from services.scorer.lab.sessions import session_of
from services.scorer.pipeline import load_ruleset
from shared.contracts.batch import decode_batch, event_count
from shared.topics import Domain
from telltale._cli.people import sessions_of
from telltale._cli.recorded import count, is_track


def test_the_same_seed_makes_the_same_sessions() -> None:
    assert list(sessions_of(6, seed=3)) == list(sessions_of(6, seed=3))
    assert list(sessions_of(6, seed=3)) != list(sessions_of(6, seed=4))
    assert len({session.session_id for session in sessions_of(30, seed=1)}) == 30


def test_the_kinds_come_in_turn() -> None:
    kinds = [(session.group, session.label) for session in sessions_of(4, seed=1)]
    assert kinds == [("person", "human"), ("straight_bot", "bot"), ("script_bot", "bot"), ("person", "human")]


def test_every_session_is_a_valid_batch() -> None:
    for session in sessions_of(15, seed=2):
        batch = {
            "batch_id": "01936f2e-0000-7000-8000-000000000001",
            "domain": "behavior",
            "subject": {"type": "session", "id": session.session_id},
            "events": [item for item in session.items if not is_track(item)],
            "tracks": [item for item in session.items if is_track(item)],
        }
        assert event_count(decode_batch(json.dumps(batch).encode())) == count(session.items)


def test_people_are_allowed_and_bots_are_not() -> None:
    ruleset, actions = load_ruleset(Domain.BEHAVIOR), Counter[tuple[str, bool]]()
    for made in sessions_of(30, seed=5):
        session = session_of({"session_id": made.session_id, "events": made.items}, "x")
        *_, (_, verdict) = verdicts_of(session, ruleset)
        actions[made.group, verdict.action == "ALLOW"] += 1
    assert actions == {("person", True): 10, ("straight_bot", False): 10, ("script_bot", False): 10}
