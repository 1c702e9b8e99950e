"""Find the record that kills the process, and let its neighbours through.

A lane leaves a mark in the state log before its first chunk. A successor that finds the mark with nothing after it
suspects that chunk, and tries it first where a crash does no harm. Only a record that ended several trials with no
other record in hand is blamed; who kills workers at random blames none, because trials are not workers.
"""

from collections.abc import Callable, Sequence
from typing import Final

from services.scorer.stream.admission import Source
from services.scorer.stream.folding import fold_slice, state_records
from services.scorer.stream.held import Held
from services.scorer.stream.ports import Judge, OutRecord, S, Trial
from services.scorer.stream.watermark import STARTED_KEY, Watermark, encode_watermark
from shared.dead_letters import ConsumedRecord

TRIALS: Final = 3
CRASHED: Final = f"the process that judged it ended or hung {TRIALS} times"


def start_record(mark: Watermark) -> OutRecord:
    """Write the mark that somebody has a partition's next chunk in hand."""
    return OutRecord(STARTED_KEY, b"", [encode_watermark(mark)])


async def harmless(
    trial: Trial, source: Source, held: Held[S], judge: Judge[S], records: Sequence[ConsumedRecord]
) -> tuple[int, bool]:
    """Try records in order.

    Returns
    -------
    tuple
        How many from the first on did no harm, and whether the next one ends the process each time it is tried alone.
    """
    survived = await trial.survived(_step(source, held, judge, records), len(records))
    if survived == len(records):
        return survived, False
    done, suspect = records[:survived], records[survived]
    for _ in range(1, TRIALS):
        # What came before it is folded again, because its state may be what harms.
        if await trial.survived(_step(source, held, judge, [*done, suspect]), survived + 1) > survived:
            return survived + 1, False
    return survived, True


def _step(source: Source, held: Held[S], judge: Judge[S], records: Sequence[ConsumedRecord]) -> Callable[[int], object]:
    scratch = held.copy()

    def fold_one(index: int) -> None:
        out = fold_slice(source, scratch, judge, [records[index]], scratch.mark.event_time)
        mark = Watermark(out.source_next, scratch.mark.verdicts_next, out.event_time)
        state_records(out, judge, mark)
        scratch.apply(mark, out.changed, [])

    return fold_one
