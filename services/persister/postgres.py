"""The store in PostgreSQL: one transaction a write, rows by binary COPY straight into the day's partition."""

import struct
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, TypeAlias

import asyncpg
import msgspec
from asyncpg.pool import PoolConnectionProxy

from services.persister.copying import ENCODERS, encode
from services.persister.errors import Crash, PartitionTaken, PlanOutdated, RowsRefused, StoreAway
from services.persister.leaves import Leaves, values_of
from services.persister.planning import Advance, Asked, Fingerprint, Lookup, Seen, Stream, WritePlan, fingerprint
from services.persister.reading import COLUMNS, Identity, Row, SessionRow, Table
from services.persister.sql import load_queries

_Connection: TypeAlias = "PoolConnectionProxy[asyncpg.Record]"

_CONNECT_TIMEOUT_S: Final = 5.0
_COMMAND_TIMEOUT_S: Final = 60.0
_AWAY: Final = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the server went in the middle of an answer, and the driver lost its place
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # it shuts down or starts up, or took too long
    asyncpg.InsufficientResourcesError,  # disk, memory or connections are used up
    asyncpg.TransactionRollbackError,  # a deadlock's victim
    asyncpg.ObjectNotInPrerequisiteStateError,  # a lock was not to be had in time
    asyncpg.ReadOnlySQLTransactionError,  # a standby, or an operator keeps it from growing
    asyncpg.IdleInTransactionSessionTimeoutError,  # we were stopped for a while
    asyncpg.InvalidAuthorizationSpecificationError,  # roles or the database are not there yet, or just being changed
    asyncpg.InvalidCatalogNameError,
    asyncpg.PostgresSystemError,
    asyncpg.InternalServerError,
)
_REFUSED: Final = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.ProgramLimitExceededError,
    struct.error,  # a value does not fit its column
    ValueError,
    TypeError,
    OverflowError,
)


