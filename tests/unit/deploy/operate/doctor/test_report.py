import json

from deploy.operate.doctor.command import without_secrets
from deploy.operate.doctor.examine import Finding, State
from deploy.operate.doctor.report import document, first_broken, line, sentence
from deploy.operate.doctor.stages import STAGES

OK = Finding("kafka", State.OK, 12, "who is there?", "a broker")
SLOW = Finding("topics", State.SLOW, 900, "all there?", "all")
REDIS = Finding("redis", State.BROKEN, 3, "PING", "refused", "make restart SERVICE=redis", "callers get 202")
GATEWAY = Finding("gateway", State.BROKEN, 2000, "GET /readyz", "no answer", "kill -CONT 7")
SKIPPED = Finding("accept", State.SKIPPED, 0, "POST", "needs gateway")


def test_healthy() -> None:
    assert document([OK, SLOW])["healthy"] is True
    assert document([OK, SLOW])["broken_stage"] is None
    assert sentence([OK, SLOW]) == "healthy: a probe went the whole path in 912 ms; slow at topics"


def test_the_first_broken_stage_is_named_with_its_evidence() -> None:
    told = document([OK, GATEWAY, SKIPPED])
    assert (told["healthy"], told["broken_stage"], told["next_command"]) == (False, "gateway", "kill -CONT 7")
    assert told["evidence"] == {"asked": "GET /readyz", "answered": "no answer", "took_ms": 2000}
    assert [stage["name"] for stage in told["stages"]] == ["kafka", "gateway", "accept"]
    assert sentence([OK, GATEWAY]).splitlines() == [
        "broken at gateway: asked 'GET /readyz', answered after 2000 ms: no answer.",
        "next: kill -CONT 7",
    ]
    json.dumps(told)


def test_what_only_degrades_comes_after_what_breaks() -> None:
    assert first_broken([OK, REDIS, GATEWAY]) is GATEWAY
    assert first_broken([OK, REDIS]) is REDIS
    assert "degraded at redis" in sentence([REDIS])
    assert "Meanwhile callers get 202." in sentence([REDIS])


def test_a_line_shows_state_name_time_and_answer() -> None:
    assert line(GATEWAY).split() == ["broken", "gateway", "2000", "ms", "no", "answer"]
    assert line(SKIPPED).split() == ["skipped", "accept", "needs", "gateway"]


def test_no_secret_is_told() -> None:
    leaking = Finding("postgres", State.BROKEN, 1, "SELECT 1", "cannot reach postgresql://me:hunter2@host")
    assert without_secrets(leaking, ["hunter2", ""]).answered == "cannot reach postgresql://me:***@host"


def test_every_stage_comes_after_what_it_needs() -> None:
    seen: set[str] = set()
    for stage in STAGES:
        assert set(stage.needs) <= seen, stage.name
        assert stage.name not in seen
        seen.add(stage.name)
