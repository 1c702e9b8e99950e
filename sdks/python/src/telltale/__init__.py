"""Send behaviour to Telltale and get explained verdicts back."""

from telltale._client import AsyncClient
from telltale._errors import Refused, TelltaleError, Unauthenticated, Unavailable
from telltale._http import VERSION as __version__
from telltale._models import (
    Dropped,
    Limits,
    Problem,
    ProblemItem,
    Reason,
    Receipt,
    Rejection,
    Session,
    SessionAnswer,
    SessionResult,
    SessionStatus,
    Stats,
    Verdict,
    VerdictSubject,
)
from telltale._subject import Subject
from telltale._sync import Client, SyncSubject

__all__ = [
    "AsyncClient",
    "Client",
    "Dropped",
    "Limits",
    "Problem",
    "ProblemItem",
    "Reason",
    "Receipt",
    "Refused",
    "Rejection",
    "Session",
    "SessionAnswer",
    "SessionResult",
    "SessionStatus",
    "Stats",
    "Subject",
    "SyncSubject",
    "TelltaleError",
    "Unauthenticated",
    "Unavailable",
    "Verdict",
    "VerdictSubject",
    "__version__",
]
