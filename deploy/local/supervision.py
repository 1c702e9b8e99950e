"""supervisord: its configuration, its start, and talking to it."""

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from xmlrpc.client import Fault, ServerProxy

import psutil
from supervisor.xmlrpc import SupervisorTransport

from deploy.local.errors import NeedsAttention
from deploy.local.host import private_directory, recorded_process
from deploy.local.parts import Part, inherited_environment
from deploy.local.settings import CHECKOUT, StackSettings

_LAUNCHER: Final = Path(__file__).with_name("launch.sh")
_START_TIMEOUT_S: Final = 20.0
_LONGEST_SOCKET_PATH: Final = 90  # the kernel allows 107, and supervisord adds a pid while it binds
_LOG_BYTES: Final = "10MB"
_LOG_BACKUPS: Final = 3


@dataclass(frozen=True, slots=True)
class PartState:
    """What supervisord says of a part: its pid (0 when it does not run) and start time (Unix seconds)."""

    state: str
    pid: int
    started_at_s: float


def render_config(settings: StackSettings, parts: Iterable[Part], socket: Path) -> str:
    """Write supervisord's configuration.

    ``startsecs=0`` means a start always counts, so supervisord never gives a part up; the launcher paces restarts.
    """
    parts = list(parts)
    sections: dict[str, dict[str, object]] = {
        "supervisord": {
            "logfile": settings.root / "logs" / "supervisord.log",
            "logfile_maxbytes": _LOG_BYTES,
            "logfile_backups": _LOG_BACKUPS,
            "pidfile": pid_file(settings),
            "childlogdir": settings.root / "logs",
            "directory": CHECKOUT,
            "identifier": f"telltale-{settings.tag}",
            **({"user": "root"} if os.geteuid() == 0 else {}),
        },
        "unix_http_server": {"file": socket, "chmod": "0700"},
        "rpcinterface:supervisor": {
            "supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"
        },
    }
    for priority, group in enumerate(dict.fromkeys(part.group for part in parts), start=1):
        members = ",".join(part.name for part in parts if part.group == group)
        sections[f"group:{group}"] = {"programs": members, "priority": priority}
    for part in parts:
        sections[f"program:{part.name}"] = _program(settings, part)
    return "\n".join(_section(name, values) for name, values in sections.items())


def _program(settings: StackSettings, part: Part) -> dict[str, object]:
    program: dict[str, object] = {
        "command": shlex.join(["/bin/sh", str(_launcher(part)), str(part.pid_file), *part.command]),
        "directory": CHECKOUT if part.account is None else part.pid_file.parent,
        "autostart": "false",
        "autorestart": "true",
        "startsecs": 0,
        "stopsignal": part.stop_signal,
        "stopwaitsecs": part.stop_wait_s,
        "killasgroup": "true",
        "redirect_stderr": "true",
        "stdout_logfile": settings.root / "logs" / f"{part.name}.log",
        "stdout_logfile_maxbytes": _LOG_BYTES,
        "stdout_logfile_backups": _LOG_BACKUPS,
    }
    if part.account is not None:
        program["user"] = part.account.name
    if part.environment:
        program["environment"] = ",".join(f'{name}="{_quotable(value)}"' for name, value in part.environment.items())
    return program


def _launcher(part: Part) -> Path:
    """Give the launcher's copy beside the pid file: the part's user may be unable to enter the checkout."""
    return part.pid_file.with_name(_LAUNCHER.name)


def _quotable(value: str) -> str:
    if any(character in value for character in '"\\\n'):
        raise ValueError("a setting with a quote, backslash or line end cannot be handed to a service")
    return value


def _section(name: str, values: dict[str, object]) -> str:
    # supervisord expands % in every value.
    lines = (f"{key}={str(value).replace('%', '%%')}\n" for key, value in values.items())
    return f"[{name}]\n" + "".join(lines)


def pid_file(settings: StackSettings) -> Path:
    """Give the file supervisord records its pid in."""
    return settings.root / "run" / "supervisord.pid"


