"""The W3C trace context of whoever calls us: their own hook, or OpenTelemetry's current span when it is installed."""

import logging
import re
from collections.abc import Callable
from typing import Final

try:
    from opentelemetry import trace as _opentelemetry
except ImportError:  # the extra telltale[otel] was not asked for
    _opentelemetry = None  # type: ignore[assignment]

_log: Final = logging.getLogger("telltale")
_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}\Z")

TraceHook = Callable[[], str | None]


def trace_hook(given: TraceHook | None) -> TraceHook:
    """Make what is asked for the trace of a caller: never raises, gives a valid ``traceparent`` or None.

    Parameters
    ----------
    given
        The caller's own hook; None takes OpenTelemetry's current span.
    """
    hook = given or (no_trace if _opentelemetry is None else current_span)

    def traceparent() -> str | None:
        try:
            text = hook()
        except Exception:
            _log.exception("the traceparent hook failed")
            return None
        if text is None or (isinstance(text, str) and _TRACEPARENT.match(text)):
            return text
        _log.warning("the traceparent hook gave no W3C traceparent; it is left out")
        return None

    return traceparent


def no_trace() -> None:
    """Give no trace."""


def current_span() -> str | None:
    """Give the current span of OpenTelemetry, or None outside of one."""
    context = _opentelemetry.get_current_span().get_span_context()
    if not context.is_valid:
        return None
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
