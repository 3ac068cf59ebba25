"""The daemon's log, as the settings ask for it: for people, or as JSON; to a stream or a file."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final, cast

import structlog

from entrypoints.telemetry.log_handlers import (
    BoundedQueueHandler,
    LogFileHandler,
    LogListener,
    UnbufferedStreamHandler,
)
from entrypoints.terminal_text import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping
    from typing import Any, TextIO

    from entrypoints.settings.model import Logging

MAX_FIELD_LENGTH: Final = 1_000  # characters
_FIRST_KEYS: Final = ("timestamp", "level", "event")


class Logs:
    """A log whose settings can change while it is in use.

    Attributes:
        logger: writes to it, from any thread.

    Args:
        section: the settings of the log.
        stream: takes the lines if no file is set; standard error.
        environ: the environment of the process.

    Raises:
        SettingsError: the file cannot be opened.
    """

    def __init__(self, section: Logging, stream: TextIO, environ: Mapping[str, str]) -> None:
        self._stream = stream
        self._environ = environ
        self._closed = False
        target = self._target(section)
        queue = BoundedQueueHandler()
        self._listener = LogListener(queue, target)
        # The level is the logger's, so that a line below it costs nothing.
        self._plain_logger = logging.Logger("mediagen", _level(section))  # noqa: LOG001 - not global
        self._plain_logger.addHandler(queue)
        self.logger = structured_logger(self._plain_logger)

    @property
    def dropped(self) -> int:
        """Number of lines lost so far."""
        return self._listener.dropped

    def reconfigure(self, section: Logging) -> None:
        """Apply other settings. The file is opened again even if they are the same.

        Raises:
            SettingsError: the file cannot be opened; everything stays as it was.
        """
        self._listener.switch(self._target(section))
        self._plain_logger.setLevel(_level(section))

    def flush(self) -> None:
        """Wait until every line is written, at most two seconds."""
        self._listener.flush()

    def close(self) -> None:
        """Write the lines that wait, at most two seconds, and end; further lines are dropped."""
        if not self._closed:
            self._closed = True
            self._listener.close()

    def _target(self, section: Logging) -> logging.Handler:
        formatter = _formatter(section, self._stream, self._environ)
        if section.file is None:
            return UnbufferedStreamHandler(self._stream, formatter)
        return LogFileHandler(section.file, section.max_bytes, section.backups, formatter)


def structured_logger(logger: logging.Logger) -> structlog.stdlib.BoundLogger:
    """A logger of lines with fields, which hands each line's fields on as its message."""
    return structlog.stdlib.BoundLogger(
        logger,
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _tidy,
            lambda _logger, _method, event: ((event,), {}),
        ],
        context={},
    )


class _LineFormatter(logging.Formatter):
    """Formats lines of a ``structured_logger``, whose messages are their fields.

    Args:
        renderer: makes a text of the fields.
    """

    def __init__(self, renderer: structlog.types.Processor) -> None:
        super().__init__()
        self._renderer = renderer

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        fields = cast("Mapping[str, Any]", record.msg)
        # A copy: renderers take it apart, and some handlers format a line twice.
        return str(self._renderer(None, record.levelname.lower(), dict(fields)))


def _formatter(section: Logging, stream: TextIO, environ: Mapping[str, str]) -> logging.Formatter:
    """The formatter for the settings; NO_COLOR (no-color.org) and TERM count on a terminal."""
    terminal = section.file is None and stream.isatty()
    if section.format == "human" or (section.format == "auto" and terminal):
        return _LineFormatter(
            structlog.dev.ConsoleRenderer(
                colors=terminal and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb",
                sort_keys=False,
                exception_formatter=structlog.dev.plain_traceback,
            )
        )
    return _LineFormatter(structlog.processors.JSONRenderer())


def _tidy(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Put the same keys first in every line, and shorten each text to one line."""
    first = {key: event.pop(key) for key in _FIRST_KEYS}
    return first | {
        key: one_line(value)[:MAX_FIELD_LENGTH] if isinstance(value, str) else value
        for key, value in event.items()
    }


def _level(section: Logging) -> int:
    return logging.getLevelNamesMapping()[section.level.upper()]
