"""A real Prometheus on a free port: from PATH, or unpacked from the distribution's package without installing it."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import yaml

from deploy.local.host import free_ports
from deploy.local.settings import CHECKOUT, StackSettings

JOBS: Final = ("gateway", "scorer", "persister", "insights")
CONFIG: Final = CHECKOUT / "deploy" / "prometheus" / "prometheus.yml"
_PACKAGE: Final = "prometheus"
_SCRAPE_EVERY: Final = "200ms"
_WAIT_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Binaries:
    """The server and its checker, of one version."""

    prometheus: Path
    promtool: Path


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A running server."""

    api: httpx.Client

    def query(self, text: str) -> list[dict[str, Any]]:
        """Run an instant query; fails the test when Prometheus refuses it."""
        return self._answer("query", query=text)

    def query_range(self, text: str, *, seconds: int) -> list[dict[str, Any]]:
        """Run a query over the last seconds."""
        now_s = time.time()
        return self._answer("query_range", query=text, start=str(now_s - seconds), end=str(now_s), step="1")

    def wait_for(self, text: str, accept: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
        """Query until the answer is accepted."""
        deadline_s = time.monotonic() + _WAIT_S
        while not accept(found := self.query(text)):
            if time.monotonic() > deadline_s:
                pytest.fail(f"{text} stays {found}")
            time.sleep(0.1)
        return found

    def _answer(self, path: str, **parameters: str) -> list[dict[str, Any]]:
        answer = self.api.get(f"/api/v1/{path}", params=parameters).json()
        assert answer["status"] == "success", answer
        result: list[dict[str, Any]] = answer["data"]["result"]
        return result


def binaries() -> Binaries:
    """Find Prometheus, or unpack its package into the cache. Skips where neither can be; in CI that is a failure."""
    on_path, tool_on_path = shutil.which("prometheus"), shutil.which("promtool")
    if on_path and tool_on_path:
        return Binaries(Path(on_path), Path(tool_on_path))
    cache = StackSettings().cache.expanduser() / "prometheus"
    unpacked = Binaries(cache / "usr/bin/prometheus", cache / "usr/bin/promtool")
    if not unpacked.promtool.exists() and not _unpack(cache):
        reason = f"no Prometheus: install the package '{_PACKAGE}' (prometheus and promtool must be on PATH)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return unpacked


@contextmanager
def running(found: Binaries, port_by_job: Mapping[str, int]) -> Iterator[Prometheus]:
    """Run the tree's own configuration, quicker, with every service's target at another port."""
    (port,) = free_ports(1)
    with tempfile.TemporaryDirectory(prefix="telltale-prometheus-") as place:
        config = _config(Path(place), port_by_job)
        command = [
            str(found.prometheus),
            f"--config.file={config}",
            f"--storage.tsdb.path={place}/data",
            f"--web.listen-address=127.0.0.1:{port}",
            "--log.level=warn",
        ]
        with (Path(place) / "log").open("w+") as log:
            process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
            try:
                with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10) as api:
                    _await_ready(api, process, Path(place) / "log")
                    yield Prometheus(api)
            finally:
                process.terminate()
                process.wait(timeout=20)


def _config(place: Path, port_by_job: Mapping[str, int]) -> Path:
    config = yaml.safe_load(CONFIG.read_text())
    config["global"] |= {"scrape_interval": _SCRAPE_EVERY, "scrape_timeout": _SCRAPE_EVERY}
    shutil.copy(CONFIG.parent / "alerts.yml", place)
    (place / "targets").mkdir()
    groups = yaml.safe_load((CONFIG.parent / "targets" / "local.yml").read_text())
    for group in groups:
        group["targets"] = [f"127.0.0.1:{port_by_job[group['labels']['job']]}"]
    (place / "targets" / "test.yml").write_text(yaml.safe_dump(groups))
    written = place / "prometheus.yml"
    written.write_text(yaml.safe_dump(config))
    return written


def _await_ready(api: httpx.Client, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline_s = time.monotonic() + _WAIT_S
    while time.monotonic() < deadline_s:
        if process.poll() is not None:
            pytest.fail(f"Prometheus ended: {log.read_text()[-2_000:]}")
        try:
            if api.get("/-/ready").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    pytest.fail(f"Prometheus does not get ready: {log.read_text()[-2_000:]}")


def _unpack(cache: Path) -> bool:
    """Fetch the package and take its files out: nothing is installed, so no service of it can be left running."""
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        return False
    cache.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache.parent) as place:
        fetched = _run(["apt-get", "download", _PACKAGE], place)
        if not fetched and os.geteuid() == 0:  # a fresh machine has no lists yet
            fetched = _run(["apt-get", "update", "--quiet"], place) and _run(["apt-get", "download", _PACKAGE], place)
        packages = list(Path(place).glob("*.deb"))
        if not fetched or not packages or not _run(["dpkg-deb", "-x", str(packages[0]), "unpacked"], place):
            return False
        shutil.rmtree(cache, ignore_errors=True)
        (Path(place) / "unpacked").rename(cache)
    return True


def _run(command: list[str], place: str) -> bool:
    return subprocess.run(command, cwd=place, capture_output=True, timeout=300, check=False).returncode == 0
