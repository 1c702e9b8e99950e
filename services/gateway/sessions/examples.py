"""Examples of the session API for the reference. Tests send them, so they stay true."""

from typing import Any, Final

from services.gateway.examples import VERDICT

SESSION_ID: Final = "01973a2e-9d5b-7c41-8a52-3f6d1c2b4e5f"
_AT: Final = "2026-01-15T10:30:00Z"
_AT_MS: Final = 1_768_473_000_000
_BATCH_ID: Final = VERDICT["batch_id"]

START: Final[dict[str, Any]] = {
    "user_id": "u-1042",
    "device_fingerprint": {
        "userAgent": "Mozilla/5.0 (X11; Linux x86_64)",
        "platform": "Linux x86_64",
        "languages": ["en-GB", "en"],
        "timezone": "Europe/London",
        "screen": {"width": 1920, "height": 1080},
        "hardwareConcurrency": 8,
        "webdriver": False,
    },
    "network": {"asn": 2856, "country": "GB", "network_type": "residential"},
}

SESSION: Final[dict[str, Any]] = {
    "session_id": SESSION_ID,
    "sessionId": SESSION_ID,
    "user_id": "u-1042",
    "status": "open",
    "ended_by": None,
    "started_at": _AT,
    "closed_at": None,
    "expires_at": "2026-01-15T11:00:00Z",
}

CLOSED: Final[dict[str, Any]] = SESSION | {
    "status": "closed", "ended_by": "closed", "closed_at": "2026-01-15T10:31:00Z"
}  # fmt: skip

EVENTS: Final[dict[str, Any]] = {
    "events": [
        {"type": "focus", "target": "email", "timestamp": _AT_MS},
        {"type": "mousemove", "x": 412, "y": 300, "timestamp": _AT_MS + 40},
        {"type": "mousedown", "x": 418, "y": 304, "timestamp": _AT_MS + 320},
        {"type": "mouseup", "x": 418, "y": 304, "timestamp": _AT_MS + 402},
        {"type": "keydown", "key": "a", "timestamp": _AT_MS + 900},
        {"type": "keyup", "key": "a", "timestamp": _AT_MS + 984},
    ]
}

GROUPS: Final[dict[str, Any]] = {
    "time_origin": _AT,
    "mouse": [{"x": 412, "y": 300, "t": 40}, {"x": 418, "y": 304, "t": 320, "type": "down"}],
    "keystrokes": [{"key": "Enter", "pressedAt": 900, "releasedAt": 984}],
    "scroll": [{"scrollY": 240, "t": 1400}],
    "form": [{"type": "change", "field": "email", "method": "typed", "length": 12, "t": 1500}],
}

_REASONS: Final[list[dict[str, Any]]] = VERDICT["reasons"]

DATA: Final[dict[str, Any]] = {
    "session_id": SESSION_ID,
    "batch_id": _BATCH_ID,
    "status": "judged",
    "is_human": True,
    "needs_challenge": False,
    "trust_score": 88,
    "score": 0.88,
    "confidence": 0.7,
    "reasons": _REASONS,
    "processing_time_ms": 5.2,
    "event_count": 5,
    "ignored_events": 0,
    "received_at": "2026-01-15T10:30:02.100000Z",
    "receipt": f"/v1/batches/{_BATCH_ID}",
    "verdict": VERDICT | {"subject": {"type": "session", "id": SESSION_ID}},
}

PENDING: Final[dict[str, Any]] = DATA | {
    "status": "pending",
    "is_human": None,
    "needs_challenge": None,
    "trust_score": None,
    "score": None,
    "confidence": None,
    "reasons": [],
    "processing_time_ms": 2001.3,
    "verdict": None,
}

STATUS: Final[dict[str, Any]] = SESSION | {
    "last_seen_at": "2026-01-15T10:30:02.100000Z",
    "batch_count": 2,
    "event_count": 7,
    "result": {
        "batch_id": _BATCH_ID,
        "is_human": True,
        "needs_challenge": False,
        "trust_score": 88,
        "score": 0.88,
        "confidence": 0.7,
        "reasons": _REASONS,
        "judged_at": "2026-01-15T10:30:02.100000Z",
        "verdict": DATA["verdict"],
    },
}

TRACKED: Final[dict[str, Any]] = {
    "userId": "u-1042",
    "behaviorData": {
        "trackingData": {
            "mouseMovements": [
                {"x": 412, "y": 300, "timestamp": _AT_MS},
                {"x": 418, "y": 304, "timestamp": _AT_MS + 17},
            ],
            "keystrokes": [{"key": "a", "timestamp": _AT_MS + 900, "duration": 84}],
            "formInteractions": [{"type": "change", "field": "email", "timestamp": _AT_MS + 1500}],
            "sessionMetrics": {"startTime": _AT_MS, "screenResolution": "1920x1080"},
        }
    },
}

TRUST: Final[dict[str, Any]] = {
    "success": True,
    "trustScore": 0.88,
    "trustLevel": "high",
    "needsCaptcha": False,
    "confidence": 0.7,
    "reasons": _REASONS,
    "aiMethod": "rules@1",
}

TRUST_PENDING: Final[dict[str, Any]] = {
    "success": False,
    "trustScore": None,
    "trustLevel": None,
    "needsCaptcha": False,
    "confidence": 0.0,
    "reasons": [],
    "aiMethod": "pending",
    "batchId": _BATCH_ID,
    "receipt": f"/v1/batches/{_BATCH_ID}",
}
