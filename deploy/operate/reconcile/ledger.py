"""What clients were told: ledgers of one JSON line a batch, kept on disk while they are compared."""

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple
from uuid import UUID

import msgspec

from deploy.operate.errors import OperatorError
from deploy.operate.reconcile.accounts import BatchKey, Fate

WINDOW: Final = 10_000


class Receipt(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line: a batch that the client was told is taken.

    ``at`` is when. A client need not know its ``tenant``, and all but the batch's id may be left out.
    """

    batch_id: UUID
    events: int | None = None
    tenant: str = ""
    at: datetime | None = None


class LedgerWrong(OperatorError):
    """A ledger holds a line that is no receipt."""


class Told(NamedTuple):
    """A batch of a ledger, and what the look into Kafka made of it (None: it is not there)."""

    tenant_id: str
    batch_id: UUID
    events: int | None
    fate: Fate | None


def write_receipts(path: Path, receipts: Iterable[Receipt]) -> None:
    """Append receipts to a ledger."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.writelines(msgspec.json.encode(receipt) + b"\n" for receipt in receipts)


def read_receipts(paths: Iterable[Path]) -> Iterator[Receipt]:
    """Read ledgers line by line. A last line without its end is one being written, and is passed over.

    Raises
    ------
    LedgerWrong
        A line is no receipt, or a file cannot be read.
    """
    for path in paths:
        try:
            with path.open("rb") as file:
                yield from (_receipt(path, number, line) for number, line in enumerate(file, 1) if line.endswith(b"\n"))
        except OSError as error:
            raise LedgerWrong(f"{path}: cannot be read ({type(error).__name__})") from None


def _receipt(path: Path, number: int, line: bytes) -> Receipt:
    try:
        return _decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise LedgerWrong(f"{path}:{number}: no receipt ({error}); mend or remove the line") from None


_decode: Final = msgspec.json.Decoder(Receipt).decode


class Scratch:
    """A table on disk of what was told, each batch once, and of the records of Kafka that have no row."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("")  # a file of its own that ends with the connection
        self._db.execute(
            "CREATE TABLE told (batch BLOB, tenant TEXT, events INT, PRIMARY KEY (batch, tenant)) WITHOUT ROWID"
        )
        self._db.execute("CREATE TABLE missed (batch BLOB, tenant TEXT, fate TEXT)")

    def __enter__(self) -> "Scratch":
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def add_told(self, receipts: Iterable[Receipt]) -> int:
        """Take receipts in; give how many batches they are."""
        with contextlib.closing(self._db.cursor()) as cursor:
            cursor.executemany(
                "INSERT OR IGNORE INTO told VALUES (?, ?, ?)",
                ((receipt.batch_id.bytes, receipt.tenant, receipt.events) for receipt in receipts),
            )
            self._db.commit()
            [count] = cursor.execute("SELECT count(*) FROM told").fetchone()
        return int(count)

    def add_missed(self, key: BatchKey, fate: Fate) -> None:
        """Note a batch that has a record and no row."""
        self._db.execute("INSERT INTO missed VALUES (?, ?, ?)", (key[1].bytes, key[0], str(fate)))

    def told(self) -> Iterator[list[Told]]:
        """Give what was told, in windows."""
        self._db.execute("CREATE INDEX IF NOT EXISTS missed_by_batch ON missed (batch)")
        cursor = self._db.execute(
            "SELECT tenant, batch, events, (SELECT min(fate) FROM missed WHERE missed.batch = told.batch"
            " AND told.tenant IN ('', missed.tenant)) FROM told"
        )
        while window := cursor.fetchmany(WINDOW):
            yield [
                Told(tenant, UUID(bytes=batch), events, Fate(fate) if fate else None)
                for tenant, batch, events, fate in window
            ]
