"""Loops over samples as machine code. A batch is short: NumPy would spend its time on calls, Python on each sample."""

import logging
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

_log = logging.getLogger(__name__)
_F = TypeVar("_F", bound=Callable[..., Any])


def compiled(signature: str) -> Callable[[_F], _F]:
    """Compile a function when its module is imported.

    Numba keeps the result beside the module or in its user's cache, so that the next start need not compile. Floats
    are as exact as Python's, and in the order that is written.

    Parameters
    ----------
    signature
        Numba's types of result and arguments, e.g. ``f8(f8[::1])``. Other types are refused with a `TypeError`.
    """

    def compile_(function: _F) -> _F:
        try:
            return cast(_F, numba.njit(signature, cache=True)(function))
        except RuntimeError as error:  # nowhere to write
            _log.warning("%s is compiled at every start: %s", function.__name__, error)
            return cast(_F, numba.njit(signature)(function))

    return compile_


def inlined(function: _F) -> _F:
    """Make a function that only compiled ones call, for whatever types they give."""
    return cast(_F, numba.njit(inline="always")(function))
