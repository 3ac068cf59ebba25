"""The daemon's log, as the settings want it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, TextIO

from entrypoints.observing.log_format import bound_logger, formatter
from entrypoints.observing.log_outlets import FileOutlet, StreamOutlet
from entrypoints.observing.log_writer import LogWriter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entrypoints.observing.log_outlets import Outlet
    from entrypoints.settings.model import Logging


class Logs:
    """One log; its settings can change while it is in use.

    Attributes:
        logger: write with it from any thread.
    """

    def __init__(self, section: Logging, stream: TextIO, environ: Mapping[str, str]) -> None:
        self._stream = stream
        self._environ = environ
        self._writer = LogWriter(self._outlet(section))
        self._writer.setLevel(_level(section))
        self.logger = bound_logger(self._writer)

    @property
    def dropped(self) -> int:
        """How many lines were lost so far."""
        return self._writer.dropped

    def reconfigure(self, section: Logging) -> None:
        """Follow other settings. A file is opened anew even if they are the same.

        Raises:
            SettingsError: the file cannot be opened; everything stays as it was.
        """
        self._writer.use(self._outlet(section))
        self._writer.setLevel(_level(section))

    def flush(self) -> None:
        """Wait until everything is written, two seconds at most."""
        self._writer.flush()

    def close(self) -> None:
        """Write what waits, and end; two seconds at most."""
        self._writer.close()

    def _outlet(self, section: Logging) -> Outlet:
        form = formatter(section, self._stream, self._environ)
        if section.file is None:
            return StreamOutlet(self._stream, form)
        return FileOutlet(section.file, section.max_bytes, section.backups, form)


def configure_logging(section: Logging, stream: TextIO, environ: Mapping[str, str]) -> Logs:
    """A log that follows the settings.

    Args:
        section: of the settings.
        stream: for lines when there is no file; standard error.
        environ: of the process.

    Raises:
        SettingsError: the file cannot be opened.
    """
    return Logs(section, stream, environ)


def _level(section: Logging) -> int:
    return logging.getLevelNamesMapping()[section.level.upper()]
