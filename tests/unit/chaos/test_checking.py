"""Every check finds what it is for: one thing is changed in what was right, and it is named."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.scorer.pipeline import encode_state
from services.scorer.stream.held import EXPIRY_GRACE
from services.scorer.stream.restore import Rebuild
from services.scorer.stream.watermark import Watermark
from shared.topics import VERDICTS
from tests.chaos.checking import Receipts, check_path, check_rows, check_sessions, check_states
from tests.chaos.evidence import InPostgres, OnKafka
from tests.chaos.findings import Findings
from tests.chaos.replaying import Expected
from tests.unit.chaos.test_replaying import PARTITION, event_log, replay

PLACE = (VERDICTS, 0)


@dataclass
class Found:
    """What an untroubled run leaves behind."""

    expected: Expected
    records: OnKafka = field(default_factory=OnKafka)
    rows: InPostgres = field(default_factory=InPostgres)
    receipts: Receipts = field(default_factory=Receipts)
    rebuild: Rebuild = field(default_factory=Rebuild)

    def __post_init__(self) -> None:
        expected = self.expected
        self.receipts.acknowledged |= expected.batches.keys()
        self.records.verdicts.update(list(expected.verdicts))
        self.records.documents |= expected.verdicts
        self.records.letters |= expected.letters
        self.rows.batches.update(list(expected.batches))
        self.rows.verdicts.update(list(expected.verdicts))
        self.rows.documents |= expected.verdicts
        self.rows.told |= dict.fromkeys(expected.verdicts, ("ALLOW", 0.25))
        self.rows.sessions |= expected.sessions
        self.rows.letters.update(list(expected.letters))
        self.rows.books.append(books(14))
        self.rebuild.mark = Watermark(expected.next_offset[PARTITION])
        self.rebuild.states |= {key: encode_state(state) for (_, key), state in expected.states.items()}

    def findings(self) -> Findings:
        findings = Findings()
        check_rows(self.receipts, self.rows, {PLACE: 14}, findings)
        check_path(self.expected, self.records, self.rows, findings)
        check_states(self.expected, {PARTITION: self.rebuild}, findings)
        check_sessions(self.expected, self.rows, findings)
        return findings

    @property
    def batch(self) -> UUID:
        return next(iter(self.expected.batches))

    @property
    def verdict(self) -> UUID:
        return self.expected.batches[self.batch]


def books(next_offset: int, **changes: int) -> dict[str, Any]:
    row = {"first_offset": 0, "next_offset": next_offset, "persisted": 12, "duplicates": 1, "rejected": 1, "missing": 0}
    return {"topic": PLACE[0], "partition": PLACE[1]} | row | changes


@pytest.fixture
def found() -> Found:
    return Found(replay(event_log()))


def counts(found: Found) -> dict[str, int]:
    return {kind: count for kind, count in found.findings().counts.items() if count}


def test_what_is_right_gives_no_finding(found: Found) -> None:
    assert counts(found) == {}


Change = Callable[[Found], object]
CHANGES: dict[str, tuple[Change, dict[str, int]]] = {
    "acknowledged and nowhere": (lambda found: found.receipts.acknowledged.add(uuid4()), {"lost": 1}),
    # The acknowledged batch, and the batch that is on Kafka.
    "no row": (lambda found: found.rows.batches.pop(found.batch), {"lost": 2}),
    "no verdict row": (lambda found: found.rows.documents.pop(found.verdict), {"lost": 1}),
    "no verdict record": (lambda found: found.records.documents.pop(found.verdict), {"lost": 1}),
    "no letter": (lambda found: found.rows.letters.clear(), {"lost": 1}),
    "Kafka forgot": (lambda found: found.rows.batches.update([uuid4()]), {"lost": 1}),
    "two rows": (lambda found: found.rows.batches.update([found.batch]), {"duplicated": 1}),
    "two verdict rows": (lambda found: found.rows.verdicts.update([found.verdict]), {"duplicated": 1}),
    "other verdict": (lambda found: found.rows.documents.update({found.verdict: b"?"}), {"verdict_mismatches": 1}),
    "verdict of nothing": (lambda found: found.records.documents.update({uuid4(): b"?"}), {"verdict_mismatches": 1}),
    "told otherwise": (
        lambda found: found.receipts.told.update({found.verdict: ("BLOCK", 0.9)}),
        {"verdict_mismatches": 1},
    ),
    "other state": (lambda found: found.rebuild.states.update({b"acme:session/s1": b"?"}), {"state_mismatches": 1}),
    "no state": (lambda found: found.rebuild.states.popitem(), {"state_mismatches": 1}),
    "states behind": (lambda found: setattr(found.rebuild, "mark", Watermark(3)), {"state_mismatches": 1}),
    "no session": (lambda found: found.rows.sessions.popitem(), {"state_mismatches": 1}),
    "books behind": (lambda found: found.rows.books.append(books(13, persisted=11)), {"unbalanced": 1}),
    "books wrong": (lambda found: found.rows.books.append(books(14, persisted=11)), {"unbalanced": 1}),
    "records missing": (lambda found: found.rows.books.append(books(14, persisted=11, missing=1)), {"unbalanced": 1}),
    "client gave up": (lambda found: found.receipts.given_up.append("refused"), {"given_up": 1}),
}


@pytest.mark.parametrize("name", CHANGES)
def test_one_change_is_one_finding(found: Found, name: str) -> None:
    change, wanted = CHANGES[name]
    change(found)
    assert counts(found) == wanted


def test_a_batch_that_the_persister_dead_lettered_is_not_lost(found: Found) -> None:
    del found.rows.batches[found.batch]
    found.rows.rejected.add(found.batch)
    assert counts(found) == {}


def test_a_session_idle_for_long_may_be_forgotten_and_no_other(found: Found) -> None:
    key = next(iter(found.rebuild.states))
    idle = found.expected.states[PARTITION, key].last_seen_at
    del found.rebuild.states[key]
    found.expected.event_time[PARTITION] = idle + EXPIRY_GRACE
    assert counts(found) == {"state_mismatches": 1}
    found.expected.event_time[PARTITION] = idle + 10 * EXPIRY_GRACE
    assert counts(found) == {}