class PostgresStore:
    """Store over a pool of connections, all as the persister's role.

    Parameters
    ----------
    pool
        From `open_pool`.
    """

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool
        self._sql = load_queries()
        self._leaves: Leaves | None = None

    async def claim(self, starts: Mapping[Stream, int]) -> dict[Stream, int]:
        """Open unknown books and tell the next offsets."""
        topics, partitions = [stream.topic for stream in starts], [stream.partition for stream in starts]
        async with self._connection() as connection:
            await connection.execute(self._sql["claim"], topics, partitions, list(starts.values()))
        return await self.next_offsets(list(starts))

    async def next_offsets(self, streams: Sequence[Stream]) -> dict[Stream, int]:
        """Tell the next offsets."""
        topics, partitions = [stream.topic for stream in streams], [stream.partition for stream in streams]
        async with self._connection() as connection:
            rows = await connection.fetch(self._sql["next_offsets"], topics, partitions)
        return {Stream(row["topic"], row["partition"]): row["next_offset"] for row in rows}

    async def seen(self, asked: Asked) -> Seen:
        """Look up what was written before."""
        seen: dict[Table, dict[Identity, Fingerprint | None]] = {}
        async with self._connection() as connection:
            for table, lookup in asked.items():
                ids = [identity[1] for identity in lookup.identities]
                rows = await connection.fetch(self._sql[f"seen_{table}"], ids, lookup.earliest)
                if rows and table is Table.BATCHES:
                    seen[table] = await self._fingerprints(connection, Lookup([tuple(row) for row in rows], lookup[1]))
                else:
                    seen[table] = {(row[0], row[1]): None for row in rows}
        return seen

    async def write(self, plan: WritePlan) -> None:
        """Write a plan in one transaction."""
        try:
            async with self._connection() as connection, connection.transaction():
                await self._advance(connection, plan.advances)
                if plan.sessions:
                    await self._upsert_sessions(connection, plan.sessions)
                # Last, because a COPY counts its rows: other instances wait for these counts until the commit.
                for table, rows in plan.rows.items():
                    for leaf, group in (await self._group(connection, table, rows)).items():
                        await self._copy(connection, table, leaf, group)
        except (asyncpg.UniqueViolationError, asyncpg.CheckViolationError, asyncpg.UndefinedTableError) as error:
            self._leaves = None
            raise PlanOutdated(type(error).__name__) from error
        except _REFUSED as error:
            await self._blame(plan, error)

    async def maintain(self, keep_days_by_table: Mapping[str, int], keep_kpi_days: int) -> dict[str, int]:
        """Drop old partitions and old counts, then make partitions ahead: what goes makes room for what comes.

        Returns
        -------
        dict[str, int]
            By table, how many rows fit no day's partition.

        Raises
        ------
        StoreAway
            PostgreSQL does not answer, someone holds a table longer than we wait, or there is no room for new days.
        """
        async with self._connection() as connection:
            for table, keep_days in keep_days_by_table.items():
                await connection.execute(self._sql["drop_old_days"], table, keep_days)
            await connection.execute(self._sql["forget_kpis"], keep_kpi_days)
            await connection.execute(self._sql["forget_started_sessions"], keep_days_by_table["sessions"])
            try:
                return {table: await connection.fetchval(self._sql["make_days"], table) for table in keep_days_by_table}
            finally:
                self._leaves = None

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[_Connection]:
        try:
            async with self._pool.acquire(timeout=_CONNECT_TIMEOUT_S) as connection:
                yield connection
        except _AWAY as error:
            if isinstance(error, ValueError):  # a value cannot be encoded: that is the row's fault
                raise
            await self._pool.expire_connections()  # the next attempt is made on a connection of its own
            raise StoreAway(f"{type(error).__name__}: {error}") from error

    async def _fingerprints(self, connection: _Connection, hits: Lookup) -> dict[Identity, Fingerprint | None]:
        found: dict[Identity, Fingerprint | None] = {}
        ids = [identity[1] for identity in hits.identities]
        async with connection.transaction(readonly=True):  # a cursor, so that large payloads come a few at a time
            async for row in connection.cursor(self._sql["seen_payloads"], ids, hits.earliest, prefetch=20):
                found[row[0], row[1]] = fingerprint(*row[2:])
        return found

    async def _advance(self, connection: _Connection, advances: Sequence[Advance]) -> None:
        status = await connection.execute(self._sql["advance"], *map(list, zip(*advances, strict=True)))
        if int(status.rpartition(" ")[2]) != len(advances):
            raise PartitionTaken("the next offset in the books is not the one we left there")

    async def _group(self, connection: _Connection, table: Table, rows: Sequence[Row]) -> dict[str, list[Row]]:
        if not rows:
            return {}
        if self._leaves is None:
            self._leaves = Leaves([row[0] for row in await connection.fetch(self._sql["leaves"])])
        return self._leaves.group(table, rows)

    async def _copy(self, connection: _Connection, table: Table, leaf: str, rows: Sequence[Row]) -> None:
        if (encode_row := ENCODERS.get(table)) is None:  # few, and with nulls: the driver's way will do
            await connection.copy_records_to_table(leaf, records=values_of(rows), columns=COLUMNS[table])
            return

        async def pieces() -> AsyncIterator[bytes]:
            for piece in encode(rows, encode_row):
                yield piece

        await connection.copy_to_table(leaf, source=pieces(), columns=COLUMNS[table], format="binary")

    async def _upsert_sessions(self, connection: _Connection, sessions: Sequence[SessionRow]) -> None:
        columns = zip(*map(msgspec.structs.astuple, sessions), strict=True)
        await connection.execute(self._sql["upsert_sessions"], *map(list, columns))

    async def _blame(self, plan: WritePlan, error: Exception) -> None:
        """Find the refused rows by halves, in a transaction that is never committed; raises always."""
        refusals: list[tuple[Row, str]] = []
        async with self._connection() as connection:
            trial = connection.transaction()
            await trial.start()
            try:
                for table, rows in plan.rows.items():
                    for leaf, group in (await self._group(connection, table, rows)).items():
                        refusals += await self._refused(connection, table, leaf, group)
            finally:
                await trial.rollback()
        if not refusals:
            raise Crash("PostgreSQL refuses a write but none of its rows") from error
        raise RowsRefused(refusals) from error

    async def _refused(
        self, connection: _Connection, table: Table, leaf: str, rows: Sequence[Row]
    ) -> list[tuple[Row, str]]:
        try:
            async with connection.transaction():
                await self._copy(connection, table, leaf, rows)
        except _REFUSED as error:
            if len(rows) == 1:
                return [(rows[0], f"PostgreSQL refuses the row: {_name_of(error)}")]
            half = len(rows) // 2
            first = await self._refused(connection, table, leaf, rows[:half])
            return first + await self._refused(connection, table, leaf, rows[half:])
        return []


async def open_pool(dsn: str) -> "asyncpg.Pool[asyncpg.Record]":
    """Make a pool; it connects when first used, so PostgreSQL may be away now."""
    return await asyncpg.create_pool(
        dsn,
        min_size=0,
        max_size=3,
        timeout=_CONNECT_TIMEOUT_S,
        command_timeout=_COMMAND_TIMEOUT_S,
        init=_prepare,
        server_settings={
            "application_name": "telltale-persister",
            "timezone": "UTC",
            "jit": "off",
            "work_mem": "64MB",  # a write's rows pass by the roll-up triggers in memory, not through temporary files
            # To read a whole day, or all of an index, looks cheaper than to find thousands of ids in the one of ids.
            "enable_seqscan": "off",
            "enable_bitmapscan": "off",
            "cpu_index_tuple_cost": "1",
        },
    )


async def _prepare(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    for kind in ("json", "varchar"):  # what goes through as its bytes
        await connection.set_type_codec(kind, schema="pg_catalog", encoder=_as_is, decoder=_as_is, format="binary")


def _as_is(value: Any) -> Any:
    return value


def _name_of(error: Exception) -> str:
    """Name an error without its message, which may quote the payload."""
    state = getattr(error, "sqlstate", None)
    return f"{type(error).__name__} {state}" if state else type(error).__name__
