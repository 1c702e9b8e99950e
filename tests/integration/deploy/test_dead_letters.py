"""Dead letters listed, looked into and sent on again once each, on real Kafka and PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from deploy.local.servers_for_tests import Servers
from deploy.operate.dead_letters.letters import Message
from deploy.operate.dead_letters.redrive import KafkaPublisher, open_publisher, redrive
from deploy.operate.dead_letters.store import open_letters
from deploy.operate.errors import SourceAway
from services.insights.database import Database
from services.insights.postgres import PostgresMonitorStore
from services.persister.reading import COLUMNS, Table, letter_row
from shared.cloudevents import REDRIVE_OF, BatchHeaders, batch_headers
from shared.contracts.dead_letter import DeadLetter, DeadLetterReason
from shared.dead_letters import CUT, write_letter
from shared.topics import Domain, events_topic, partition_key
from tests.integration.deploy.operating import Done, environment, operate, operate_apart, records_of
from tests.unit.persister.records import Record

BEHAVIOR = events_topic(Domain.BEHAVIOR)
PAYLOAD = b'{"secret-of-the-client": 1}'


@dataclass(frozen=True)
class Desk:
    """A system with topics of its own, and letters as its persister has stored them."""

    servers: Servers
    prefix: str
    tenant_id: str
    owner: "asyncpg.Connection[asyncpg.Record]"
    variables: dict[str, str]

    async def letter(
        self, offset: int = 0, *, detail: str = "ValueError", topic: str = "", partition: int = 2
    ) -> DeadLetter:
        """Store the scorer's letter of a batch."""
        stamp = BatchHeaders(
            uuid4(), self.tenant_id, Domain.BEHAVIOR, "session/s-1", datetime.now(UTC), 2, 0,
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "replies.gone",
        )  # fmt: skip
        now_ms = int(datetime.now(UTC).timestamp() * 1000)
        topic = topic or self.prefix + BEHAVIOR
        key = partition_key(self.tenant_id, "session", "s-1")
        record = Record(topic, partition, offset, now_ms, key, PAYLOAD, batch_headers(stamp))
        letter = write_letter("scorer", topic, partition, record, DeadLetterReason.FOLD_FAILED, detail)
        values = letter_row(letter, record).values
        places = ", ".join(f"${number}" for number in range(1, len(values) + 1))
        columns = COLUMNS[Table.DEAD_LETTERS]
        values = tuple(
            value.decode() if name == "headers" else value for name, value in zip(columns, values, strict=True)
        )
        await self.owner.execute(f"INSERT INTO dead_letters ({', '.join(columns)}) VALUES ({places})", *values)
        return letter

    async def run(self, *words: str) -> Done:
        """Run one of the commands."""
        return await operate(self.variables, "dead-letters", *words)

    async def redriven(self, letter: DeadLetter) -> int:
        """Count how often a letter's message stands on its topic again."""
        mark = (REDRIVE_OF, str(letter.dead_letter_id).encode())
        found = await records_of(self.servers, letter.source_topic, letter.source_partition)
        return sum(mark in record.headers for record in found)

    async def status(self, letter: DeadLetter) -> str | None:
        """Read what the books say of a letter's redrive."""
        query = "SELECT status FROM redrives WHERE dead_letter_id = $1"
        status: str | None = await self.owner.fetchval(query, letter.dead_letter_id)
        return status


@pytest.fixture
async def desk(servers: Servers, fresh_topics: Callable[..., Awaitable[str]], tmp_path: Path) -> AsyncIterator[Desk]:
    prefix = await fresh_topics()
    owner = await asyncpg.connect(servers.postgres_dsn_by_role["telltale_owner"])
    try:
        yield Desk(servers, prefix, f"t-{uuid4().hex[:12]}", owner, environment(servers, prefix, str(tmp_path)))
    finally:
        await owner.close()


async def test_the_list_shows_letters_and_no_payload(desk: Desk) -> None:
    first, second = await desk.letter(0), await desk.letter(1)
    done = await desk.run("list", "--tenant", desk.tenant_id)
    assert done.code == 0, done.err
    assert all(str(letter.dead_letter_id) in done.out for letter in (first, second))
    assert "fold_failed" in done.out and "secret-of-the-client" not in done.out
    assert "2 shown" in done.out


