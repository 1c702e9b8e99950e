"""Structured JSON logs, one object a line, for every library that logs through the standard module."""

import logging
import math
import sys
import time
from collections.abc import Callable
from typing import Final

from pythonjsonlogger.json import JsonFormatter

# At DEBUG these write whole records, and at INFO a line for every step of theirs.
_QUIET = ("aiokafka", "faust", "mode")

# While a broker is away they say the same a hundred times a second, and push everything else out of the log files.
_REPEAT_AFTER_S: Final = 10.0
_MOST_REMEMBERED: Final = 1_000


class FewRepeats(logging.Filter):
    """Lets each message of a talkative library through once in a while, with the number held back since the last one.

    Parameters
    ----------
    clock
        Gives seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._shown: dict[tuple[str, object], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether the record is to be written."""
        if not record.name.startswith(_QUIET):
            return True
        key, now_s = (record.name, record.msg), self._clock()
        shown_at_s, held_back = self._shown.get(key, (-math.inf, 0))
        if now_s - shown_at_s < _REPEAT_AFTER_S:
            self._shown[key] = (shown_at_s, held_back + 1)
            return False
        if len(self._shown) >= _MOST_REMEMBERED:
            self._shown.clear()
        self._shown[key] = (now_s, 0)
        if held_back:
            record.held_back = held_back
        return True


def configure_logs(service: str, level: str) -> None:
    """Send every log record to standard error as one JSON object a line.

    Parameters
    ----------
    service
        Name put on each line.
    level
        Least severity shown, such as ``INFO``.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        JsonFormatter(
            "{levelname}{name}{message}",
            style="{",
            rename_fields={"levelname": "level", "name": "logger"},
            static_fields={"service": service},
            timestamp=True,
        )
    )
    handler.addFilter(FewRepeats())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(True)
