"""The schema's migrations, run as the owner role."""

import contextlib
import io
import logging
from pathlib import Path
from typing import Final

import psycopg

_log = logging.getLogger(__name__)
MIGRATIONS: Final = Path(__file__).resolve().parents[2] / "services" / "persister" / "migrations"


def migrate(owner_dsn: str, directory: Path = MIGRATIONS) -> int:
    """Apply what is not applied yet, one provisioner at a time.

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

    with psycopg.connect(owner_dsn, autocommit=True) as guard:
        # Not yoyo's own lock: that is a row, which a killed provisioner would leave behind for ever.
        guard.execute("SELECT pg_advisory_lock(hashtext('telltale.migrations'))")
        backend = get_backend(owner_dsn.replace("postgresql://", "postgresql+psycopg://", 1))
        try:
            pending = backend.to_apply(read_migrations(str(directory)))
            with contextlib.redirect_stdout(io.StringIO()):  # yoyo prints the rows of every SELECT in a migration
                backend.apply_migrations(pending)
        finally:
            backend.connection.close()
    for migration in pending:
        _log.info("applied migration %s", migration.id)
    return len(pending)