@pytest.mark.parametrize(
    ("words", "count"),
    [(["--reason", "fold_failed"], 1), (["--reason", "undecodable"], 0), (["--stage", "persister"], 0),
     (["--since", "1h"], 1), (["--since", "2999-01-01"], 0)],
)  # fmt: skip
async def test_the_list_is_narrowed(desk: Desk, words: list[str], count: int) -> None:
    await desk.letter()
    done = await desk.run("list", "--tenant", desk.tenant_id, *words)
    assert (done.code, f"{count} shown" in done.out or not count) == (0, True), done
    assert ("there are none" in done.out) == (not count)


async def test_show_tells_everything_but_the_payload_unless_asked(desk: Desk) -> None:
    letter = await desk.letter(7)
    shown = await desk.run("show", str(letter.dead_letter_id))
    assert shown.code == 0, shown.err
    for part in (f"{letter.source_topic}/2 offset 7", desk.tenant_id, str(letter.batch_id), f"{len(PAYLOAD)} bytes"):
        assert part in shown.out
    assert "secret-of-the-client" not in shown.out
    asked = await desk.run("show", str(letter.dead_letter_id), "--payload")
    assert asked.out.encode() == PAYLOAD


@pytest.mark.parametrize("command", ["show", "redrive"])
async def test_an_unknown_letter_is_said_to_be_unknown(desk: Desk, command: str) -> None:
    done = await desk.run(command, str(uuid4()))
    assert done.code == 1
    assert "there is no such letter" in done.err
    assert "Traceback" not in done.err


async def test_a_redrive_sends_the_original_bytes_key_and_headers_to_the_original_partition(desk: Desk) -> None:
    letter = await desk.letter()
    done = await desk.run("redrive", str(letter.dead_letter_id))
    assert (done.code, done.document) == (0, {"redriven": 1, "finished": 0, "refused": 0}), done.err
    [record] = await records_of(desk.servers, letter.source_topic, letter.source_partition)
    assert (record.value, record.key) == (PAYLOAD, letter.key)
    headers = dict(record.headers)
    assert headers.pop(REDRIVE_OF) == str(letter.dead_letter_id).encode()
    assert headers == {name: text.encode() for name, text in letter.headers.items() if name != "ce_replyto"}
    assert await desk.status(letter) == "done"


async def test_a_second_redrive_is_refused_and_says_when_the_first_was(desk: Desk) -> None:
    letter = await desk.letter()
    await desk.run("redrive", str(letter.dead_letter_id))
    again = await desk.run("redrive", str(letter.dead_letter_id))
    assert (again.code, again.document) == (1, {"redriven": 0, "finished": 0, "refused": 1})
    assert "was sent on by" in again.err
    assert await desk.redriven(letter) == 1


async def test_a_dry_run_changes_nothing(desk: Desk) -> None:
    letter = await desk.letter()
    done = await desk.run("redrive", str(letter.dead_letter_id), "--dry-run")
    assert (done.code, done.document) == (0, {"would_redrive": 1, "refused": 0}), done.err
    assert (await desk.redriven(letter), await desk.status(letter)) == (0, None)


class _EndsBefore:
    """A process that ends between claim and publish."""

    async def publish(self, message: Message) -> int:
        raise SourceAway("ended")


class _EndsAfter:
    """A process that ends when the broker has the message and nobody was told."""

    def __init__(self, publisher: KafkaPublisher) -> None:
        self._publisher = publisher

    async def publish(self, message: Message) -> int:
        await self._publisher.publish(message)
        raise SourceAway("ended")


@pytest.mark.parametrize(("had_published", "copies"), [(False, 1), (True, 2)])
async def test_a_redrive_that_ended_halfway_is_finished_by_the_next(
    desk: Desk, had_published: bool, copies: int
) -> None:
    letter = await desk.letter()
    dsn = desk.servers.postgres_dsn_by_role["telltale_operator"]
    async with open_letters(dsn) as store, open_publisher(desk.servers.kafka_bootstrap) as publisher:
        ends = _EndsAfter(publisher) if had_published else _EndsBefore()
        with pytest.raises(SourceAway):
            await redrive(store, ends, letter.dead_letter_id, by="someone", topic_prefix=desk.prefix)
    assert await desk.status(letter) == "claimed"
    shown = await desk.run("show", str(letter.dead_letter_id))
    assert "claimed by someone" in shown.out and "redrive it again to finish" in shown.out
    done = await desk.run("redrive", str(letter.dead_letter_id))
    assert (done.code, done.document) == (0, {"redriven": 1, "finished": 1, "refused": 0}), done.err
    assert "someone claimed it" in done.err
    assert (await desk.redriven(letter), await desk.status(letter)) == (copies, "done")


