"""Bodies of the HTTP load: good by the contract, fresh, and none like another."""

import gzip
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from benchmarks.http_bodies import Bodies, Kind, Shape
from shared.contracts.batch import check_times, decode_batch, event_count

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(("kind", "events"), [("objects", 50), ("track", 300), ("tiny", 1)])
def test_every_kind_is_of_the_contract_and_fresh(kind: Kind, events: int) -> None:
    bodies = Bodies(Shape(kind=kind, samples=300, subjects=3))
    bodies.renew(NOW)
    batches = [decode_batch(body) for body in (bodies.next() for _ in range(6))]
    for batch in batches:
        check_times(batch, NOW + timedelta(milliseconds=50))
        assert event_count(batch) == events
        assert batch.sent_at == NOW
    assert len({batch.batch_id for batch in batches}) == 6
    assert [batch.subject for batch in batches[:3]] == [batch.subject for batch in batches[3:]]
    assert len({batch.subject.id for batch in batches}) == 3


def test_a_session_goes_on_where_it_was() -> None:
    bodies = Bodies(Shape(subjects=1))
    bodies.renew(NOW)
    first = decode_batch(bodies.next())
    bodies.renew(NOW + timedelta(seconds=0.4))
    second = decode_batch(bodies.next())
    assert first.subject == second.subject
    assert max(event.occurred_at for event in first.events) < min(event.occurred_at for event in second.events)


@pytest.mark.parametrize("batches", [1, 5])
@pytest.mark.parametrize("packed", [False, True])
def test_the_length_is_known_beforehand(batches: int, packed: bool) -> None:
    shape = Shape(batches=batches, gzip=packed)
    bodies = Bodies(shape)
    bodies.renew(NOW)
    for body in (bodies.next(), bodies.next()):
        plain = gzip.decompress(body) if packed else body
        assert len(plain) == bodies.length
        found = [plain] if batches == 1 else msgspec.json.decode(plain, type=list[msgspec.Raw])
        assert sum(event_count(decode_batch(one)) for one in found) == shape.events


def test_fifty_objects_weigh_what_the_figures_say() -> None:
    bodies = Bodies(Shape())
    bodies.renew(NOW)
    assert 5_400 < bodies.length < 6_000
