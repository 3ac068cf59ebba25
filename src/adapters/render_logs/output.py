"""Reading what a render printed, also while it prints and its files are turned over."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO, Self

if TYPE_CHECKING:
    from pathlib import Path

    from adapters.render_logs.log_file import LogPaths

_TRIES = 10  # the files are turned over at most once in the time that a few of them take


class LogOutput:
    """Follows the files of one render; what was given up before it was read is missed.

    Args:
        paths: of the files.
        files: that are open, in the order in which they are read; the last one may grow.
    """

    def __init__(self, paths: LogPaths, files: list[BinaryIO]) -> None:
        self._paths = paths
        self._files = files

    @classmethod
    def found(cls, paths: LogPaths) -> Self | None:
        """What is there, or None when nothing is."""
        files = _snapshot(paths)
        return cls(paths, files) if files else None

    def more(self) -> bytes:
        """What came since the last call; b"" when nothing did."""
        read = self._drain()
        self._follow()
        return read + self._drain()

    def close(self) -> None:
        """Read no more."""
        while self._files:
            self._files.pop().close()

    def _drain(self) -> bytes:
        """Read everything, and keep only the file that may grow."""
        read = b"".join(file.read() for file in self._files)
        while len(self._files) > 1:
            self._files.pop(0).close()
        return read

    def _follow(self) -> None:
        """Open what took the place of the file that was the last one."""
        if not self._files:
            return
        current, seen = self._files[-1], _snapshot(self._paths)
        known = [index for index, file in enumerate(seen) if _same(file, current)]
        after = known[0] + 1 if known else 0
        for file in seen[:after]:
            file.close()
        self._files += seen[after:]


def _snapshot(paths: LogPaths) -> list[BinaryIO]:
    """The files as they stood at one moment, the older one first."""
    found: list[BinaryIO] = []
    for _ in range(_TRIES):
        newer = _opened(paths.newer)
        older = _opened(paths.older)
        found = [file for file in (older, newer) if file is not None]
        if _stands(paths.newer, newer):
            break
        for file in found:
            file.close()
        found = []
    return found


def _stands(path: Path, file: BinaryIO | None) -> bool:
    """Whether the path still leads to the file."""
    try:
        there = path.stat()
    except OSError:
        return file is None
    return file is not None and os.path.samestat(there, os.fstat(file.fileno()))


def _opened(path: Path) -> BinaryIO | None:
    with suppress(OSError):
        return path.open("rb", buffering=0)
    return None


def _same(one: BinaryIO, other: BinaryIO) -> bool:
    return os.path.sameopenfile(one.fileno(), other.fileno())