async def test_a_letter_in_anothers_hand_is_left_alone(desk: Desk) -> None:
    letter = await desk.letter()
    async with open_letters(desk.servers.postgres_dsn_by_role["telltale_operator"]) as store:
        assert await store.take_in_hand(letter.dead_letter_id)
        refused = await desk.run("redrive", str(letter.dead_letter_id))
        assert (refused.code, await desk.redriven(letter)) == (1, 0)
        assert "another process is sending it on" in refused.err
    async with asyncio.timeout(20):  # its session has ended, and with it the hold
        while (await desk.run("redrive", str(letter.dead_letter_id))).code:
            pass
    assert await desk.redriven(letter) == 1


async def test_two_processes_at_once_send_each_letter_once(desk: Desk) -> None:
    letters = [await desk.letter(offset) for offset in range(20)]
    done = await asyncio.gather(
        *[operate_apart(desk.variables, "dead-letters", "redrive", "--reason", "fold_failed") for _ in range(2)]
    )
    assert sum(one.document["redriven"] for one in done) == len(letters), done
    [topic] = {letter.source_topic for letter in letters}
    marks = [dict(record.headers)[REDRIVE_OF] for record in await records_of(desk.servers, topic, 2)]
    assert sorted(marks) == sorted(str(letter.dead_letter_id).encode() for letter in letters)


@pytest.mark.parametrize(
    ("detail", "topic", "why"),
    [(f"no JSON{CUT}5000000 bytes at its source", "", "less than the message"),
     ("no JSON", "{prefix}dead-letters.v1", "unreadable dead letter"),
     ("no JSON", "another.system.v1", "takes none of our messages back")],
)  # fmt: skip
async def test_what_cannot_be_sent_again_is_refused(desk: Desk, detail: str, topic: str, why: str) -> None:
    letter = await desk.letter(uuid4().int % 2**40, detail=detail, topic=topic.format(prefix=desk.prefix))
    done = await desk.run("redrive", str(letter.dead_letter_id))
    assert (done.code, done.document["refused"], await desk.status(letter)) == (1, 1, None)
    assert why in done.err


async def test_without_kafka_nothing_is_claimed(desk: Desk) -> None:
    letter = await desk.letter()
    variables = desk.variables | {"TELLTALE_KAFKA_BOOTSTRAP": "127.0.0.1:1"}
    done = await operate(variables, "dead-letters", "redrive", str(letter.dead_letter_id))
    assert (done.code, await desk.status(letter)) == (2, None)
    assert "Kafka at 127.0.0.1:1 does not answer" in done.err and "Traceback" not in done.err


async def test_the_monitor_counts_a_redriven_letter_as_sent_on(desk: Desk) -> None:
    letter = await desk.letter()
    minute = letter.source_timestamp.replace(second=0, microsecond=0)
    topics = {Domain.BEHAVIOR: letter.source_topic}
    async with Database(desk.servers.postgres_dsn_by_role["telltale_monitor"], connections=1) as database:
        monitor = PostgresMonitorStore(database)
        before = await monitor.scoring(minute, minute + timedelta(minutes=1), topics)
        done_before = (await monitor.redrives()).get(("scorer", "done"), 0)
        await desk.run("redrive", str(letter.dead_letter_id))
        after = await monitor.scoring(minute, minute + timedelta(minutes=1), topics)
        assert (before[Domain.BEHAVIOR].scores_refused, after[Domain.BEHAVIOR].scores_refused) == (1, 0)
        assert (await monitor.redrives())["scorer", "done"] > done_before


async def test_the_operator_may_not_read_a_batchs_payload(servers: Servers) -> None:
    operator = await asyncpg.connect(servers.postgres_dsn_by_role["telltale_operator"])
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await operator.fetch("SELECT payload FROM batches")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await operator.execute("DELETE FROM dead_letters")
    finally:
        await operator.close()
