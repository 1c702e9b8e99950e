"""The path of an event as a table: first what it needs, then each step in its order."""

from typing import Final

from deploy.operate.doctor import path, servers
from deploy.operate.doctor.examine import Stage
from deploy.operate.doctor.walk import EVENTS, TENANT, Walk
from shared.topics import VERDICTS

_UP: Final = "make up DETACH=1"
_PROVISION: Final = ".venv/bin/python -m deploy.provision"
_NO_REPLY: Final = (
    "events are still accepted, judged and stored; a caller who waits for a verdict gets 202 instead,"
    " and latest verdicts come from PostgreSQL"
)

STAGES: Final[tuple[Stage[Walk], ...]] = (
    Stage("secrets", "is there a file of secrets?", servers.secrets, _UP),
    Stage("supervisor", "does supervisord run?", servers.supervisor, _UP, ("secrets",)),
    Stage("disk", "is there space to write?", servers.disk, "df -h", ("secrets",)),
    Stage(
        "kafka", "which brokers are there?", servers.kafka,
        "make logs SERVICE=kafka", ("secrets",), part="kafka",
    ),
    Stage("topics", "is every topic there?", servers.topics, _PROVISION, ("kafka",)),
    Stage(
        "postgres", "SELECT 1", servers.database,
        "make logs SERVICE=postgres", ("secrets",), part="postgres",
    ),
    Stage("schema", "is every migration applied?", servers.schema, _PROVISION, ("postgres",)),
    Stage(
        "redis", "PING", servers.redis,
        "make logs SERVICE=redis", ("secrets",), part="redis", without=_NO_REPLY,
    ),
    Stage("key", f"is there an API key of tenant {TENANT}?", servers.api_key, _PROVISION, ("secrets",)),
    Stage(
        "gateway", "GET /healthz, GET /readyz", path.ready("gateway"),
        "make logs SERVICE=gateway", ("secrets",), part="gateway",
    ),
    Stage(
        "accept", "POST /v1/events", path.accept,
        "make logs SERVICE=gateway", ("gateway", "key", "topics"), part="gateway", timeout_s=4,
    ),
    Stage("recorded", f"is it in {EVENTS}?", path.recorded, "make logs SERVICE=kafka", ("accept",), part="kafka"),
    Stage(
        "scorer", "GET /healthz, GET /readyz", path.ready("scorer", lag_of="scorer"),
        "make logs SERVICE=scorer", ("kafka",), part="scorer",
    ),
    Stage(
        "verdict", f"is its verdict in {VERDICTS}?", path.verdict,
        "make logs SERVICE=scorer", ("recorded", "scorer"), part="scorer", timeout_s=4,
    ),
    Stage(
        "answer", "POST /v1/events?wait_ms", path.answer,
        "make logs SERVICE=gateway", ("verdict", "redis"), part="gateway", without=_NO_REPLY,
    ),
    Stage(
        "persister", "GET /healthz, GET /readyz", path.ready("persister", lag_of="persister"),
        "make logs SERVICE=persister", ("kafka", "schema"), part="persister",
    ),
    Stage(
        "row", "are its rows in PostgreSQL?", path.row,
        "make logs SERVICE=persister", ("verdict", "persister"), part="persister", slow_s=1, timeout_s=4,
    ),
    Stage(
        "receipt", "GET /v1/batches/{batch_id}", path.receipt,
        "make logs SERVICE=gateway", ("row",), part="gateway",
    ),
    Stage(
        "insights", "GET /healthz, GET /readyz", path.ready("insights"),
        "make logs SERVICE=insights", ("schema",), part="insights",
    ),
    Stage(
        "kpis", "GET /v1/kpis of its minute", path.kpis,
        "make logs SERVICE=insights", ("row", "insights"), part="insights", timeout_s=5,
    ),
    Stage("books", "is every record accounted for?", path.books, "make reconcile", ("insights", "topics")),
)  # fmt: skip
