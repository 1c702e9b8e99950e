"""Composition root: puts the persister together and runs it."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from typing import Any, Final

from services.persister.consuming import Consumer
from services.persister.letters import KafkaLetterBox
from services.persister.postgres import PostgresStore, open_pool
from services.persister.settings import PersisterSettings
from services.persister.upkeep import keep_house
from services.persister.worker import Worker
from services.persister.writing import Writer, pause_with_jitter
from shared.kafka_connections import mend_connections
from shared.ops import ops_routes, serving

_GRACE_S: Final = 4.0  # for the write in hand; leaving Kafka takes up to 5 more


class Persister:
    """The running service.

    Parameters
    ----------
    settings
        Read once, by the caller.
    """

    def __init__(self, settings: PersisterSettings) -> None:
        self._settings = settings

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, then leave in less than 10 seconds.

        Raises
        ------
        Crash
            Going on would be wrong; the supervisor starts the process anew.
        """
        settings = self._settings
        async with AsyncExitStack() as stack:  # closes in reverse: first the work, last what the work needs
            pool = await open_pool(settings.postgres_dsn.get_secret_value())
            stack.callback(pool.terminate)
            store = PostgresStore(pool)
            letters = KafkaLetterBox(settings.kafka_bootstrap, settings.topic_prefix)
            stack.push_async_callback(letters.close)
            consumer = Consumer(settings.kafka_bootstrap, settings.topic_prefix)

            async def wait(attempt: int) -> None:
                consumer.hold()
                await pause_with_jitter(attempt)

            writer = Writer(store, letters, wait)

            def ready() -> Mapping[str, bool]:
                return {"kafka": consumer.positioned, "postgres": writer.store_answers}

            await stack.enter_async_context(serving(ops_routes(ready), settings.http_host, settings.http_port))
            stack.push_async_callback(consumer.stop)
            worker = Worker(consumer, store, writer, settings.persister_max_records, wait)
            tasks = [
                asyncio.create_task(worker.run(stop), name="worker"),
                asyncio.create_task(keep_house(store, _keep_days(settings), settings.persister_keep_kpis_days)),
            ]
            stack.push_async_callback(_cancel, tasks)
            stopping: asyncio.Task[object] = asyncio.create_task(stop.wait())
            stack.push_async_callback(_cancel, [stopping])
            await asyncio.wait([*tasks, stopping], return_when=asyncio.FIRST_COMPLETED)
            if stop.is_set():
                await asyncio.wait(tasks[:1], timeout=_GRACE_S)
            for task in tasks:
                if task.done():
                    task.result()


def create_app(settings: PersisterSettings) -> Persister:
    """Put the persister together."""
    mend_connections()
    return Persister(settings)


def _keep_days(settings: PersisterSettings) -> dict[str, int]:
    return {
        "batches": settings.persister_keep_batches_days,
        "verdicts": settings.persister_keep_verdicts_days,
        "sessions": settings.persister_keep_verdicts_days,
        "dead_letters": settings.persister_keep_dead_letters_days,
    }


async def _cancel(tasks: "Sequence[asyncio.Task[Any]]") -> None:
    for task in tasks:
        task.cancel()
    for task in tasks:
        with suppress(asyncio.CancelledError, Exception):
            await task
