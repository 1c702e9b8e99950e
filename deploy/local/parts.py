"""The parts of the system: what is started, where it listens, how to tell that it is ready."""

import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from deploy.local import kafka, postgres, probes, redis_server
from deploy.local.credentials import ADMIN, Credentials, secrets_file
from deploy.local.host import Account
from deploy.local.jars import KAFKA_VERSION, LOCK_FILE, parse_lock
from deploy.local.settings import CHECKOUT, HOST, StackSettings

SERVERS: Final = "servers"
SERVICES: Final = "services"
_DSN: Final = "TELLTALE_POSTGRES_DSN"

Probe = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Port:
    """A port a part listens on, and the variable that moves it."""

    number: int
    variable: str
    label: str


@dataclass(frozen=True, slots=True)
class Part:
    """One supervised program.

    Parameters
    ----------
    name
        Short name, as in ``make logs SERVICE=name``.
    group
        `SERVERS` start first and stop last; `SERVICES` need them.
    command
        Program and arguments, run in the foreground.
    ports
        Where it listens; the first is its main one.
    probe
        Returns when the part can do its job, raises any exception when it cannot.
    pid_file
        Where the running process records its number.
    environment
        Variables for this part only.
    account
        User it runs as; None is the user we are.
    stop_signal
        What asks it to end.
    stop_wait_s
        How long it may take to end before it is killed.
    """

    name: str
    group: str
    command: tuple[str, ...]
    ports: tuple[Port, ...]
    probe: Probe
    pid_file: Path
    environment: dict[str, str] = field(default_factory=dict)
    account: Account | None = None
    stop_signal: str = "TERM"
    stop_wait_s: int = 30


@dataclass(frozen=True, slots=True)
class Service:
    """One of our own programs: ``python -m <module>``, ready when ``/readyz`` answers 200.

    Parameters
    ----------
    name
        Short name.
    roles
        The database roles it logs in as, each with the variable that carries the address.
    """

    name: str
    roles: tuple[tuple[str, str], ...]

    @property
    def module(self) -> str:
        """The module to run."""
        return f"services.{self.name}"


OUR_SERVICES: Final = (
    Service("gateway", ((_DSN, "telltale_gateway"),)),
    Service("scorer", ()),
    Service("persister", ((_DSN, "telltale_persister"),)),
    Service("insights", ((_DSN, "telltale_insights"), ("TELLTALE_MONITOR_DSN", "telltale_monitor"))),
)


def postgres_dsn(settings: StackSettings, credentials: Credentials, role: str) -> str:
    """Give the address of the database as one role."""
    return (
        f"postgresql://{role}:{credentials.password(role)}@{HOST}:{settings.postgres_port}/{settings.postgres_database}"
    )


def redis_url(settings: StackSettings, credentials: Credentials) -> str:
    """Give the address of Redis."""
    return f"redis://:{credentials.redis_password}@{HOST}:{settings.redis_port}/0"


def server_parts(settings: StackSettings, credentials: Credentials) -> tuple[Part, ...]:
    """Describe Kafka, PostgreSQL and Redis."""
    database = postgres.locate(settings)
    admin_dsn = f"postgresql://{ADMIN}:{credentials.password(ADMIN)}@{HOST}:{settings.postgres_port}/postgres"
    redis_address = redis_url(settings, credentials)
    return (
        Part(
            name="kafka",
            group=SERVERS,
            command=tuple(kafka_of(settings).command),
            ports=(
                Port(settings.kafka_port, "TELLTALE_KAFKA_PORT", "Kafka"),
                Port(settings.kafka_controller_port, "TELLTALE_KAFKA_CONTROLLER_PORT", "Kafka's controller"),
            ),
            probe=lambda: probes.kafka_ready(settings.kafka_bootstrap),
            pid_file=settings.root / "run" / "kafka.pid",
        ),
        Part(
            name="postgres",
            group=SERVERS,
            command=tuple(database.command(settings.postgres_port)),
            ports=(Port(settings.postgres_port, "TELLTALE_POSTGRES_PORT", "PostgreSQL"),),
            probe=lambda: probes.postgres_ready(admin_dsn),
            pid_file=database.place / "postgres.pid",
            account=database.account,
            stop_signal="INT",
        ),
        Part(
            name="redis",
            group=SERVERS,
            command=tuple(redis_of(settings).command),
            ports=(Port(settings.redis_port, "TELLTALE_REDIS_PORT", "Redis"),),
            probe=lambda: probes.redis_ready(redis_address),
            pid_file=settings.root / "run" / "redis.pid",
            stop_wait_s=5,  # it refuses to end when it cannot save, and nothing in it is needed
        ),
    )


