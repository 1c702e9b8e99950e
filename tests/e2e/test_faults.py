"""Kills under load: nothing is lost, nothing is doubled."""

import pytest

from tests.e2e.load import Load, assert_books_balance
from tests.e2e.system import System

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]


@pytest.mark.parametrize("name", ["scorer", "persister", "gateway"])
async def test_a_killed_service_loses_and_doubles_nothing(system: System, name: str) -> None:
    async with Load(system) as load:
        for _ in range(3):
            await load.until_acknowledged(60)
            await system.kill(name)
        await load.until_acknowledged(60)
    await assert_books_balance(system, load)


async def test_every_part_is_ready_again(system: System) -> None:
    await system.until_all_ready()
