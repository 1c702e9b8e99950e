"""What a worker holds of one partition: subject states in order of last touch, and how far the partition has come."""

import logging
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Final, Generic

from services.scorer.stream.ports import Judge, S
from services.scorer.stream.watermark import Watermark
from shared import metrics

_log = logging.getLogger(__name__)
# Gateways' clocks and queues differ a little. A state goes only when no batch can come that would still continue it,
# so what a fold sees does not depend on when the state was removed.
EXPIRY_GRACE: Final = timedelta(minutes=5)
MAX_EXPIRED_PER_SLICE: Final = 200


class Held(Generic[S]):
    """One partition's states and watermarks. Changes only after the log has the change.

    Parameters
    ----------
    judge
        Reads states.
    mark
        The state log's watermark.
    published_next
        Verdicts on inputs below this offset are in the verdict topic.
    verdicts_end
        Offset after the last verdict known of this partition's source.
    states
        States by subject key, longest untouched first. Encoded ones are decoded when first needed.
    suspected
        Whether a predecessor had the next chunk in hand and left nothing of it.
    """

    def __init__(
        self,
        judge: Judge[S],
        mark: Watermark,
        published_next: int = 0,
        verdicts_end: int = 0,
        states: Mapping[bytes, S | bytes] | None = None,
        suspected: bool = False,
    ) -> None:
        self._judge = judge
        self._states: OrderedDict[bytes, S | bytes] = OrderedDict(states or {})
        self.mark = mark
        self.suspected = suspected
        self.published_next = max(published_next, mark.source_next)
        self.verdicts_end = max(verdicts_end, mark.verdicts_next)

    def __len__(self) -> int:
        return len(self._states)

    def copy(self) -> "Held[S]":
        """Give a copy that can be changed without changing this one."""
        return Held(self._judge, self.mark, self.published_next, self.verdicts_end, self._states)

    def keys(self) -> Iterator[bytes]:
        """Give subject keys, longest untouched first."""
        return iter(self._states)

    def state(self, key: bytes) -> S | None:
        """Give a subject's state. One that cannot be read counts as none: the subject starts anew."""
        state = self._states.get(key)
        if not isinstance(state, bytes):
            return state
        try:
            decoded = self._judge.decode(state)
        except ValueError as error:
            metrics.SCORER_STATES_DROPPED.labels("unreadable").inc()
            _log.error("a subject's state cannot be read and is dropped: %s", type(error).__name__)
            return None
        self._states[key] = decoded
        return decoded

    def removable(self, changed: Mapping[bytes, S], now: Watermark, limit: int) -> tuple[list[bytes], list[bytes]]:
        """Choose subjects to forget, longest untouched first: the expired, and the oldest above the limit.

        Returns
        -------
        tuple
            Keys of expired and keys of evicted subjects. Neither holds a changed one.
        """
        expired: list[bytes] = []
        evicted: list[bytes] = []
        excess = len(self._states) + sum(key not in self._states for key in changed) - limit
        deadline = now.event_time - EXPIRY_GRACE
        for key in self._states:
            if key in changed:
                continue
            state = self.state(key)
            if len(expired) < MAX_EXPIRED_PER_SLICE and (state is None or self._judge.is_expired(state, deadline)):
                expired.append(key)
            elif len(expired) + len(evicted) < excess:
                evicted.append(key)
            else:
                break
        return expired, evicted

    def apply(self, mark: Watermark, changed: Mapping[bytes, S], removed: list[bytes]) -> None:
        """Take over what the log now has."""
        for key, state in changed.items():
            self._states[key] = state
            self._states.move_to_end(key)
        for key in removed:
            self._states.pop(key, None)
        self.mark = mark
        self.published_next = max(self.published_next, mark.source_next)
