"""A screen for browsers with windows: the one there is, or one in memory."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

_SCREEN = "4096x2400x24"  # its own mouse rests in the middle: outside of windows, or pages hear of it


@contextmanager
def display() -> Iterator[str | None]:
    """Give the name of a display: that of the environment, or one of Xvfb; none where Xvfb is not installed."""
    named, xvfb = os.environ.get("DISPLAY"), shutil.which("Xvfb")
    if named or xvfb is None:
        yield named
        return
    read, write = os.pipe()
    with subprocess.Popen(
        [xvfb, "-displayfd", str(write), "-screen", "0", _SCREEN, "-nolisten", "tcp"],
        pass_fds=[write], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as server:  # fmt: skip
        os.close(write)
        with os.fdopen(read) as told:
            number = told.readline().strip()
        try:
            if not number:
                raise RuntimeError("Xvfb did not start")
            yield f":{number}"
        finally:
            server.terminate()
