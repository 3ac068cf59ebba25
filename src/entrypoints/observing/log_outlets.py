"""Where finished lines go: a stream, or a file that is rotated."""

from __future__ import annotations

import os
from io import UnsupportedOperation
from logging.handlers import RotatingFileHandler
from typing import TYPE_CHECKING, Protocol, TextIO

from entrypoints.settings.errors import Problem, SettingsError

if TYPE_CHECKING:
    from io import TextIOWrapper
    from logging import Formatter, LogRecord

# Whoever administers logs is often a group of its own (adm); nobody else needs the paths and
# addresses that stand in them.
_MODE = 0o640


class Outlet(Protocol):
    """A place for lines. One thread uses it."""

    def write(self, record: LogRecord) -> bool:
        """Write a line; whether it was written. Does not raise for what a disk does."""
        ...

    def close(self) -> None:
        """Write no more."""
        ...


class StreamOutlet:
    """A stream that stays open. Its buffer is passed by, so that nobody waits for its lock."""

    def __init__(self, stream: TextIO, formatter: Formatter) -> None:
        self._stream = stream
        self._formatter = formatter

    def write(self, record: LogRecord) -> bool:
        """Write a line; whether it was written."""
        line = self._formatter.format(record) + "\n"
        try:
            self._put(line)
        except (OSError, ValueError):  # ValueError: somebody closed it
            return False
        return True

    def _put(self, line: str) -> None:
        try:
            number = self._stream.fileno()
        except (AttributeError, UnsupportedOperation):
            self._stream.write(line)
            return
        encoding = self._stream.encoding or "utf-8"
        left = line.encode(encoding, "backslashreplace")
        while left:
            left = left[os.write(number, left) :]

    def close(self) -> None:
        """Nothing to do: the stream belongs to others."""


class FileOutlet(RotatingFileHandler):
    """A file, and its predecessors as ``.1``, ``.2`` and so on.

    Args:
        path: absolute.
        max_bytes: a larger file is rotated.
        backups: how many predecessors are kept; 0 means that the file begins anew.
        formatter: of the lines.

    Raises:
        SettingsError: it cannot be opened.
    """

    def __init__(self, path: str, max_bytes: int, backups: int, formatter: Formatter) -> None:
        self._written = True
        try:
            super().__init__(path, maxBytes=max_bytes, backupCount=backups, encoding="utf-8")
        except OSError as error:
            raise SettingsError([_why_not(path, error)]) from error
        self.setFormatter(formatter)

    def write(self, record: LogRecord) -> bool:
        """Write a line; whether it was written."""
        self._written = True
        self.handle(record)
        return self._written

    def doRollover(self) -> None:  # noqa: N802 - the name in the standard library
        """Begin a new file; where the folder does not allow that, the old one goes on."""
        try:
            super().doRollover()
            if self.backupCount == 0 and self.stream:
                self.stream.truncate(0)
        except OSError:
            self._let_go()

    def handleError(self, record: LogRecord) -> None:  # noqa: ARG002, N802 - as above
        """Take note; half a line in a buffer must not come out behind the next one."""
        self._written = False
        self._let_go()

    def close(self) -> None:
        """Close the file, whatever its disk says."""
        self._let_go()
        super().close()

    def _let_go(self) -> None:
        stream, self.stream = self.stream, None
        try:
            if stream:
                stream.close()
        except OSError:
            return  # closed all the same

    def _open(self) -> TextIOWrapper:
        return open(
            self.baseFilename, "a", encoding="utf-8", errors="backslashreplace", opener=_opened
        )


def _opened(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, _MODE)


def _why_not(path: str, error: OSError) -> Problem:
    folder = os.path.dirname(path)  # noqa: PTH120 - one path as text
    if not os.path.isdir(folder):  # noqa: PTH112
        what, fix = f"the folder {folder} does not exist", "Make it, or name another file."
    else:
        what = f"the log file {path} cannot be written: {error.strerror}"
        fix = "Give yourself the right to write there, or name another file."
    return Problem("logging.file", what, fix, "logging.file")
