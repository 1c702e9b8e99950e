"""What the steps of a batch cost inside the process, without Kafka: the quickest of many short runs of each."""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.structs import ConsumerRecord

from benchmarks.scorer.backlog import inputs
from benchmarks.scorer.judges import LightJudge
from services.scorer.app import PipelineJudge
from services.scorer.pipeline import load_ruleset
from services.scorer.stream.admission import Source, admit
from services.scorer.stream.folding import Slice, fold_slice, state_records
from services.scorer.stream.held import Held
from services.scorer.stream.ports import Judge, OutRecord
from services.scorer.stream.watermark import Watermark
from shared.cloudevents import read_batch_headers
from shared.contracts.batch import decode_batch
from shared.topics import MAX_RECORD_BATCH_BYTES, Domain

_CHUNK: Final = 20
_TURNS: Final = 100
_SOURCE: Final = Source(Domain.BEHAVIOR, "events.behavior.v1", 0)


def steps_us() -> dict[str, float]:
    """Measure every step; microseconds a batch of 50 events, or of one track of 500 samples."""
    objects, tracks = _chunk(tracks=False), _chunk(tracks=True)
    real, light = PipelineJudge(load_ruleset(Domain.BEHAVIOR)), LightJudge()
    real_slice = _folded(real, objects)
    return {
        "scorer_step_headers_us": _quickest_us(lambda: [read_batch_headers(one.headers) for one in objects]),
        "scorer_step_decode_us": _quickest_us(lambda: [decode_batch(one.value or b"") for one in objects]),
        "scorer_step_admit_us": _quickest_us(lambda: [admit(one, _SOURCE) for one in objects]),
        "scorer_step_judge_light_us": _judge_us(light, objects),
        "scorer_step_judge_us": _judge_us(real, objects),
        "scorer_step_judge_track_us": _judge_us(real, tracks),
        "scorer_step_decode_track_us": _quickest_us(lambda: [decode_batch(one.value or b"") for one in tracks]),
        "scorer_step_slice_light_us": _quickest_us(lambda: _folded(light, objects)),
        "scorer_step_slice_us": _quickest_us(lambda: _folded(real, objects)),
        "scorer_step_states_us": _quickest_us(lambda: state_records(real_slice, real, Watermark())),
        "scorer_step_record_batch_us": _quickest_us(lambda: _record_batch(real_slice.verdicts)),
    }


def _judge_us(judge: Judge[Any], records: "Sequence[ConsumerRecord[bytes, bytes]]") -> float:
    """Measure a judge alone, with the states of sessions that go on."""
    items = [admit(one, _SOURCE)[1] for one in records]
    states = [judge.fold(None, item).state for item in items]
    again = [admit(one, _SOURCE)[1] for one in _chunk(tracks=bool(items[0].batch.tracks), turn=1)]  # type: ignore[union-attr]
    return _quickest_us(lambda: [judge.fold(state, item) for state, item in zip(states, again, strict=True)])


def _folded(judge: Judge[Any], records: "Sequence[ConsumerRecord[bytes, bytes]]") -> Slice[Any]:
    return fold_slice(_SOURCE, Held(judge, Watermark()), judge, records, datetime.now(UTC))


def _record_batch(records: Sequence[OutRecord]) -> None:
    builder = BatchBuilder(MAX_RECORD_BATCH_BYTES, 0, is_transactional=False)
    for key, value, headers in records:
        builder.append(key=key, value=value, timestamp=None, headers=headers)
    builder.close()


def _chunk(*, tracks: bool, turn: int = 0) -> "list[ConsumerRecord[bytes, bytes]]":
    """Give one batch of each of some subjects; their next ones at the next turn."""
    made = list(inputs(_CHUNK * (turn + 1), _CHUNK, tracks=tracks))[-_CHUNK:]
    return [
        ConsumerRecord("t", 0, offset, 0, 0, one.key, one.value, None, len(one.key), len(one.value), tuple(one.headers))
        for offset, one in enumerate(made)
    ]


def _quickest_us(step: Callable[[], object]) -> float:
    """Give the quickest turn, a batch: others were disturbed by whatever else runs on the machine."""
    turns = []
    for _ in range(_TURNS):
        started_s = time.perf_counter()
        step()
        turns.append(time.perf_counter() - started_s)
    return min(turns) / _CHUNK * 1e6
