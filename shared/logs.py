"""Structured JSON logs, one object a line, for every library that logs through the standard module."""

import logging
import sys

from pythonjsonlogger.json import JsonFormatter

# At DEBUG these write whole records, and at INFO a line for every step of theirs.
_QUIET = ("aiokafka", "faust", "mode")


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
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(True)