def socket_path(settings: StackSettings) -> Path:
    """Give the socket supervisord listens on: in the state directory, or a short place when that is too long."""
    inside = settings.root / "run" / "supervisor.sock"
    if len(str(inside)) <= _LONGEST_SOCKET_PATH:
        return inside
    directory = Path(tempfile.gettempdir()) / f"telltale-{os.geteuid()}"
    directory.mkdir(mode=0o700, exist_ok=True)
    if directory.stat().st_uid != os.geteuid():
        raise NeedsAttention(f"{directory} belongs to another user; set TELLTALE_HOME to a shorter path")
    return directory / f"{settings.tag}.sock"


class Supervisor:
    """The supervisord of one instance."""

    def __init__(self, settings: StackSettings) -> None:
        self._settings = settings
        self._config = settings.root / "supervisord.conf"
        self._socket = socket_path(settings)

    def process(self) -> psutil.Process | None:
        """Give supervisord's process, or None when it does not run."""
        return recorded_process(pid_file(self._settings))

    def start(self, parts: Iterable[Part]) -> None:
        """Start supervisord, with nothing under it yet, and wait until it answers."""
        parts = list(parts)
        for directory in ("logs", "run"):
            private_directory(self._settings.root / directory)
        for launcher in {_launcher(part) for part in parts}:
            shutil.copyfile(_LAUNCHER, launcher)
            launcher.chmod(0o755)
        self._config.unlink(missing_ok=True)
        descriptor = os.open(self._config, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)  # it holds passwords
        with os.fdopen(descriptor, "w") as file:
            file.write(render_config(self._settings, parts, self._socket))
        self._socket.unlink(missing_ok=True)
        command = [sys.executable, "-W", "ignore", "-m", "supervisor.supervisord", "-c", str(self._config)]
        done = subprocess.run(
            command, env=inherited_environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise NeedsAttention(f"supervisord did not start: {done.stderr.strip() or done.stdout.strip()}")
        self._await_answer()

    def runs(self, parts: Iterable[Part]) -> bool:
        """Tell whether supervisord was started with exactly these parts."""
        return self._config.exists() and self._config.read_text() == render_config(self._settings, parts, self._socket)

    def start_group(self, group: str) -> None:
        """Start every part of a group that is not running."""
        with self._proxy() as proxy:
            proxy.supervisor.startProcessGroup(group, False)

    def start_part(self, part: Part) -> None:
        """Start one part again."""
        with self._proxy() as proxy:
            proxy.supervisor.startProcess(f"{part.group}:{part.name}", False)

    def stop_part(self, part: Part) -> None:
        """Stop one part and keep it stopped; return when it has ended."""
        with self._proxy() as proxy:
            proxy.supervisor.stopProcess(f"{part.group}:{part.name}", True)

    def states(self) -> dict[str, PartState]:
        """Ask for every part's state; empty when supervisord does not run."""
        if self.process() is None:
            return {}
        try:
            with self._proxy() as proxy:
                listed: Any = proxy.supervisor.getAllProcessInfo()
        except (OSError, Fault):
            return {}
        return {one["name"]: PartState(one["statename"], one["pid"], float(one["start"])) for one in listed}

    def shutdown(self) -> None:
        """Ask supervisord to stop everything, services first, and end; return at once."""
        with self._proxy() as proxy:
            proxy.supervisor.shutdown()

    def _await_answer(self) -> None:
        deadline = time.monotonic() + _START_TIMEOUT_S
        while True:
            try:
                with self._proxy() as proxy:
                    proxy.supervisor.getState()
                return
            except OSError:
                if time.monotonic() > deadline:
                    raise NeedsAttention(f"supervisord does not answer; see {self._settings.root}/logs") from None
                time.sleep(0.02)

    def _proxy(self) -> ServerProxy:
        transport = SupervisorTransport(None, None, f"unix://{self._socket}")
        return ServerProxy("http://localhost", transport=transport)
