"""The schema's migrations, run as the owner role."""

import contextlib
import io
import logging
from pathlib import Path
from typing import Final

_log = logging.getLogger(__name__)
MIGRATIONS: Final = Path(__file__).resolve().parents[2] / "services" / "persister" / "migrations"


def migrate(owner_dsn: str, directory: Path = MIGRATIONS) -> int:
    """Apply what is not applied yet, one at a time, under yoyo's lock.

    Parameters
    ----------
    owner_dsn
        ``postgresql://`` address, as the role that owns the database.
    directory
        Where the ``.sql`` files are.

    Returns
    -------
    int
        How many were applied.
    """
    if not any(directory.glob("*.sql")):
        return 0
    from yoyo import get_backend, read_migrations

    backend = get_backend(owner_dsn.replace("postgresql://", "postgresql+psycopg://", 1))
    try:
        # yoyo prints the rows of every SELECT in a migration.
        with backend.lock(), contextlib.redirect_stdout(io.StringIO()):
            pending = backend.to_apply(read_migrations(str(directory)))
            backend.apply_migrations(pending)
    finally:
        backend.connection.close()
    for migration in pending:
        _log.info("applied migration %s", migration.id)
    return len(pending)
