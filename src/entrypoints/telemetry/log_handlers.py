"""Log handlers: a bounded queue in front, and one thread that writes to a file or a stream.

They build on ``logging.handlers``; decision 9 says what had to be added, and why.
"""

from __future__ import annotations

import logging
import os
import stat
from contextlib import suppress
from io import UnsupportedOperation
from logging.handlers import QueueHandler, QueueListener, RotatingFileHandler
from queue import Full, SimpleQueue
from threading import Event
from typing import TYPE_CHECKING, Final, NoReturn

from entrypoints.settings.errors import Problem, SettingsError

if TYPE_CHECKING:
    from io import TextIOWrapper
    from logging import Formatter, LogRecord
    from typing import TextIO

MAX_WAITING: Final = 10_000  # lines
MAX_FLUSH_SECONDS: Final = 2.0
# Log readers are often a group of their own (adm); others must not see paths and addresses.
_FILE_MODE: Final = 0o640


class BoundedQueueHandler(QueueHandler):
    """Puts lines on a queue, from any thread; never waits for a disk or a pipe.

    Attributes:
        dropped: number of lines that were dropped, because the queue was full or closed.

    Args:
        max_waiting: number of lines that may wait; further ones are dropped.
    """

    queue: SimpleQueue[LogRecord | logging.Handler | Event | None]

    def __init__(self, max_waiting: int = MAX_WAITING) -> None:
        # The queue itself has no limit, so that the end and a change of settings always fit.
        super().__init__(SimpleQueue())
        self.dropped = 0
        self._max_waiting = max_waiting

    def prepare(self, record: LogRecord) -> LogRecord:
        """The record as it is: it stays in this process, and the writing thread formats it."""
        return record

    def enqueue(self, record: LogRecord) -> None:
        """Put a record on the queue. Raises ``queue.Full``; ``emit`` then counts the line."""
        if self.queue.qsize() >= self._max_waiting:
            raise Full
        super().enqueue(record)

    def handleError(self, record: LogRecord) -> None:  # noqa: ARG002, N802 - as inherited
        """Count a dropped line; the caller holds this handler's lock."""
        self.dropped += 1

    def close(self) -> None:
        """Drop all further lines."""
        self.acquire()  # a line that is being put on the queue comes first
        self._max_waiting = 0
        self.release()
        super().close()


class LogListener(QueueListener):
    """Writes the queued lines in their order, in a thread of its own.

    Lines that cannot be written are dropped and counted; the log says so once it can be written
    again.

    Args:
        source: where lines are put; closed together with this listener.
        target: writes a line or raises; it belongs to the listener from here on.
    """

    def __init__(self, source: BoundedQueueHandler, target: logging.Handler) -> None:
        super().__init__(source.queue)
        self._source = source
        self._target = target
        self._failed = 0
        self._reported = 0
        self.start()

    @property
    def dropped(self) -> int:
        """Number of lines lost so far."""
        return self._source.dropped + self._failed

    def switch(self, target: logging.Handler) -> None:
        """Write all further lines to another handler, and close the present one."""
        self._source.queue.put(target)

    def handle(self, record: LogRecord | logging.Handler | Event) -> None:
        """Write a line, or switch to a handler; an exception here would end the thread."""
        if isinstance(record, logging.Handler):
            self._target.close()
            self._target = record
            return
        if isinstance(record, Event):
            record.set()  # everything before it is written
            return
        if not self._write(record):
            self._failed += 1
            return
        unreported = self.dropped - self._reported
        if unreported and self._write(_dropped_lines(record, unreported)):
            self._reported += unreported

    def flush(self) -> bool:
        """Wait until every line is written, at most two seconds; whether that was enough."""
        reached = Event()
        self._source.queue.put(reached)
        return reached.wait(MAX_FLUSH_SECONDS)

    def close(self) -> None:
        """Write the lines that wait, at most two seconds, and end."""
        self._source.close()
        self.switch(logging.NullHandler())
        if self.flush():
            self.stop()
        else:  # stop() would wait as long as the pipe is not read
            self.enqueue_sentinel()

    def _write(self, record: LogRecord) -> bool:
        # handle() would hold the handler's lock meanwhile, and logging.shutdown() waits for it.
        try:
            self._target.emit(record)
        except Exception:  # noqa: BLE001 - neither a disk nor a bad line may end the log
            return False
        return True


