"""Start, watch and stop one instance of the system."""

import asyncio
import contextlib
import fcntl
import os
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import psutil

from deploy import sdks
from deploy.local import jars, kafka, parts, postgres, redis_server
from deploy.local.addresses import Addresses
from deploy.local.credentials import ADMIN, load_credentials
from deploy.local.errors import Busy, NotRunning, PartNotReady, PortTaken, SettingsChanged
from deploy.local.host import holder_of, port_is_free, recorded_process
from deploy.local.parts import Part
from deploy.local.progress import Progress
from deploy.local.settings import HOST, StackSettings
from deploy.local.supervision import Supervisor
from deploy.provision.roles import ROLES, password_field
from deploy.provision.settings import ProvisionSettings

_READY_TIMEOUT_S: Final = 60.0
_STOP_TIMEOUT_S: Final = 90.0
_KILLED_TIMEOUT_S: Final = 10.0
_PROBE_EVERY_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class PartStatus:
    """A part as ``status`` shows it: `why` is empty when it is ready; times are seconds, 0 when it does not run."""

    part: Part
    pid: int
    uptime_s: float
    why: str


class Stack:
    """One instance: its settings, its secrets and its parts."""

    def __init__(self, settings: StackSettings) -> None:
        self.settings = settings
        settings.root.mkdir(parents=True, exist_ok=True)
        self.credentials = load_credentials(settings.root)
        self.servers = parts.server_parts(settings, self.credentials)
        self.services = parts.service_parts(settings, self.credentials)
        self.supervisor = Supervisor(settings)

    @property
    def all_parts(self) -> tuple[Part, ...]:
        """Every part, in starting order."""
        return self.servers + self.services

    @contextlib.contextmanager
    def exclusively(self, *, wait: bool = False) -> Iterator[None]:
        """Hold the instance's lock.

        Raises
        ------
        Busy
            Somebody else holds it, and we are not to wait.
        """
        with (self.settings.root / "lock").open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                file.seek(0)
                raise Busy(
                    f"another command (pid {file.read().strip()}) is starting or stopping"
                    f" the system in {self.settings.root}; wait for it"
                ) from None
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            yield

    def addresses(self, demo_api_key: str) -> Addresses:
        """Give where this instance is reached."""
        roles = (ADMIN, *(role.name for role in ROLES))
        return Addresses(
            gateway_url=f"http://{HOST}:{self.settings.gateway_port}",
            insights_url=f"http://{HOST}:{self.settings.insights_port}",
            shop_url=f"http://{HOST}:{self.settings.demo_port}",
            demo_api_key=demo_api_key,
            kafka_bootstrap=self.settings.kafka_bootstrap,
            redis_url=parts.redis_url(self.settings, self.credentials),
            postgres_dsn_by_role={role: parts.postgres_dsn(self.settings, self.credentials, role) for role in roles},
        )

    def provision_settings(self) -> ProvisionSettings:
        """Give what provisioning needs to know of this instance."""
        password = self.credentials.password
        return ProvisionSettings.model_validate(
            {
                "kafka_bootstrap": self.settings.kafka_bootstrap,
                "postgres_host": HOST,
                "postgres_port": self.settings.postgres_port,
                "postgres_database": self.settings.postgres_database,
            }
            | {password_field(role): password(role) for role in (ADMIN, *(role.name for role in ROLES))}
        )

    def running(self) -> bool:
        """Tell whether this instance's supervisor runs."""
        return self.supervisor.process() is not None

    def check_unchanged(self) -> None:
        """Check that what runs is what would be started now.

        Raises
        ------
        SettingsChanged
            It runs with other settings or from other code.
        """
        if self.running() and not self.supervisor.runs(self.all_parts):
            raise SettingsChanged("the system runs with other settings or an older checkout; run `make down` first")

    async def start_servers(self, progress: Progress) -> None:
        """Start Kafka, PostgreSQL and Redis and wait until each is ready.

        Raises
        ------
        PortTaken
            A port is used by another program.
        PartNotReady
            A part did not become ready.
        """
        if not self.running():
            self._end_leftovers()
            self._check_ports(self.all_parts)
            await self._prepare(progress)
            self.supervisor.start(self.all_parts)
        self.supervisor.start_group(parts.SERVERS)
        await self._await_ready(self.servers, progress)

    async def start_services(self, progress: Progress) -> None:
        """Start our services, which need provisioned servers, and wait until each is ready.

        Raises
        ------
        BuildFailed
            The page of the demo shop needs the browser SDK, which cannot be built.
        PartNotReady
            A part did not become ready.
        """
        progress.note("demo", "building the browser SDK")
        await asyncio.to_thread(sdks.build)
        self.supervisor.start_group(parts.SERVICES)
        await self._await_ready(self.services, progress)

    async def restart(self, part: Part, progress: Progress) -> None:
        """Stop one part, start it again and wait until it is ready.

        Raises
        ------
        NotRunning
            The system does not run.
        PartNotReady
            The part did not become ready.
        """
        if not self.running():
            raise NotRunning("the system does not run; start it with `make up`")
        progress.note(part.name, "stopping")
        if self.supervisor.states()[part.name].pid:
            await asyncio.to_thread(self.supervisor.stop_part, part)
        self.supervisor.start_part(part)
        await self._await_part(part, progress)

    def stop(self) -> None:
        """Stop every part and the supervisor; leave no process behind, even when the supervisor was killed."""
        supervisor = self.supervisor.process()
        if supervisor is not None:
            with contextlib.suppress(OSError):
                self.supervisor.shutdown()
            _, alive = psutil.wait_procs([supervisor], timeout=_STOP_TIMEOUT_S)
            for process in alive:
                process.kill()
        self._end_leftovers()

    async def status(self) -> list[PartStatus]:
        """Ask every part, all at once."""
        states = self.supervisor.states()

        async def ask(part: Part) -> PartStatus:
            state = states.get(part.name)
            if state is None or state.pid == 0:
                return PartStatus(part, 0, 0.0, "not running")
            return PartStatus(part, state.pid, time.time() - state.started_at_s, await _why_not(part))

        return list(await asyncio.gather(*(ask(part) for part in self.all_parts)))

    async def _prepare(self, progress: Progress) -> None:
        """Make data directories and configuration; slow only the first time."""
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.to_thread(self._prepare_kafka, progress))
            group.create_task(asyncio.to_thread(self._prepare_postgres, progress))
        redis_server.prepare(parts.redis_of(self.settings), self.settings, self.credentials.redis_password)

    def _prepare_kafka(self, progress: Progress) -> None:
        wanted = jars.parse_lock(jars.LOCK_FILE.read_text())
        jars.ensure_jars(
            parts.jar_cache(self.settings),
            wanted,
            lambda done, total: progress.count("kafka", "fetching jars", done, total),
        )
        progress.note("kafka", "starting")
        kafka.prepare(parts.kafka_of(self.settings), self.settings)

    def _prepare_postgres(self, progress: Progress) -> None:
        progress.note("postgres", "starting")
        postgres.initialise(postgres.locate(self.settings), self.credentials.password(ADMIN))

    def _check_ports(self, wanted: Sequence[Part]) -> None:
        owners: dict[int, str] = {}
        for port in (port for part in wanted for port in part.ports):
            if (owner := owners.setdefault(port.number, port.variable)) != port.variable:
                raise PortTaken(f"{owner} and {port.variable} are both {port.number}; choose another for one of them")
            if not port_is_free(port.number):
                raise PortTaken(
                    f"port {port.number} ({port.label}, {port.variable}) is used by {holder_of(port.number)};"
                    f" stop it or choose another with {port.variable}"
                )

    async def _await_ready(self, wanted: Sequence[Part], progress: Progress) -> None:
        async with asyncio.TaskGroup() as group:
            for part in wanted:
                group.create_task(self._await_part(part, progress))

    async def _await_part(self, part: Part, progress: Progress) -> None:
        started = time.monotonic()
        progress.note(part.name, "starting")
        while why := await _why_not(part):
            if time.monotonic() - started > _READY_TIMEOUT_S:
                progress.failed(part.name, why)
                log = self.settings.root / "logs" / f"{part.name}.log"
                raise PartNotReady(f"{part.name} is not ready after {_READY_TIMEOUT_S:.0f} s ({why}); see {log}")
            await asyncio.sleep(_PROBE_EVERY_S)
        progress.ready(part.name, f"port {part.ports[0].number}")

    def _end_leftovers(self) -> None:
        """End parts that outlived their supervisor, found by the pids they recorded, services first."""
        for group in (self.services, self.servers):
            found = [(part, process) for part in group if (process := recorded_process(part.pid_file)) is not None]
            for part, process in found:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.send_signal(signal.Signals[f"SIG{part.stop_signal}"])
            processes = [process for _, process in found]
            _, alive = psutil.wait_procs(processes, timeout=max((part.stop_wait_s for part, _ in found), default=0))
            for stubborn in alive:
                # Each part leads its own process group.
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(stubborn.pid, signal.SIGKILL)
            psutil.wait_procs(alive, timeout=_KILLED_TIMEOUT_S)


async def _why_not(part: Part) -> str:
    """Say why a part is not ready; empty when it is."""
    try:
        await part.probe()
    except Exception as error:  # any refusal means not yet, whatever its type
        return f"{type(error).__name__}: {error}".splitlines()[0][:160]
    return ""