def service_parts(settings: StackSettings, credentials: Credentials) -> tuple[Part, ...]:
    """Describe our own services, and the demo shop, which stands outside as any customer's site does."""
    services = (_service_part(service, settings, credentials) for service in OUR_SERVICES)
    return (*services, _demo_part(settings))


def kafka_of(settings: StackSettings) -> kafka.Kafka:
    """Give the broker of this instance."""
    cache = jar_cache(settings)
    return kafka.Kafka(
        settings.root / "kafka", tuple(cache / jar.file_name for jar in parse_lock(LOCK_FILE.read_text()))
    )


def redis_of(settings: StackSettings) -> redis_server.Redis:
    """Give the Redis of this instance."""
    return redis_server.Redis(settings.root / "redis")


def jar_cache(settings: StackSettings) -> Path:
    """Give the directory of this Kafka version's jars."""
    return settings.cache.expanduser().resolve() / f"kafka-{KAFKA_VERSION}"


def _service_part(service: Service, settings: StackSettings, credentials: Credentials) -> Part:
    port: int = getattr(settings, f"{service.name}_port")
    environment = {
        "TELLTALE_KAFKA_BOOTSTRAP": settings.kafka_bootstrap,
        "TELLTALE_REDIS_URL": redis_url(settings, credentials),
        "TELLTALE_HTTP_HOST": HOST,
        "TELLTALE_HTTP_PORT": str(port),
        "TELLTALE_SCORER_URL": f"http://{HOST}:{settings.scorer_port}",
        "PYTHONPATH": str(CHECKOUT),
        "PYTHONUNBUFFERED": "1",
    }
    environment |= {variable: postgres_dsn(settings, credentials, role) for variable, role in service.roles}
    return Part(
        name=service.name,
        group=SERVICES,
        command=(sys.executable, "-m", service.module),
        ports=(Port(port, f"TELLTALE_{service.name.upper()}_PORT", service.name),),
        probe=lambda: probes.http_ready(f"http://{HOST}:{port}/readyz"),
        pid_file=settings.root / "run" / f"{service.name}.pid",
        environment=environment,
        stop_wait_s=20,
    )


def _demo_part(settings: StackSettings) -> Part:
    port = settings.demo_port
    return Part(
        name="demo",
        group=SERVICES,
        command=(sys.executable, "-m", "deploy.demo"),
        ports=(Port(port, "TELLTALE_DEMO_PORT", "demo"),),
        probe=lambda: probes.http_ready(f"http://{HOST}:{port}/readyz"),
        pid_file=settings.root / "run" / "demo.pid",
        environment={
            "TELLTALE_GATEWAY_URL": f"http://{HOST}:{settings.gateway_port}",
            "TELLTALE_HTTP_HOST": HOST,
            "TELLTALE_HTTP_PORT": str(port),
            "TELLTALE_SECRETS_FILE": str(secrets_file(settings.root)),
            "PYTHONPATH": str(CHECKOUT),
            "PYTHONUNBUFFERED": "1",
        },
    )


def inherited_environment() -> dict[str, str]:
    """Give the variables of ours that every part inherits: few, so that a run does not depend on who started it."""
    wanted = ("PATH", "HOME", "LANG", "TZ", "TMPDIR", "SSL_CERT_FILE")
    prefixes = ("TELLTALE_", "OTEL_", "LC_")
    return {name: value for name, value in os.environ.items() if name in wanted or name.startswith(prefixes)}