def _dropped_lines(record: LogRecord, count: int) -> LogRecord:
    """The line that reports dropped lines, in the form of the line that was written."""
    report = logging.makeLogRecord(record.__dict__)
    report.levelno, report.levelname = logging.WARNING, "WARNING"
    timestamp = record.msg.get("timestamp") if isinstance(record.msg, dict) else None
    report.msg = {
        "timestamp": timestamp, "level": "warning", "event": "log.dropped", "lines": count
    }  # fmt: skip
    return report


class UnbufferedStreamHandler(logging.StreamHandler["TextIO"]):
    """Writes past the stream's buffer, whose lock others need while the pipe is not read."""

    def __init__(self, stream: TextIO, formatter: Formatter) -> None:
        super().__init__(stream)
        self.setFormatter(formatter)

    def emit(self, record: LogRecord) -> None:
        """Write a line. Raises OSError or ValueError if the stream is broken or closed."""
        try:
            number = self.stream.fileno()
        except (AttributeError, UnsupportedOperation):  # not a file of the system
            super().emit(record)
            return
        line = self.format(record) + self.terminator
        rest = line.encode(self.stream.encoding or "utf-8", "backslashreplace")
        while rest:
            rest = rest[os.write(number, rest) :]

    def handleError(self, record: LogRecord) -> NoReturn:  # noqa: ARG002, N802 - as inherited
        """Raise the error instead of printing it."""
        raise  # noqa: PLE0704 - called where an error is handled


class LogFileHandler(RotatingFileHandler):
    """Writes to a file, whose predecessors are ``.1``, ``.2`` and so on.

    Args:
        path: absolute.
        max_bytes: size at which the file is rotated, in bytes.
        backups: number of predecessors that are kept; with 0 the file is emptied instead.
        formatter: formats the lines.

    Raises:
        SettingsError: the file cannot be opened.
    """

    def __init__(self, path: str, max_bytes: int, backups: int, formatter: Formatter) -> None:
        try:
            super().__init__(path, maxBytes=max_bytes, backupCount=backups, encoding="utf-8")
        except OSError as error:
            raise SettingsError([_file_problem(path, error)]) from error
        self.setFormatter(formatter)

    def emit(self, record: LogRecord) -> None:
        """Write a whole line or nothing. Raises OSError if it cannot be written."""
        super().emit(record)
        if self.stream:
            self._measure(self.stream)

    def shouldRollover(self, record: LogRecord) -> bool:  # noqa: N802 - as inherited
        """Whether a line would make the file too large; pipes and devices have no size."""
        return self._is_regular and bool(super().shouldRollover(record))

    def doRollover(self) -> None:  # noqa: N802 - as inherited
        """Start a new file; if the folder does not allow that, keep on writing to the old one."""
        try:
            super().doRollover()
            if self.backupCount == 0 and self.stream:
                self.stream.truncate(0)
                self._measure(self.stream)
        except OSError:
            self._close_stream()

    def handleError(self, record: LogRecord) -> NoReturn:  # noqa: ARG002, N802 - as inherited
        """Remove what was written of the line, and raise the error."""
        if self.stream:
            # The buffer holds the rest of the line, which close() may be able to write now.
            with suppress(OSError), os.fdopen(os.dup(self.stream.fileno()), "ab") as same_file:
                self._close_stream()
                same_file.truncate(self._size)
        self._close_stream()
        raise  # noqa: PLE0704 - called where an error is handled

    def close(self) -> None:
        """Close the file, whatever its disk says."""
        self._close_stream()
        super().close()

    def _close_stream(self) -> None:
        stream, self.stream = self.stream, None
        with suppress(OSError):  # it is closed all the same
            if stream:
                stream.close()

    def _open(self) -> TextIOWrapper:
        stream = open(  # noqa: SIM115 - closed by _close_stream
            self.baseFilename,
            "a",
            encoding="utf-8",
            errors="backslashreplace",
            opener=lambda path, flags: os.open(path, flags, _FILE_MODE),
        )
        self._measure(stream)
        return stream

    def _measure(self, stream: TextIOWrapper) -> None:
        """Remember where the next line begins, and whether it is a regular file."""
        status = os.fstat(stream.fileno())
        self._size, self._is_regular = status.st_size, stat.S_ISREG(status.st_mode)


def _file_problem(path: str, error: OSError) -> Problem:
    folder = os.path.dirname(path)  # noqa: PTH120 - one path as text
    if not os.path.isdir(folder):  # noqa: PTH112
        what, fix = f"the folder {folder} does not exist", "Create it, or choose another file."
    else:
        what = f"the log file {path} cannot be written: {error.strerror}"
        fix = "Change its permissions, or choose another file."
    return Problem("logging.file", what, fix, "logging.file")
