"""The store in memory, for tests: the same answers as PostgreSQL's, without a server."""

from collections.abc import Mapping, Sequence

from services.persister.errors import PartitionTaken, PlanOutdated, RowsRefused
from services.persister.planning import Advance, Asked, Fingerprint, Seen, Stream, WritePlan, fingerprint
from services.persister.reading import COLUMNS, Identity, Row, SessionRow, Table


class MemoryStore:
    """Store that forgets when the process ends."""

    def __init__(self) -> None:
        self.rows: dict[Table, dict[Identity, Row]] = {table: {} for table in Table}
        self.sessions: dict[tuple[object, ...], SessionRow] = {}
        self.books: dict[Stream, Advance] = {}

    async def claim(self, starts: Mapping[Stream, int]) -> dict[Stream, int]:
        """Open unknown books and tell the next offsets."""
        for stream, start in starts.items():
            self.books.setdefault(stream, Advance(*stream, start, start, 0, 0, 0, 0))
        return await self.next_offsets(list(starts))

    async def next_offsets(self, streams: Sequence[Stream]) -> dict[Stream, int]:
        """Tell the next offsets."""
        return {stream: self.books[stream].next_offset for stream in streams if stream in self.books}

    async def seen(self, asked: Asked) -> Seen:
        """Look up what was written before."""
        return {
            table: {
                identity: _fingerprint_of(self.rows[table][identity])
                for identity in lookup.identities
                if identity in self.rows[table]
            }
            for table, lookup in asked.items()
        }

    async def write(self, plan: WritePlan) -> None:
        """Write a plan whole or not at all."""
        rows = [row for found in plan.rows.values() for row in found]
        if any(self.books[Stream(*move[:2])].next_offset != move.expected for move in plan.advances):
            raise PartitionTaken("the next offset in the books is not the one we left there")
        refusals = [(row, "memory refuses the row") for row in rows if _refuses(row)]
        if refusals:
            raise RowsRefused(refusals)
        if any(row.identity in self.rows[row.table] for row in rows):
            raise PlanOutdated("UniqueViolationError")
        for row in rows:
            self.rows[row.table][row.identity] = row
        for session in plan.sessions:
            if session.follows(self.sessions.get(session.key)):
                self.sessions[session.key] = session
        for move in plan.advances:
            stream = Stream(*move[:2])
            old_move = self.books[stream]
            counts = [before + now for before, now in zip(old_move[4:], move[4:], strict=True)]
            self.books[stream] = Advance(*stream, old_move.expected, move.next_offset, *counts)


def _refuses(row: Row) -> bool:
    """Refuse what PostgreSQL does: NUL in text, numbers out of range."""
    return any(
        "\x00" in value if isinstance(value, str) else isinstance(value, int) and not -(2**63) <= value < 2**63
        for value in row.values
    )


def _fingerprint_of(row: Row) -> Fingerprint | None:
    if row.table is not Table.BATCHES:
        return None
    by_name = dict(zip(COLUMNS[row.table], row.values, strict=True))
    return fingerprint(by_name["domain"], by_name["subject_type"], by_name["subject_id"], by_name["payload"])
