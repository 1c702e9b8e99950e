"""Fold a run of one partition's records: pure, nothing held changes and nothing is sent."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic

import msgspec

from services.scorer.stream.admission import Refused, Source, admit, dead_letter
from services.scorer.stream.held import Held
from services.scorer.stream.ports import Announcement, Judge, OutRecord, S
from services.scorer.stream.watermark import WATERMARK_KEY, Watermark, encode_watermark
from shared.cloudevents import BatchHeaders, dead_letter_headers, verdict_headers
from shared.contracts.dead_letter import DeadLetter, DeadLetterReason
from shared.contracts.verdict import Verdict
from shared.dead_letters import ConsumedRecord, letter_key

_json = msgspec.json.Encoder()


@dataclass(slots=True)
class Tally:
    """What a slice adds to the metrics."""

    outcomes: Counter[str] = field(default_factory=Counter)
    actions: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    events: int = 0


@dataclass(slots=True)
class Slice(Generic[S]):
    """What folding a run of records comes to.

    ``changed`` holds states in order of last touch; ``removed`` the keys of subjects to forget.
    """

    source_next: int
    event_time: datetime
    changed: dict[bytes, S] = field(default_factory=dict)
    removed: list[bytes] = field(default_factory=list)
    verdicts: list[OutRecord] = field(default_factory=list)
    received: list[datetime] = field(default_factory=list)
    letters: list[DeadLetter] = field(default_factory=list)
    announcements: list[Announcement] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)


def fold_slice(
    source: Source, held: Held[S], judge: Judge[S], records: Sequence[ConsumedRecord], scored_at: datetime
) -> Slice[S]:
    """Fold records that come after the watermark, in order.

    Parameters
    ----------
    scored_at
        Written on the verdicts; has no influence on them.
    """
    out: Slice[S] = Slice(records[-1].offset + 1, held.mark.event_time)
    for record in records:
        try:
            stamp, item = admit(record, source)
        except Refused as refusal:
            _refuse(out, record, source, refusal)
            continue
        key = record.key or b""
        state = out.changed.get(key)
        if state is None:
            state = held.state(key)
        try:
            folded = judge.fold(state, item)
        except MemoryError:
            raise
        except Exception as error:
            # The exception's text may hold values of the batch.
            _refuse(out, record, source, Refused(DeadLetterReason.FOLD_FAILED, type(error).__name__))
            continue
        out.event_time = max(out.event_time, stamp.received_at)
        if folded.duplicate:
            out.tally.outcomes["duplicate"] += 1
            _answer_again(out, judge, folded.state, stamp)
            continue
        out.changed.pop(key, None)
        out.changed[key] = folded.state
        out.tally.events += stamp.event_count
        replayed = record.offset < held.published_next
        out.tally.outcomes["replayed" if replayed else "scored"] += 1
        if folded.verdict is not None:
            _publish(out, folded.verdict, record, source, stamp, scored_at, replayed)
    return out


def refuse_slice(source: Source, held: Held[S], record: ConsumedRecord, refusal: Refused) -> Slice[S]:
    """Refuse a record that comes after the watermark, without a look inside."""
    out: Slice[S] = Slice(record.offset + 1, held.mark.event_time)
    _refuse(out, record, source, refusal)
    return out


def letter_records(letters: Sequence[DeadLetter], rejected_at: datetime) -> list[OutRecord]:
    """Write dead letters as records."""
    return [
        OutRecord(
            letter_key(letter),
            _json.encode(letter),
            dead_letter_headers(letter, rejected_at=rejected_at),
        )
        for letter in letters
    ]


def state_records(out: Slice[S], judge: Judge[S], mark: Watermark) -> list[OutRecord]:
    """Write a slice's states as records of the state log.

    The last one is the watermark's own. It is there because compaction drops tombstones in time, and because a slice
    may change no state at all.
    """
    headers = [encode_watermark(mark)]
    records = [OutRecord(key, judge.encode(state), headers) for key, state in out.changed.items()]
    records += [OutRecord(key, None, headers) for key in out.removed]
    records.append(OutRecord(WATERMARK_KEY, b"", headers))
    return records


def _refuse(out: Slice[S], record: ConsumedRecord, source: Source, refusal: Refused) -> None:
    out.tally.outcomes["rejected"] += 1
    out.letters.append(dead_letter(record, source, refusal))


def _answer_again(out: Slice[S], judge: Judge[S], state: S, stamp: BatchHeaders) -> None:
    """Answer the retry of a caller that waits, when the verdict asked for is still the last one."""
    if stamp.reply_to is None:
        return
    verdict = judge.last_verdict(state)
    if verdict is not None and verdict.batch_id == stamp.batch_id:
        out.announcements.append(Announcement(verdict, _json.encode(verdict), stamp.reply_to, latest=False))


def _publish(
    out: Slice[S],
    verdict: Verdict,
    record: ConsumedRecord,
    source: Source,
    stamp: BatchHeaders,
    scored_at: datetime,
    replayed: bool,
) -> None:
    body = _json.encode(verdict)
    out.announcements.append(Announcement(verdict, body, stamp.reply_to, latest=True))
    if replayed:
        return
    headers = verdict_headers(
        verdict, scored_at=scored_at, traceparent=stamp.traceparent, source=(source.topic, record.offset)
    )
    out.verdicts.append(OutRecord(record.key or b"", body, headers))
    out.received.append(stamp.received_at)
    out.tally.actions[verdict.action] += 1
    for reason in verdict.reasons:
        out.tally.reasons[reason.code] += 1
