"""What a judge costs alone: decoding a batch and folding it, without Kafka."""

import time
from typing import Final

from benchmarks.scorer.backlog import TENANT, inputs
from benchmarks.scorer.judges import LightJudge, LightState
from services.scorer.stream.ports import Admitted
from shared.cloudevents import read_batch_headers
from shared.contracts.batch import decode_batch
from shared.topics import Domain

_BATCHES: Final = 4_000
_SUBJECTS: Final = 500


def judge_alone_us() -> float:
    """Measure the light judge; microseconds of CPU a batch."""
    judge, states = LightJudge(), dict[bytes, LightState]()
    backlog = [(one.key, one.value, read_batch_headers(one.headers)) for one in inputs(_BATCHES, _SUBJECTS)]
    started_s = time.process_time()
    for key, value, stamp in backlog:
        item = Admitted(TENANT, Domain.BEHAVIOR, stamp.received_at, 0, decode_batch(value))
        states[key] = judge.fold(states.get(key), item).state
    return (time.process_time() - started_s) / _BATCHES * 1e6
