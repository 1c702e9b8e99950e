"""``EventBatch`` v1: what one client POST carries for one subject, in any domain."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from msgspec import Meta

from shared.contracts.base import (
    MAX_EVENTS_PER_BATCH,
    ContractError,
    ContractStruct,
    EventId,
    Subject,
    Timestamp,
)
from shared.contracts.behavior import AnyBehaviorEvent, AnyBehaviorTrack
from shared.pointers import pointer_of
from shared.topics import Domain

MAX_EVENT_AGE: Final = timedelta(days=7)
MAX_EVENT_LEAD: Final = timedelta(minutes=5)
# Bounds how late the same batch can be sent again and still be taken: what looks for duplicates relies on it.
MAX_CLOCK_SKEW: Final = timedelta(hours=24)
_MILLISECOND: Final = timedelta(milliseconds=1)
_IMPOSSIBLE_TIME: Final = (
    "its time is over 7 days old or over 5 minutes ahead; send sent_at so that a wrong clock can be corrected"
)

AttributeName = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,63}$(?!\n)")]
AttributeText = Annotated[str, Meta(pattern=r"^[^\x00-\x1f\x7f]{0,256}$(?!\n)")]
AttributeInt = Annotated[int, Meta(ge=-(2**53), le=2**53)]
AttributeFloat = Annotated[float, Meta(ge=-1e15, le=1e15)]
EventType = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*){0,3}$(?!\n)", max_length=64)]


class DomainEvent(ContractStruct, frozen=True, kw_only=True):
    """An event of a domain whose types are not spelled out yet: flat, bounded attributes."""

    type: EventType
    occurred_at: Timestamp
    event_id: EventId | None = None
    attributes: Annotated[
        dict[AttributeName, AttributeText | AttributeInt | AttributeFloat | bool | None], Meta(max_length=64)
    ] = msgspec.field(default_factory=dict)


class BatchEnvelope(ContractStruct, frozen=True, kw_only=True, tag_field="domain"):
    """What every batch carries, whatever its domain."""

    batch_id: UUID
    subject: Subject
    sent_at: Timestamp | None = None  # the client's clock at sending: lets us correct a wrong one


class BehaviorBatch(BatchEnvelope, frozen=True, kw_only=True, tag=Domain.BEHAVIOR.value):
    """A batch of behaviour events."""

    events: Annotated[list[AnyBehaviorEvent], Meta(max_length=MAX_EVENTS_PER_BATCH)] = msgspec.field(
        default_factory=list
    )
    tracks: Annotated[list[AnyBehaviorTrack], Meta(max_length=1_000)] = msgspec.field(default_factory=list)


class CommerceBatch(BatchEnvelope, frozen=True, kw_only=True, tag=Domain.COMMERCE.value):
    """A batch of commerce events: carts, orders, refunds."""

    events: Annotated[list[DomainEvent], Meta(max_length=MAX_EVENTS_PER_BATCH)]


class FinanceBatch(BatchEnvelope, frozen=True, kw_only=True, tag=Domain.FINANCE.value):
    """A batch of finance events: payments, transfers."""

    events: Annotated[list[DomainEvent], Meta(max_length=MAX_EVENTS_PER_BATCH)]


class ProjectBatch(BatchEnvelope, frozen=True, kw_only=True, tag=Domain.PROJECT.value):
    """A batch of project events: milestones, pledges, payouts."""

    events: Annotated[list[DomainEvent], Meta(max_length=MAX_EVENTS_PER_BATCH)]


class FleetBatch(BatchEnvelope, frozen=True, kw_only=True, tag=Domain.FLEET.value):
    """A batch of fleet events: positions, speeds, fuelling."""

    events: Annotated[list[DomainEvent], Meta(max_length=MAX_EVENTS_PER_BATCH)]


EventBatch = BehaviorBatch | CommerceBatch | FinanceBatch | ProjectBatch | FleetBatch

_decoder: Final[msgspec.json.Decoder[EventBatch]] = msgspec.json.Decoder(EventBatch)


def decode_batch(body: bytes | memoryview | msgspec.Raw) -> EventBatch:
    """Decode one batch and check its shape.

    Raises
    ------
    ContractError
        ``malformed_json`` when it is no JSON, ``invalid_value`` when a field is wrong or unknown,
        ``column_lengths`` when a track's columns differ, ``empty_batch`` and ``too_many_events``.
    """
    try:
        batch = _decoder.decode(body)
    except msgspec.ValidationError as error:
        detail, pointer = pointer_of(str(error))
        raise ContractError("invalid_value", pointer, detail) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ContractError("malformed_json", "", "the body is not valid UTF-8 JSON") from None
    if isinstance(batch, BehaviorBatch) and batch.tracks:
        _check_columns(batch.tracks)
    count = event_count(batch)
    if count == 0:
        raise ContractError("empty_batch", "/events", "a batch carries at least one event or track sample")
    if count > MAX_EVENTS_PER_BATCH:
        raise ContractError(
            "too_many_events", "/events", f"a batch carries at most {MAX_EVENTS_PER_BATCH} events and samples"
        )
    return batch


def event_count(batch: EventBatch) -> int:
    """Count the events of a batch; each track sample is one."""
    count = len(batch.events)
    if isinstance(batch, BehaviorBatch):
        for track in batch.tracks:
            count += len(track.t)
    return count


def domain_of(batch: EventBatch) -> Domain:
    """Name the domain of a batch."""
    return _DOMAIN_BY_TYPE[type(batch)]


def clock_skew(batch: EventBatch, received_at: datetime) -> timedelta:
    """Tell how far the client's clock is behind ours; zero when it did not say ``sent_at``."""
    return received_at - batch.sent_at if batch.sent_at is not None else timedelta(0)


