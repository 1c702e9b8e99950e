"""The command line against a server that keeps its contract, or breaks it: what is said, and with which exit code."""

import asyncio
import gzip
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from services.insights.explanations import example
from telltale._cli import common, dead_letters, tailing
from telltale._cli.commands import telltale
from telltale._models import Limits
from tests.unit.sdk.misbehaving import Answer, Gateway
from tests.unit.sdk.test_client import VERDICT
from tests.unit.sdk.test_recorded import BATCH, SCROLL, SESSION, lines
from tests.unit.sdk.test_sessions import ID
from tests.unit.sdk.test_sessions import RESULT as SESSION_RESULT
from tests.unit.sdk.test_sessions import SESSION as STATUS

Run = Callable[..., Awaitable[Result]]


@pytest.fixture
def run(gateway: Gateway) -> Run:
    """Run a command beside the server, in a thread of its own."""

    async def invoke(*arguments: str, stdin: bytes = b"", **environment: str | None) -> Result:
        known: dict[str, str | None] = dict.fromkeys(("TELLTALE_KAFKA_BOOTSTRAP", "TELLTALE_TOPIC_PREFIX"))
        known |= {"TELLTALE_URL": gateway.url, "TELLTALE_INSIGHTS_URL": gateway.url, "TELLTALE_API_KEY": "tt_good_key"}
        known |= {"COLUMNS": "200"}
        return await asyncio.to_thread(CliRunner().invoke, telltale, arguments, input=stdin, env=known | environment)

    return invoke


def judged(batch: dict[str, Any]) -> dict[str, Any]:
    action = "ALLOW" if "person" in batch["subject"]["id"] else "BLOCK"
    return {"batch_id": batch["batch_id"], "verdict": {**VERDICT, "action": action, "subject": batch["subject"]}}


@pytest.mark.parametrize(
    "command", ["send", "replay", "simulate", "tail", "explain", "session", "keys", "keys check", "dead-letters"]
)
async def test_every_command_has_a_help(command: str, run: Run) -> None:
    found = await run(*command.split(), "--help")
    assert found.exit_code == 0
    assert "Usage:" in found.stdout
    assert command.split()[0] in (await run("--help")).stdout


async def test_a_file_is_sent_and_counted(run: Run, gateway: Gateway, tmp_path: Path) -> None:
    file = tmp_path / "some.jsonl.gz"
    file.write_bytes(gzip.compress(lines(SESSION, BATCH)))
    found = await run("send", str(file))
    assert (found.exit_code, found.stdout) == (0, "1 sessions, 1 batches, 8 of 8 events delivered\n")
    by_subject = {batch["subject"]["id"]: batch for batch in gateway.stored.values()}
    assert by_subject["s-1"]["batch_id"] == BATCH["batch_id"]
    assert by_subject["s-1"]["events"] == BATCH["events"]
    # The session ends now; its track, 600 ms long, began with the scroll.
    [event], [track] = by_subject["a"]["events"], by_subject["a"]["tracks"]
    assert event["occurred_at"] == track["started_at"] > "2026-03-02"


async def test_a_file_that_is_sent_again_counts_once(run: Run, gateway: Gateway, tmp_path: Path) -> None:
    """Also where the server does not take a batch whole: it has a bad event, or is too large."""
    bad = {**BATCH, "events": [*BATCH["events"], {**SCROLL, "type": "bad"}]}
    large = {**BATCH, "batch_id": ID, "subject": {"type": "session", "id": "s-2"}, "events": [SCROLL] * 40}
    gateway.max_body_bytes = 2_000
    file = tmp_path / "some.jsonl"
    file.write_bytes(lines(bad, large))
    first = await run("send", str(file))
    stored = set(gateway.stored)
    again = await run("send", str(file))
    assert (first.stdout, again.stdout) == (first.stdout, first.stdout)
    assert len(gateway.stored_events("s-2")) == 40
    assert len(stored) > 2
    assert set(gateway.stored) == stored


async def test_standard_input_is_sent(run: Run, gateway: Gateway) -> None:
    found = await run("send", "-", "--json", stdin=lines(SESSION))
    assert json.loads(found.stdout) == {
        "sessions": 1, "batches": 0, "events": 4, "delivered": 4, "lost": {}, "bad_lines": 0, "interrupted": False,
    }  # fmt: skip


