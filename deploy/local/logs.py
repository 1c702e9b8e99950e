"""Follow the parts' logs, across the rotation supervisord does."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

_LOOK_EVERY_S: Final = 0.2
_FIRST_LINES: Final = 10
_TAIL_BYTES: Final = 16_384


class LogFile:
    """One log that grows, and is renamed away and begun anew now and then."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._inode = -1
        self._position = 0
        self._rest = b""

    def last_lines(self) -> list[str]:
        """Give the last lines there are, and go on from here."""
        self._position = max(0, self._size() - _TAIL_BYTES)
        return self.new_lines()[-_FIRST_LINES:]

    def new_lines(self) -> list[str]:
        """Give the whole lines added since the last call."""
        try:
            with self._path.open("rb") as file:
                inode = self._path.stat().st_ino
                if self._inode not in (-1, inode) or self._size() < self._position:
                    self._position, self._rest = 0, b""
                self._inode = inode
                file.seek(self._position)
                added = file.read()
        except FileNotFoundError:
            return []
        self._position += len(added)
        *whole, self._rest = (self._rest + added).split(b"\n")
        return [line.decode(errors="replace") for line in whole]

    def _size(self) -> int:
        return self._path.stat().st_size if self._path.exists() else 0


def follow(directory: Path, names: list[str], wait: Callable[[float], None] = time.sleep) -> Iterator[tuple[str, str]]:
    """Give (part, line) for ever: the last lines of each log first, then what is added."""
    logs = {name: LogFile(directory / f"{name}.log") for name in names}
    for name, log in logs.items():
        for line in log.last_lines():
            yield name, line
    while True:
        for name, log in logs.items():
            for line in log.new_lines():
                yield name, line
        wait(_LOOK_EVERY_S)
