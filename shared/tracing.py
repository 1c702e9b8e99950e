"""W3C Trace Context: the ``traceparent`` that follows a batch from HTTP through Kafka to verdict and row."""

import re
import secrets
from typing import Final

_TRACEPARENT: Final = re.compile(r"^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$")


def trace_id_of(traceparent: str) -> str:
    """Give the trace id within a traceparent.

    >>> trace_id_of("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
    '4bf92f3577b34da6a3ce929d0e0e4736'
    """
    return traceparent[3:35]


def child_of(parent: str | None) -> str:
    """Continue the caller's trace with a span id of ours, or start a trace where there is none or a malformed one.

    >>> child_of("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")[:35]
    '00-4bf92f3577b34da6a3ce929d0e0e4736'
    """
    if parent is not None and _TRACEPARENT.fullmatch(parent):
        return f"{parent[:36]}{secrets.token_hex(8)}{parent[52:]}"
    fresh = secrets.token_hex(24)
    return f"00-{fresh[:32]}-{fresh[32:]}-01"