async def test_bad_lines_are_told_and_the_rest_is_sent(run: Run, gateway: Gateway) -> None:
    odd = {**SESSION, "session_id": "two words"}
    found = await run("send", "-", stdin=b"{\n" + lines(SESSION, odd))
    assert found.exit_code == 1
    assert "1 sessions, 0 batches, 4 of 4 events delivered" in found.stdout
    assert "line 1: neither a session nor a batch" in found.stderr
    assert "line 3: a subject id is" in found.stderr
    assert "2 lines held nothing to send" in found.stderr


async def test_what_the_server_refuses_is_told_with_the_reason(run: Run, gateway: Gateway) -> None:
    bad = {**SESSION, "events": [{"type": "bad", "occurred_at": "2026-03-01T12:00:00Z"}]}
    found = await run("send", "-", stdin=lines(bad, {**SESSION, "session_id": "b"}))
    assert found.exit_code == 1
    assert "4 of 5 events delivered" in found.stdout
    assert "1 events refused by the server" in found.stderr
    assert "/events/0/type: no" in found.stderr


@pytest.mark.parametrize(
    "arguments", [["send", "-"], ["simulate"], ["session", ID], ["keys", "check"], ["explain", ID]]
)
async def test_who_is_not_there_is_told_and_what_to_do(
    arguments: list[str], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(common, "PATIENCE", Limits(deadline_s=0.2))
    away = "http://127.0.0.1:1"
    found = await run(*arguments, TELLTALE_URL=away, TELLTALE_INSIGHTS_URL=away)
    assert (found.exit_code, found.stdout) == (3, "")
    assert f"{away} gives no good answer" in found.stderr
    assert "does it run" in found.stderr


@pytest.mark.parametrize(
    "arguments", [["send", "-"], ["simulate"], ["session", ID], ["keys", "check"], ["explain", ID]]
)
async def test_a_bad_key_is_told_and_never_shown(arguments: list[str], run: Run) -> None:
    found = await run(*arguments, TELLTALE_API_KEY="tt_very_secret")
    assert (found.exit_code, found.stdout) == (1, "")
    assert "does not know the key in TELLTALE_API_KEY" in found.stderr
    assert "very_secret" not in found.output


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        (["session", ID], {"TELLTALE_API_KEY": None}, "set TELLTALE_API_KEY"),
        (["session", ID], {"TELLTALE_URL": "nowhere"}, "http(s)://host"),
        (["send", "-"], {"TELLTALE_URL": "http://localhost:abc"}, "http(s)://host"),
        (["session", "s-1"], {}, "UUID"),
        (["send", "/there/is/none"], {}, "No such file"),
        (["replay", "/there/is/none"], {}, "does not exist"),
        (["tail"], {}, "--subject"),
        (["tail", "--subject", "s-1"], {}, "TYPE/ID"),
        (["tail", "--subject", "session/s-1", "--min-risk", "2"], {}, "min-risk"),
        (["send"], {}, "Missing argument"),
        (["unheard-of"], {}, "No such command"),
    ],
)
async def test_wrong_usage_is_exit_code_2(
    arguments: list[str], environment: dict[str, str | None], said: str, run: Run
) -> None:
    found = await run(*arguments, **environment)
    assert (found.exit_code, found.stdout) == (2, "")
    assert said in found.stderr


async def test_a_server_that_goes_away_ends_it_soon(run: Run, gateway: Gateway, tmp_path: Path) -> None:
    gateway.script.append(Answer(404, {"code": "not_found", "status": 404}))  # the key is good
    gateway.always = Answer(503, {"code": "too_many_in_flight"}, {"retry-after": "3600"})
    file = tmp_path / "some.jsonl"
    file.write_bytes(lines(*[{**SESSION, "session_id": f"s-{number}"} for number in range(500)]))
    found = await run("send", str(file))
    assert found.exit_code == 3
    assert "0 of" in found.stdout
    assert "events not delivered in time" in found.stderr


async def test_simulated_sessions_are_sent_and_shown(run: Run, gateway: Gateway) -> None:
    gateway.answer_with = judged
    found = await run("simulate", "--sessions", "6")
    assert found.exit_code == 0, found.output
    shown = found.stdout.splitlines()
    assert [line.split()[0] for line in shown[:-1]].count("ALLOW") == 2
    assert sum("TOO_STRAIGHT" in line for line in shown) == 6
    assert shown[-1].startswith("6 sessions, 2 people, 2 people allowed, 4 bots, 4 bots flagged, ")


