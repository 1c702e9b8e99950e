"""Examples for the API reference. Tests send them, so they stay true."""

from typing import Any, Final

BATCH_ID: Final = "0190a6f0-5b1c-7c3e-9a52-3f6d1c2b4e5f"
_AT: Final = "2026-01-15T10:30:00Z"

BATCH: Final[dict[str, Any]] = {
    "batch_id": BATCH_ID,
    "domain": "behavior",
    "subject": {"type": "session", "id": "s-7f3a"},
    "sent_at": "2026-01-15T10:30:02Z",
    "events": [
        {"type": "focus.gained", "occurred_at": _AT, "target": "email"},
        {"type": "key.press", "occurred_at": "2026-01-15T10:30:01Z", "key_class": "letter", "dwell_ms": 84.5},
    ],
    "tracks": [
        {"type": "pointer.move", "started_at": _AT, "t": [0, 16, 33], "x": [10, 14, 19], "y": [200, 201, 203]},
    ],
}

RECEIPT: Final[dict[str, Any]] = {
    "batch_id": BATCH_ID,
    "status": "accepted",
    "events": 5,
    "receipt": f"/v1/batches/{BATCH_ID}",
}

VERDICT: Final[dict[str, Any]] = {
    "verdict_id": "6f5c1f0e-8f0a-5d0f-9c56-0d4a1f1b7a10",
    "batch_id": BATCH_ID,
    "tenant_id": "demo",
    "domain": "behavior",
    "subject": {"type": "session", "id": "s-7f3a"},
    "action": "ALLOW",
    "label": "human",
    "risk_score": 0.12,
    "trust_score": 88,
    "confidence": 0.7,
    "reasons": [],
    "unknown_rules": [],
    "versions": {"pipeline": "1", "ruleset": "1", "policy": "1", "models": {}},
    "event_count": 5,
    "session": {"started_at": _AT, "last_seen_at": "2026-01-15T10:30:01Z", "batch_count": 1, "event_count": 5},
    "occurred_at": "2026-01-15T10:30:01Z",
    "received_at": "2026-01-15T10:30:02.100000Z",
}

BATCH_RECEIPT: Final[dict[str, Any]] = {
    "batch_id": BATCH_ID,
    "status": "persisted",
    "scored": True,
    "persisted": True,
    "domain": "behavior",
    "subject": "session/s-7f3a",
    "events": 5,
    "received_at": "2026-01-15T10:30:02.100000Z",
    "scored_at": "2026-01-15T10:30:02.104000Z",
    "persisted_at": "2026-01-15T10:30:02.300000Z",
    "verdict_id": "6f5c1f0e-8f0a-5d0f-9c56-0d4a1f1b7a10",
    "rejections": [],
}

READINESS: Final[dict[str, Any]] = {
    "ready": True,
    "checks": {"api_keys": True, "broker": True},
    "optional": {"redis": True, "postgresql": True},
}
