"""Send behaviour to Telltale and get explained verdicts back."""

from telltale._client import AsyncClient, Subject
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
    Stats,
    Verdict,
    VerdictSubject,
)

__all__ = [
    "AsyncClient",
    "Dropped",
    "Limits",
    "Problem",
    "ProblemItem",
    "Reason",
    "Receipt",
    "Refused",
    "Rejection",
    "Stats",
    "Subject",
    "TelltaleError",
    "Unauthenticated",
    "Unavailable",
    "Verdict",
    "VerdictSubject",
    "__version__",
]