async def test_simulated_sessions_as_json(run: Run, gateway: Gateway, tmp_path: Path) -> None:
    gateway.answer_with = judged
    file = tmp_path / "some.jsonl"
    file.write_bytes(lines(SESSION, BATCH))
    found = await run("simulate", str(file), "--json")
    session, summary = map(json.loads, found.stdout.splitlines())
    assert (session["session_id"], session["label"], session["verdict"]["action"]) == ("a", "human", "BLOCK")
    assert session["subject_id"].startswith("a-")
    assert (summary["sessions"], summary["people"], summary["people_allowed"], summary["actions"]) == (
        1, 1, 0, {"BLOCK": 1},
    )  # fmt: skip
    assert "`telltale send` sends it" in found.stderr
    assert (summary["bad_lines"], found.exit_code) == (1, 1)


async def test_no_verdict_in_time_is_said(run: Run, gateway: Gateway) -> None:
    found = await run("simulate", "--sessions", "1")
    assert found.exit_code == 0
    assert found.stdout.startswith("none")
    assert "no verdict in time" in found.stdout


async def test_a_replay_keeps_the_rhythm(run: Run, gateway: Gateway, tmp_path: Path) -> None:
    """Two scrolls a second apart, played at twice the speed, come half a second apart and keep their times."""
    gateway.answer_with = judged
    second = {**SCROLL, "occurred_at": "2026-03-01T12:00:01Z"}
    file = tmp_path / "some.jsonl"
    file.write_bytes(lines({**SESSION, "events": [SCROLL, second]}))
    loop = asyncio.get_running_loop()
    started_s = loop.time()
    found = await run("replay", str(file), "--speed", "2")
    assert found.exit_code == 0, found.output
    assert loop.time() - started_s >= 0.5
    first, last = gateway.posts[0].batches[0], gateway.posts[-1].batches[0]
    assert first["batch_id"] != last["batch_id"]
    (began, left), (ended, arrived) = [
        (datetime.fromisoformat(batch["events"][0]["occurred_at"]), datetime.fromisoformat(batch["sent_at"]))
        for batch in (first, last)
    ]
    assert ended - began == timedelta(seconds=1)
    assert began < left < ended <= arrived


async def test_a_session_is_shown(run: Run, gateway: Gateway) -> None:
    gateway.documents[f"/api/sessions/{ID}/status"] = {
        **STATUS,
        "batch_count": 2,
        "event_count": 30,
        "result": SESSION_RESULT,
    }
    found = await run("session", ID)
    assert found.exit_code == 0
    shown = dict(line.split(maxsplit=1) for line in found.stdout.splitlines())
    assert shown["trust"] == "10"
    assert shown["challenge"] == "needed"
    assert shown["human"] == "no"
    assert shown["seen"] == "30 events in 2 batches"
    assert shown["reasons"] == "TOO_STRAIGHT"
    told = json.loads((await run("session", ID, "--json")).stdout)
    assert (told["session_id"], told["result"]["trust_score"]) == (ID, 10)


@pytest.mark.parametrize("command", ["session", "explain"])
async def test_what_is_not_there_is_exit_code_1(command: str, run: Run) -> None:
    found = await run(command, ID)
    assert (found.exit_code, found.stdout) == (1, "")
    assert f"no {'session' if command == 'session' else 'verdict'} {ID}" in found.stderr


async def test_keys_are_checked(run: Run, gateway: Gateway) -> None:
    assert "accepts it as a secret key" in (await run("keys", "check")).stdout
    gateway.always = Answer(403, {"code": "forbidden", "status": 403})
    found = await run("keys", "check", "--json")
    assert json.loads(found.stdout) == {"url": gateway.url, "accepted": True, "kind": "publishable"}
    for command in (["session", ID], ["simulate"]):
        found = await run(*command)
        assert found.exit_code == 1
        assert "take a secret one" in found.stderr


async def test_dead_letters_are_counted_without_kafka(run: Run, gateway: Gateway) -> None:
    gateway.always = Answer(200, {"totals": {"dead_letters": 3}, "series": []})
    assert (await run("dead-letters")).stdout == "3 dead letters in the last 24 hours; --kafka lists them\n"
    assert gateway.requests[-1].target.startswith("/v1/kpis?from=")
    assert json.loads((await run("dead-letters", "--json")).stdout) == {"dead_letters": 3, "hours": 24}


