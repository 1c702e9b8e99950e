"""Small file systems of a system's own, to be filled.

They are memory file systems in a mount namespace of the system's processes: nobody else sees them, and they end with
the last process. Root makes a mount namespace; everybody else makes a user namespace first, where the kernel allows it.
"""

import errno
import os
import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

_BLOCK: Final = bytes(65_536)
_SMALLEST: Final = bytes(512)


@dataclass(frozen=True)
class Disk:
    """One of them, entered through a process that lives on it."""

    place: Path
    pid: int

    def fill(self) -> None:
        """Use up all space that is left."""
        with self._ballast.open("ab", buffering=0) as file:
            for piece in (_BLOCK, _SMALLEST):
                _write_until_full(file.fileno(), piece)

    def make_room(self) -> None:
        """Give the space back."""
        self._ballast.unlink()

    @property
    def _ballast(self) -> Path:
        return Path(f"/proc/{self.pid}/root{self.place}/ballast")


def launcher(size_bytes_by_place: Mapping[Path, int]) -> list[str]:
    """Give the words that run a command on small file systems mounted at these places.

    Where the kernel does not allow it the test is skipped; in CI, where nobody reads skips, it fails.
    """
    words = _launcher(size_bytes_by_place)
    tried = subprocess.run([*words, "true"], capture_output=True, text=True, timeout=10, check=False)
    if tried.returncode == 0:
        return words
    missing = f"no mount namespace, neither as root nor by user namespaces: {tried.stderr.strip()}"
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)


def _launcher(size_bytes_by_place: Mapping[Path, int]) -> list[str]:
    mounts = " && ".join(
        f"mkdir -p {shlex.quote(str(place))} && mount -t tmpfs -o size={size},mode=0755 tmpfs {shlex.quote(str(place))}"
        for place, size in size_bytes_by_place.items()
    )
    if os.geteuid() == 0:
        return ["unshare", "--mount", "sh", "-c", f'{mounts} && exec "$0" "$@"']
    # Back to our own number: PostgreSQL refuses to run as root, even as the root of a namespace.
    ourselves = f'unshare --user --map-user={os.geteuid()} --map-group={os.getegid()} -- "$0" "$@"'
    return ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", f"{mounts} && exec {ourselves}"]


def _write_until_full(descriptor: int, piece: bytes) -> None:
    while True:
        try:
            os.write(descriptor, piece)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            return
