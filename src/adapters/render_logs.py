"""What workflows print, kept in files: the last bytes of each render, and of the newest renders.

A render has two files, each of half the limit. When ``{render_id}.log`` is full it becomes
``{render_id}.older.log``, and the one before that is lost.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, BinaryIO

from adapters.state_folder import make_private
from application.ports.render_logs import MAX_KEPT

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_SWEEP_INTERVAL = 256  # renders
_NAME = re.compile(r"(\d{1,19})(?:\.older)?\.log")
_OLDER = ".older.log"  # suffix of the older file
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
_MAX_TRIES = 10  # the files are rotated at most once in the time that a few tries take


class RenderLogFiles:
    """Keeps the logs of renders in a folder that only its owner can read.

    The folder is made when the first output arrives.

    Args:
        folder: where the logs of one database are kept.
        limit: the most that is kept of each render, in bytes.
        keep: the number of renders whose logs are kept, the newest ones.
    """

    def __init__(self, folder: Path, limit: int, keep: int = MAX_KEPT) -> None:
        self._folder = folder
        self._limit = limit
        self._keep = keep
        self._begun = 0
        self._lock = Lock()

    def begin(self, render_id: int) -> LogFile:
        """A new log; an older one with the same number, of a lost database, is removed.

        With the first log, and with each 256th after it, old logs are swept: programs that render
        a few at a time sweep too.
        """
        with self._lock:
            sweep_due = self._begun % _SWEEP_INTERVAL == 0
            self._begun += 1
        if sweep_due:
            self.sweep()
        self.forget((render_id,))
        return LogFile(self._folder / f"{render_id}.log", max(1, self._limit // 2))

    def read(self, render_id: int) -> LogReader | None:
        """A reader of what is kept of a render's output, or None when nothing is."""
        path = self._folder / f"{render_id}.log"
        files = _open_both(path)
        return LogReader(path, files) if files else None

    def forget(self, render_ids: Iterable[int]) -> None:
        """Remove the logs of these renders."""
        for render_id in render_ids:
            newer = self._folder / f"{render_id}.log"
            for path in (newer.with_suffix(_OLDER), newer):
                with suppress(OSError):
                    os.unlink(path)  # noqa: PTH108 - for every render, and mostly for nothing

    def sweep(self, keep: int | None = None) -> None:
        """Remove all logs but those of the newest renders; by default as many as are kept."""
        try:
            names = os.listdir(self._folder)  # noqa: PTH208 - names only, of thousands
        except OSError:
            return
        render_ids = {int(match[1]) for match in map(_NAME.fullmatch, names) if match}
        kept = self._keep if keep is None else keep
        if len(render_ids) > kept:
            self.forget(sorted(render_ids)[: len(render_ids) - kept])


@dataclass(slots=True)
class LogFile:
    """The log of one render while it is written; keeps between ``half`` and twice as much.

    An error of the disk does not disturb the render: after the first one nothing more is kept.

    Attributes:
        path: of the newer one of the two files.
        half: the most that one of them holds, in bytes, 1 or more.
    """

    path: Path
    half: int
    _file: int | None = None
    _size: int = 0
    _folder_made: bool = False
    _failed: bool = False

    def write(self, chunk: bytes) -> None:
        """Keep what was printed."""
        if self._failed:
            return
        unwritten = chunk[-2 * self.half :]
        try:
            while unwritten:
                if self._file is None:
                    if not self._folder_made:
                        make_private(self.path.parent)
                        self._folder_made = True
                    self._file = os.open(self.path, _FLAGS, 0o600)
                    self._size = 0
                written = os.write(self._file, unwritten[: self.half - self._size])
                self._size += written
                unwritten = unwritten[written:]
                if self._size >= self.half and unwritten:
                    self.close()
                    self.path.replace(self.path.with_suffix(_OLDER))
        except OSError:
            self._failed = True
            self.close()

    def close(self) -> None:
        """End the log; what it holds stays."""
        if self._file is not None:
            file, self._file = self._file, None
            with suppress(OSError):
                os.close(file)


class LogReader:
    """Reads the log of one render, also while it is written and rotated.

    What was lost to a rotation before it was read is missed.

    Args:
        path: of the newer one of the two files.
        files: those that are open, in the order in which they are read; the last one may grow.
    """

    def __init__(self, path: Path, files: list[BinaryIO]) -> None:
        self._path = path
        self._files = files

    def read(self) -> bytes:
        """What was printed since the last call; b"" when nothing was."""
        unread = self._drain()
        self._open_successors()
        return unread + self._drain()

    def close(self) -> None:
        """Close the files."""
        while self._files:
            self._files.pop().close()

    def _drain(self) -> bytes:
        """Read everything, and keep only the file that may grow."""
        content = b"".join(file.read() for file in self._files)
        while len(self._files) > 1:
            self._files.pop(0).close()
        return content

    def _open_successors(self) -> None:
        """Open the files that were begun after the one that is read."""
        if not self._files:
            return
        current, files = self._files[-1], _open_both(self._path)
        known = [index for index, file in enumerate(files) if _is_same(file, current)]
        successors_at = known[0] + 1 if known else 0
        for file in files[:successors_at]:
            file.close()
        self._files += files[successors_at:]


def _open_both(path: Path) -> list[BinaryIO]:
    """The files as they were at one moment, the older one first."""
    files: list[BinaryIO] = []
    for _ in range(_MAX_TRIES):
        newer = _open_if_there(path)
        older = _open_if_there(path.with_suffix(_OLDER))
        files = [file for file in (older, newer) if file is not None]
        if _is_current(path, newer):
            break
        for file in files:
            file.close()
        files = []
    return files


def _is_current(path: Path, file: BinaryIO | None) -> bool:
    """Whether the path still leads to the file."""
    try:
        status = path.stat()
    except OSError:
        return file is None
    return file is not None and os.path.samestat(status, os.fstat(file.fileno()))


def _open_if_there(path: Path) -> BinaryIO | None:
    with suppress(OSError):
        return path.open("rb", buffering=0)
    return None


def _is_same(one: BinaryIO, other: BinaryIO) -> bool:
    return os.path.sameopenfile(one.fileno(), other.fileno())
