"""Scorers beside the one that the supervisor runs: they join its group, share its work and leave."""

import asyncio
import contextlib
import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from deploy.local import probes
from deploy.local.host import free_ports
from deploy.local.parts import Part, inherited_environment
from deploy.local.settings import CHECKOUT, HOST

_AGAIN_AFTER_S: Final = 1.0
_LEAVE_TIMEOUT_S: Final = 20.0


@dataclass
class ExtraScorer:
    """One more scorer, started again whenever it ends until it is told to leave.

    Parameters
    ----------
    like
        The supervised scorer: the same command and environment, but a port of its own.
    log
        File that takes its output.
    """

    like: Part
    log: Path
    port: int = field(default_factory=lambda: free_ports(1)[0])
    _process: asyncio.subprocess.Process | None = None
    _keeper: asyncio.Task[None] | None = None
    _wanted: bool = False

    @property
    def pid(self) -> int:
        """Its process, 0 when there is none."""
        running = self._process is not None and self._process.returncode is None
        return self._process.pid if self._process is not None and running else 0

    @property
    def joined(self) -> bool:
        """Whether it is meant to run."""
        return self._wanted

    def join(self) -> None:
        """Start it and keep it running."""
        self._wanted = True
        if self._keeper is None or self._keeper.done():
            self._keeper = asyncio.create_task(self._keep(), name=self.log.stem)

    async def leave(self) -> None:
        """Ask it to end, insist when it does not, and return when it has."""
        self._wanted = False
        if self._process is not None and self.pid:
            self._process.terminate()
            try:
                await asyncio.wait_for(self._process.wait(), _LEAVE_TIMEOUT_S)
            except TimeoutError:
                self.end()
        if self._keeper is not None:
            await self._keeper

    def end(self) -> None:
        """Kill it and start it no more."""
        self._wanted = False
        if self._process is not None and self.pid:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGKILL)

    async def why_not_ready(self) -> str:
        """Say why it is not ready; empty when it is, or is not meant to run."""
        if not self._wanted:
            return ""
        try:
            await probes.http_ready(f"http://{HOST}:{self.port}/readyz")
        except Exception as error:  # any refusal means not yet, whatever its type
            return f"{type(error).__name__}: {error}".splitlines()[0][:160]
        return ""

    async def _keep(self) -> None:
        environment = inherited_environment() | self.like.environment | {"TELLTALE_HTTP_PORT": str(self.port)}
        while not self._told_to_leave():
            with self.log.open("ab") as log:
                # A session of its own: a Ctrl-C at the terminal is for us alone.
                self._process = await asyncio.create_subprocess_exec(
                    *self.like.command, cwd=CHECKOUT, env=environment, stdin=asyncio.subprocess.DEVNULL,
                    stdout=log, stderr=log, start_new_session=True,
                )  # fmt: skip
            if self._told_to_leave():
                self.end()
            await self._process.wait()
            if not self._told_to_leave():
                await asyncio.sleep(_AGAIN_AFTER_S)

    def _told_to_leave(self) -> bool:
        return not self._wanted