def check_times(batch: EventBatch, received_at: datetime) -> None:
    """Refuse a batch with an event too old or in the future, by the client's corrected clock.

    Raises
    ------
    ContractError
        ``clock_skew`` when ``sent_at`` is over 24 hours off, or a corrected time is over 7 days before or 5 minutes
        after ``received_at``.
    """
    skew = clock_skew(batch, received_at)
    if abs(skew) > MAX_CLOCK_SKEW:
        raise ContractError(
            "clock_skew", "/sent_at", "sent_at is over 24 hours off; stamp it when sending and set the client's clock"
        )
    earliest, latest = received_at - MAX_EVENT_AGE - skew, received_at + MAX_EVENT_LEAD - skew
    if batch.events:
        _check_span("/events", [event.occurred_at for event in batch.events], earliest, latest)
    if isinstance(batch, BehaviorBatch) and batch.tracks:
        _check_span("/tracks", [track.started_at for track in batch.tracks], earliest, latest)
        _check_samples(batch.tracks, latest)


def _check_span(pointer: str, times: list[datetime], earliest: datetime, latest: datetime) -> None:
    ordered = sorted(times)  # they come nearly so; then it is half the comparisons of min and max
    if ordered[0] < earliest or ordered[-1] > latest:
        index = next(i for i, time in enumerate(times) if not earliest <= time <= latest)
        raise ContractError("clock_skew", f"{pointer}/{index}", _IMPOSSIBLE_TIME)


def _check_samples(tracks: list[Any], latest: datetime) -> None:
    """Refuse a sample in the future; none is older than its track, whose start was checked."""
    for index, track in enumerate(tracks):
        if max(track.t) > (latest - track.started_at) / _MILLISECOND:
            raise ContractError("clock_skew", f"/tracks/{index}/t", _IMPOSSIBLE_TIME)


def _check_columns(tracks: list[Any]) -> None:
    for index, track in enumerate(tracks):
        size = len(track.t)
        for name in _COLUMNS_BY_TRACK[type(track)]:
            if len(getattr(track, name)) != size:
                raise ContractError("column_lengths", f"/tracks/{index}/{name}", "a track's columns have equal lengths")


_DOMAIN_BY_TYPE: Final[dict[type, Domain]] = {
    BehaviorBatch: Domain.BEHAVIOR,
    CommerceBatch: Domain.COMMERCE,
    FinanceBatch: Domain.FINANCE,
    ProjectBatch: Domain.PROJECT,
    FleetBatch: Domain.FLEET,
}
_COLUMNS_BY_TRACK: Final[dict[type, tuple[str, ...]]] = {
    track: tuple(name for name in track.__struct_fields__ if name in {"x", "y", "key_class", "dwell_ms"})
    for track in AnyBehaviorTrack.__args__
}