async def test_no_kafka_is_told(run: Run) -> None:
    for command in ("tail", "dead-letters"):
        found = await run(command, "--kafka", "127.0.0.1:1")
        assert found.exit_code == 3
        assert "Kafka at 127.0.0.1:1 gives no good answer" in found.stderr


async def records(*values: bytes) -> AsyncIterator[bytes]:
    for value in values:
        yield value


STRANGE = [b'{"verdict_id":"\xff"}', b'{"queue":' + 100_000 * b"[" + 100_000 * b"]" + b"}", b"no JSON"]


async def test_what_is_no_verdict_is_passed_over(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tailing, "arriving", lambda *_: records(*STRANGE, msgspec.json.encode(VERDICT)))
    found = await run("tail", "--kafka", "somewhere", "--json")
    assert (found.exit_code, found.stderr.count("passed over what is no verdict")) == (0, 3)
    assert json.loads(found.stdout)["verdict_id"] == VERDICT["verdict_id"]


async def test_what_is_no_dead_letter_is_passed_over(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    letter = {"dead_letter_id": ID, "stage": "scorer", "reason": "r", "source_timestamp": "2026-03-01T12:00:00Z"}

    async def newest(
        _kafka: str, _topic: str, _count: int, read: Callable[[bytes], tuple[Any, Any] | None]
    ) -> list[Any]:
        return [found[1] for value in [*STRANGE, msgspec.json.encode(letter)] if (found := read(value))]

    monkeypatch.setattr(dead_letters, "newest", newest)
    found = await run("dead-letters", "--kafka", "somewhere", "--json")
    assert (found.exit_code, found.stderr.count("passed over what is no dead letter")) == (0, 3)
    assert json.loads(found.stdout)["dead_letter_id"] == ID


@pytest.mark.parametrize("command", ["simulate", "replay"])
async def test_who_stops_reading_ends_it_quietly(command: str, gateway: Gateway, tmp_path: Path) -> None:
    gateway.answer_with = judged
    file = tmp_path / "some.jsonl"
    # More output than a pipe holds: it must be written to nobody.
    file.write_bytes(lines(*[{**SESSION, "session_id": f"s-{number}"} for number in range(2_000)]))
    speed = " --speed 1000" if command == "replay" else ""
    process = await asyncio.create_subprocess_exec(
        "bash", "-o", "pipefail", "-c", f'"$0" -m telltale {command} "$1"{speed} | head -1', sys.executable, str(file),
        env=os.environ | {"TELLTALE_URL": gateway.url, "TELLTALE_API_KEY": "tt_good_key"},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    said = [line for line in err.decode().splitlines() if not line.startswith(("simulating: ", "replaying: "))]
    assert (process.returncode, len(out.splitlines()), said) == (1, 1, [])


def test_a_shell_can_complete() -> None:
    found = CliRunner().invoke(
        telltale,
        prog_name="telltale",
        env={"_TELLTALE_COMPLETE": "bash_complete", "COMP_WORDS": "telltale s", "COMP_CWORD": "1"},
    )
    assert found.stdout.split() == ["plain,send", "plain,simulate", "plain,session"]


async def test_a_verdict_is_explained(run: Run, gateway: Gateway) -> None:
    explanation = msgspec.to_builtins(example())
    gateway.documents[f"/v1/verdicts/{ID}/explain"] = explanation
    found = await run("explain", ID)
    assert found.exit_code == 0, found.output
    shown = found.stdout.splitlines()
    assert shown[0] == "REVIEW     risk 0.90  trust 10  bot  confidence 0.95"
    assert "session/first-session" in shown[1] and "2.0 ms after it came in" in shown[1]
    [reason] = [line for line in shown if "WEBDRIVER" in line]
    assert "0.900" in reason and "webdriver=True" in reason
    assert "rules: 1 hit" in shown
    assert "too little seen for: untrusted_input" in shown
    assert "model pointer@0d41f6a7c2be: too little to tell (0.000)" in shown
    assert shown[-1] == "looked back on 2 events in 1 batches"
    assert json.loads((await run("explain", ID, "--json")).stdout) == explanation


async def test_a_verdict_of_older_rules_is_explained_as_far_as_it_can_be(run: Run, gateway: Gateway) -> None:
    explanation = msgspec.to_builtins(example())
    explanation |= {"rules": None, "ruleset": {"used": "abc", "current": None}}
    gateway.documents[f"/v1/verdicts/{ID}/explain"] = explanation
    assert "rules: those of ruleset abc, which is not in force" in (await run("explain", ID)).stdout
