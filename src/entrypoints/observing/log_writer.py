"""A thread that writes lines, so that nobody who renders ever waits for a disk or a pipe."""

from __future__ import annotations

import logging
import time
from collections import deque
from threading import Condition, Thread
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from entrypoints.observing.log_outlets import Outlet

_MOST_WAITING: Final = 10_000  # lines
_PATIENCE: Final = 2.0  # seconds, for the last lines when the program ends


class LogWriter(logging.Handler):
    """Takes lines from any thread, and writes them in their order.

    What cannot be written, for want of room on the disk or since nobody reads the pipe, is
    dropped and counted; the log says so once lines can be written again.

    Args:
        outlet: where lines go; closed when another one takes its place.
        most_waiting: lines; further ones are dropped.
    """

    def __init__(self, outlet: Outlet, most_waiting: int = _MOST_WAITING) -> None:
        super().__init__()
        self._outlet = outlet
        self._most_waiting = most_waiting
        self._waiting: deque[logging.LogRecord | Outlet | None] = deque()
        self._changed = Condition()
        self._idle = True
        self._ended = False
        self._dropped = 0
        self._told = 0
        self._thread = Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    @property
    def dropped(self) -> int:
        """How many lines were lost so far."""
        return self._dropped

    def emit(self, record: logging.LogRecord) -> None:
        """Take a line; never waits."""
        with self._changed:
            if self._ended or len(self._waiting) >= self._most_waiting:
                self._dropped += 1
                return
            self._waiting.append(record)
            self._changed.notify_all()

    def use(self, outlet: Outlet) -> None:
        """Write to another place from here on."""
        self._put(outlet)

    def flush(self) -> None:
        """Wait until everything is written, but not for long."""
        deadline = time.monotonic() + _PATIENCE
        with self._changed:
            while self._waiting or not self._idle:
                left = deadline - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    return

    def close(self) -> None:
        """Write what waits, but not for long, and end."""
        if not self._ended:
            self._put(None)
            with self._changed:
                self._ended = True
        self._thread.join(_PATIENCE)
        super().close()

    def _put(self, item: Outlet | None) -> None:
        with self._changed:
            self._waiting.append(item)
            self._changed.notify_all()

    def _run(self) -> None:
        while (item := self._next()) is not None:
            if isinstance(item, logging.LogRecord):
                self._write(item)
            else:
                self._outlet.close()
                self._outlet = item
        self._outlet.close()
        self._rest()

    def _next(self) -> logging.LogRecord | Outlet | None:
        self._rest()
        with self._changed:
            while not self._waiting:
                self._changed.wait()
            self._idle = False
            return self._waiting.popleft()

    def _rest(self) -> None:
        with self._changed:
            self._idle = True
            self._changed.notify_all()

    def _write(self, record: logging.LogRecord) -> None:
        try:
            written = self._outlet.write(record)
        except Exception:  # noqa: BLE001 - a line that cannot be formatted must not end the log
            written = False
        with self._changed:
            self._dropped += not written
            lost = self._dropped - self._told
        if written and lost and self._outlet.write(_note(record, lost)):
            self._told += lost


def _note(record: logging.LogRecord, lost: int) -> logging.LogRecord:
    """A line that says how many were lost, in the form of the one that got through."""
    note = logging.makeLogRecord(record.__dict__)
    note.levelno, note.levelname = logging.WARNING, "WARNING"
    moment = record.msg.get("timestamp") if isinstance(record.msg, dict) else None
    note.msg = {"timestamp": moment, "level": "warning", "event": "log.dropped", "lines": lost}
    return note
