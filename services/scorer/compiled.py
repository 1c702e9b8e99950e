"""Loops over samples as machine code. A batch is short: NumPy would spend its time on calls, Python on each sample."""

import hashlib
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import numba
from numba.core import config

_log = logging.getLogger(__name__)
_F = TypeVar("_F", bound=Callable[..., Any])


def compiled(signature: str) -> Callable[[_F], _F]:
    """Compile a function when its module is imported.

    The result is kept in the user's cache, so that the next start need not compile. Floats are as exact as Python's,
    and in the order that is written.

    Parameters
    ----------
    signature
        Numba's types of result and arguments, e.g. ``f8(f8[::1])``. Other types are refused with a `TypeError`.
    """

    def compile_(function: _F) -> _F:
        return cast(_F, numba.njit(signature, cache=bool(_CACHE))(function))

    return compile_


def inlined(function: _F) -> _F:
    """Make a function that only compiled ones call, for whatever types they give."""
    return cast(_F, numba.njit(inline="always")(function))


def _cache_directory() -> str:
    """Make a directory named after the sources: Numba by itself looks at one file, and a loop may call another file's.

    Without a home of our own there is none: code must not be taken from a place where others write.
    """
    digest, here = hashlib.sha256(), Path(__file__).parent
    for source in sorted([*here.glob("*.py"), *(here / "domains").rglob("*.py")]):
        digest.update(source.read_bytes())
    try:
        wanted = os.environ.get("NUMBA_CACHE_DIR") or os.environ.get("XDG_CACHE_HOME")
        caches = Path(wanted) if wanted else Path.home() / ".cache"
        directory = caches / "telltale" / f"loops-{digest.hexdigest()[:16]}"
        directory.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError) as error:
        _log.warning("loops are compiled at every start, set NUMBA_CACHE_DIR to keep them: %s", error)
        return ""
    return str(directory)


_CACHE: Final = _cache_directory()
config.CACHE_DIR = _CACHE  # type: ignore[attr-defined]
