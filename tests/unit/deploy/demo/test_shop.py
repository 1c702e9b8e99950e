"""The demo shop takes the gateway's word for whom it serves, asks a question where it should, and never guesses."""

import re
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from pydantic import SecretStr

from deploy.demo.app import create_app
from deploy.demo.challenges import Challenges
from deploy.demo.settings import DemoSettings

SESSION = str(uuid4())
_NUMBERS = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9}


def right_answer(question: str) -> str:
    left, right = (_NUMBERS[word] for word in re.findall("|".join(_NUMBERS), question))
    return str(left + right)


class FakeGateway:
    """Answers for a session as the gateway does, or not at all."""

    def __init__(self, action: str = "ALLOW", trust: int = 90) -> None:
        self.status = 200
        self.result: dict[str, Any] | None = {
            "trust_score": trust, "needs_challenge": action != "ALLOW", "verdict": {"action": action}
        }  # fmt: skip
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        return httpx.Response(self.status, json={"result": self.result})


def shop(gateway: FakeGateway, sdk: Path = Path("none.js")) -> httpx.AsyncClient:
    settings = DemoSettings(demo_api_key=SecretStr("tt_secret"), demo_page_key='tp_"page"', sdk=sdk)
    app = create_app(settings, httpx.MockTransport(gateway))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop")


async def order(client: httpx.AsyncClient, **more: str | None) -> httpx.Response:
    return await client.post("/orders", json={"session_id": SESSION, **more})


async def test_a_trusted_visitor_is_served_and_the_secret_key_asks() -> None:
    gateway = FakeGateway()
    async with shop(gateway) as client:
        answer = await order(client)

    assert (answer.status_code, answer.json()) == (201, {"status": "ordered", "trust": 90})
    assert gateway.asked[0].url.path == f"/api/sessions/{SESSION}/status"
    assert gateway.asked[0].headers["authorization"] == "Bearer tt_secret"


@pytest.mark.parametrize("action", ["CHALLENGE", "REVIEW"])
async def test_a_doubtful_visitor_is_served_after_the_right_answer(action: str) -> None:
    async with shop(FakeGateway(action, 30)) as client:
        asked = (await order(client)).json()
        assert asked["status"] == "challenge"
        wrong = (await order(client, challenge_id=asked["challenge_id"], answer="1")).json()
        assert wrong["status"] == "challenge"
        spent = await order(client, challenge_id=asked["challenge_id"], answer=right_answer(asked["question"]))
        assert spent.status_code == 403  # a question is good for one answer
        again = spent.json()
        served = await order(client, challenge_id=again["challenge_id"], answer=right_answer(again["question"]))

    assert (served.status_code, served.json()["status"]) == (201, "ordered")


async def test_a_bot_is_refused_whatever_it_answers() -> None:
    async with shop(FakeGateway("BLOCK", 3)) as client:
        answer = await order(client, challenge_id="x", answer="9")

    assert (answer.status_code, answer.json()["status"]) == (403, "refused")


@pytest.mark.parametrize("session_id", [None, SESSION])
async def test_whom_nobody_knows_is_asked_and_not_refused(session_id: str | None) -> None:
    gateway = FakeGateway()
    gateway.result = None
    async with shop(gateway) as client:
        asked = (await order(client, session_id=session_id)).json()
        right = right_answer(asked["question"])
        served = await order(client, session_id=session_id, challenge_id=asked["challenge_id"], answer=right)

    assert served.status_code == 201


async def test_without_the_gateway_it_says_so() -> None:
    gateway = FakeGateway()
    gateway.status = 503
    async with shop(gateway) as client:
        answer = await order(client)

    assert (answer.status_code, answer.json()["status"]) == (503, "unavailable")


async def test_the_page_holds_its_own_key_and_no_other_and_lets_no_foreign_script_in() -> None:
    async with shop(FakeGateway()) as client:
        page = await client.get("/")

    assert 'data-key="tp_&quot;page&quot;"' in page.text
    assert "tt_secret" not in page.text
    policy = page.headers["content-security-policy"]
    assert "default-src 'self'" in policy and "unsafe" not in policy
    assert "connect-src 'self' http://127.0.0.1:8080" in policy


async def test_it_is_ready_once_the_sdk_is_built(tmp_path: Path) -> None:
    async with shop(FakeGateway(), tmp_path / "sdk.js") as client:
        assert "make sdk" in (await client.get("/readyz")).json()["why"]
        (tmp_path / "sdk.js").write_text("1;")
        assert (await client.get("/readyz")).status_code == 200
        assert (await client.get("/telltale.min.js")).text == "1;"


def test_questions_that_nobody_answers_are_forgotten() -> None:
    challenges = Challenges()
    first = challenges.ask("s")
    for _ in range(1_000):
        challenges.ask("s")

    assert not challenges.solved(first.challenge_id, "s", right_answer(first.question))


def test_an_answer_is_good_for_its_own_session() -> None:
    challenges = Challenges()
    asked = challenges.ask("s")

    assert not challenges.solved(asked.challenge_id, "other", right_answer(asked.question))
