import asyncio
from collections.abc import Awaitable, Callable

import pytest

from deploy.operate.doctor.examine import Broken, Finding, Stage, State, examine

Asked = list[str]


def well(name: str) -> Callable[[Asked], Awaitable[str]]:
    async def ask(asked: Asked) -> str:
        asked.append(name)
        return "here"

    return ask


async def wrong(_: Asked) -> str:
    raise Broken("503 broker_unavailable", "mend it")


async def refused(_: Asked) -> str:
    raise ExceptionGroup("both", [ConnectionRefusedError("nobody listens"), ValueError("second\nline")])


async def silent(_: Asked) -> str:
    await asyncio.Event().wait()
    raise AssertionError


async def hesitant(_: Asked) -> str:
    await asyncio.sleep(0.02)
    return "at last"


async def nothing(_: str) -> tuple[str, str]:
    return "", ""


async def walk(*stages: Stage[Asked], asked: Asked | None = None, budget_s: float = 5) -> list[Finding]:
    heard: list[Finding] = []
    findings = await examine(stages, [] if asked is None else asked, nothing, budget_s=budget_s, heard=heard.append)
    assert heard == findings
    return findings


async def test_every_stage_is_asked_in_order() -> None:
    asked: Asked = []
    findings = await walk(Stage("a", "?", well("a"), "x"), Stage("b", "?", well("b"), "x", ("a",)), asked=asked)
    assert asked == ["a", "b"]
    assert [finding.state for finding in findings] == [State.OK, State.OK]


async def test_what_needs_a_broken_stage_is_skipped_and_the_rest_is_still_asked() -> None:
    asked: Asked = []
    findings = await walk(
        Stage("a", "?", wrong, "x"),
        Stage("b", "?", well("b"), "x", ("a",)),
        Stage("c", "?", well("c"), "x", ("b",)),
        Stage("d", "?", well("d"), "x"),
        asked=asked,
    )
    assert asked == ["d"]
    assert [finding.state for finding in findings] == [State.BROKEN, State.SKIPPED, State.SKIPPED, State.OK]
    assert [finding.answered for finding in findings[1:3]] == ["needs a", "needs b"]


@pytest.mark.parametrize(
    ("ask", "answered", "command"),
    [
        (wrong, "503 broker_unavailable", "mend it"),
        (refused, "ConnectionRefusedError: nobody listens; ValueError: second", "look"),
        (silent, "no answer in 0.1 s", "look"),
    ],
)
async def test_a_broken_stage_tells_what_was_answered_and_what_to_run(
    ask: Callable[[Asked], Awaitable[str]], answered: str, command: str
) -> None:
    [finding] = await walk(Stage("a", "?", ask, "look", timeout_s=0.1))
    assert (finding.state, finding.answered, finding.next_command) == (State.BROKEN, answered, command)


async def test_a_timeout_of_the_stage_itself_is_told_as_such() -> None:
    async def own_limit(_: Asked) -> str:
        raise TimeoutError("the pool is empty")

    [finding] = await walk(Stage("a", "?", own_limit, "look"))
    assert finding.answered == "TimeoutError: the pool is empty"


async def test_an_answer_that_took_long_is_slow_and_not_broken() -> None:
    findings = await walk(
        Stage("a", "?", hesitant, "x", slow_s=0.01), Stage("b", "?", well("b"), "x", ("a",), slow_s=5)
    )
    assert [finding.state for finding in findings] == [State.SLOW, State.OK]


async def test_the_whole_walk_is_bounded() -> None:
    findings = await walk(Stage("a", "?", silent, "x", timeout_s=60), Stage("b", "?", well("b"), "x"), budget_s=0.1)
    assert findings[0].answered == "no answer in 0.1 s"
    assert (findings[1].state, findings[1].answered) == (State.SKIPPED, "no time left of 0 s")


async def test_the_part_behind_a_stage_tells_more_than_the_stage() -> None:
    async def explain(name: str) -> tuple[str, str]:
        return f"{name} is stopped", "kill -CONT 1"

    [finding] = await examine(
        [Stage("a", "?", silent, "look", part="scorer", timeout_s=0.05)], [], explain, budget_s=5, heard=lambda _: None
    )
    assert finding.answered.endswith("; scorer is stopped")
    assert finding.next_command == "kill -CONT 1"
