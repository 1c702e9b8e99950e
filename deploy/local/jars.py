"""Kafka's jars: fetched by coordinate, checked against the lock file, kept in a cache shared by every checkout."""

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.local.errors import JarRefused, JarsUnavailable

KAFKA_VERSION: Final = "4.1.0"
# The log4j binding is not among Kafka's own dependencies; without it the broker logs nothing.
ROOTS: Final = (f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}", "org.apache.logging.log4j:log4j-slf4j-impl:2.24.3")
LOCK_FILE: Final = Path(__file__).with_name("kafka-jars.lock")
_PARALLEL_DOWNLOADS: Final = 8
_LOCK_HEADER: Final = (
    "# sha256 and coordinate of every jar the broker runs on, by `python -m deploy.local lock-jars`.\n"
)


@dataclass(frozen=True, slots=True)
class Jar:
    """One line of the lock file."""

    sha256: str
    coordinate: str

    @property
    def file_name(self) -> str:
        """File name of the jar, as Maven repositories name it."""
        _, artifact, version = self.coordinate.split(":")
        return f"{artifact}-{version}.jar"


def parse_lock(text: str) -> list[Jar]:
    """Read a lock file: ``sha256 coordinate`` per line, ``#`` starts a comment line.

    Raises
    ------
    ValueError
        A line is not of that form.
    """
    jars = []
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        sha256, _, coordinate = line.partition("  ")
        if len(sha256) != 64 or coordinate.count(":") != 2:
            raise ValueError(f"not a line of the jar lock file: {line!r}")
        jars.append(Jar(sha256, coordinate))
    return jars


def render_lock(jars: Iterable[Jar]) -> str:
    """Write a lock file's text, sorted by coordinate."""
    lines = [f"{jar.sha256}  {jar.coordinate}\n" for jar in sorted(jars, key=lambda jar: jar.coordinate)]
    return _LOCK_HEADER + "".join(lines)


def check(path: Path, jar: Jar) -> None:
    """Compare a file with the lock.

    Raises
    ------
    JarRefused
        The bytes differ.
    """
    found = _sha256(path)
    if found != jar.sha256:
        raise JarRefused(f"{path}: sha256 is {found}, the lock file says {jar.sha256}; delete the file and try again")


def ensure_jars(
    cache: Path, jars: list[Jar], on_progress: Callable[[int, int], None] = lambda done, total: None
) -> list[Path]:
    """Give the checked jars' paths, fetching those the cache lacks.

    Parameters
    ----------
    cache
        Directory that keeps the jars.
    jars
        What the lock file names.
    on_progress
        Told (jars ready, jars in all) while fetching; not called when nothing is missing.

    Raises
    ------
    JarRefused
        A jar in the cache or as fetched is not the one the lock file names.
    JarsUnavailable
        A jar could not be fetched.
    """
    cache.mkdir(parents=True, exist_ok=True)
    missing = [jar for jar in jars if not (cache / jar.file_name).exists()]
    if missing:
        _fetch(cache, missing, lambda done: on_progress(len(jars) - len(missing) + done, len(jars)))
    fetched = set(missing)
    for jar in jars:
        if jar not in fetched:
            check(cache / jar.file_name, jar)
    return [cache / jar.file_name for jar in jars]


def lock_jars() -> None:
    """Resolve the roots' whole dependency graph and write the lock file anew."""
    import jgo
    from jgo.maven import MavenContext

    # Nearest wins, roots first: the binding's own slf4j never displaces the one Kafka asks for.
    chosen: dict[str, str] = {}
    for root in ROOTS:
        for artifact in jgo.resolve(root):
            chosen.setdefault(f"{artifact.groupId}:{artifact.artifactId}", artifact.version)
    context = MavenContext()
    jars = []
    for name, version in chosen.items():
        coordinate = f"{name}:{version}"
        jars.append(Jar(_sha256(_resolve(context, coordinate)), coordinate))
    LOCK_FILE.write_text(render_lock(jars))


def _fetch(cache: Path, jars: list[Jar], on_fetched: Callable[[int], None]) -> None:
    from jgo.maven import MavenContext

    with tempfile.TemporaryDirectory(dir=cache, prefix=".fetch-") as scratch:
        context = MavenContext(repo_cache=Path(scratch))

        def fetch(jar: Jar) -> None:
            try:
                path = _resolve(context, jar.coordinate)
            except Exception as error:  # jgo raises whatever its HTTP client raises
                raise JarsUnavailable(f"{jar.coordinate} could not be fetched: {error}") from error
            check(path, jar)
            os.replace(path, cache / jar.file_name)

        with ThreadPoolExecutor(_PARALLEL_DOWNLOADS) as pool:
            for done, _ in enumerate(pool.map(fetch, jars), start=1):
                on_fetched(done)


def _resolve(context: object, coordinate: str) -> Path:
    group, artifact, version = coordinate.split(":")
    path: Path = context.project(group, artifact).at_version(version).artifact().resolve()  # type: ignore[attr-defined]
    return path


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
