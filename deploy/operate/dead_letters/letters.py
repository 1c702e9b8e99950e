"""Dead letters as PostgreSQL keeps them, and the message a letter was. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from deploy.operate.errors import OperatorError
from shared.cloudevents import REDRIVE_OF, Headers
from shared.dead_letters import CUT, MAX_HEADER_CHARS, MAX_HEADERS
from shared.topics import DEAD_LETTERS, VERDICTS, Domain, events_topic

_TOPICS: Final = frozenset({*(events_topic(domain) for domain in Domain), VERDICTS})
# Nobody waits for the reply any more.
_LEFT_OUT: Final = frozenset({"ce_replyto", REDRIVE_OF})


class Refused(OperatorError):
    """A letter is not sent on again; the message says why. Others may be."""


class UnknownLetter(Refused):
    """There is no such letter, or no longer."""


class AlreadyRedriven(Refused):
    """It was sent on again before."""


class InHand(Refused):
    """Another process is sending it on right now."""


class NotWhole(Refused):
    """The letter does not hold all of the message, so the message cannot be sent again."""


class NoWayBack(Refused):
    """The topic the message came from takes none of ours."""


@dataclass(frozen=True, slots=True)
class Redrive:
    """How far a letter's redrive is; ``done_at`` is None while nobody knows whether it was published."""

    claimed_by: str
    claimed_at: datetime
    attempts: int
    published_partition: int | None
    published_offset: int | None
    done_at: datetime | None


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter, but for its payload. ``headers`` and ``key`` are the message's own."""

    dead_letter_id: UUID
    stage: str
    reason: str
    detail: str
    source_topic: str
    source_partition: int
    source_offset: int
    source_timestamp: datetime
    persisted_at: datetime
    tenant_id: str | None
    batch_id: UUID | None
    traceparent: str | None
    key: bytes | None
    headers: dict[str, str]
    payload_bytes: int
    redrive: Redrive | None

    @property
    def redriven_from(self) -> str | None:
        """The letter that this message was before it was sent on again and failed again."""
        return self.headers.get(REDRIVE_OF)


@dataclass(frozen=True, slots=True)
class Message:
    """What goes to the broker again."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes
    headers: Headers


def check_redrivable(letter: Letter, topic_prefix: str) -> None:
    """Check that a letter can be sent on again.

    Raises
    ------
    NoWayBack
        Its message stood on no topic of batches or verdicts.
    NotWhole
        Its bytes or headers were cut or changed to fit.
    """
    topic = letter.source_topic.removeprefix(topic_prefix)
    if topic == DEAD_LETTERS:
        raise NoWayBack(f"{letter.dead_letter_id}: it is about an unreadable dead letter; there is nothing behind it")
    if topic not in _TOPICS or not letter.source_topic.startswith(topic_prefix):
        raise NoWayBack(f"{letter.dead_letter_id}: {letter.source_topic} takes none of our messages back")
    if CUT in letter.detail:
        raise NotWhole(
            f"{letter.dead_letter_id}: it holds {letter.payload_bytes} bytes, less than the message; while the broker"
            f" keeps it, read it at {letter.source_topic}/{letter.source_partition} offset {letter.source_offset}"
        )
    if len(letter.headers) >= MAX_HEADERS or any(map(_was_changed, letter.headers.values())):
        raise NotWhole(f"{letter.dead_letter_id}: its headers were changed to fit; a gateway does not write such")


def message_of(letter: Letter, payload: bytes, topic_prefix: str) -> Message:
    """Give the original message, to its original partition, where the subject's other messages are.

    Raises
    ------
    NoWayBack, NotWhole
        See `check_redrivable`.
    """
    check_redrivable(letter, topic_prefix)
    headers = [(name, value.encode()) for name, value in letter.headers.items() if name not in _LEFT_OUT]
    headers.append((REDRIVE_OF, str(letter.dead_letter_id).encode()))
    return Message(letter.source_topic, letter.source_partition, letter.key, payload, headers)


def _was_changed(value: str) -> bool:
    return len(value) >= MAX_HEADER_CHARS or "\\x" in value or "\ufffd" in value
