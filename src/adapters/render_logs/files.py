"""The outputs of renders in files: the last bytes of each, and of the newest renders."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING

from adapters.render_logs.log_file import LogFile, LogPaths
from adapters.render_logs.output import LogOutput
from application.ports.render_logs import MOST_KEPT

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_SWEEP_EVERY = 256  # logs that were opened
_NAME = re.compile(r"(\d{1,19})(?:\.older)?\.log")


class RenderLogFiles:
    """Keeps ``{render_id}.log``, and the half before it, in a folder for its owner alone.

    The folder is made with the first output that there is.

    Args:
        folder: of the logs of one database.
        limit: bytes that are kept of each render, at most.
        keep: of how many renders.
    """

    def __init__(self, folder: Path, limit: int, keep: int = MOST_KEPT) -> None:
        self._folder = folder
        self._limit = limit
        self._keep = keep
        self._opened = 0
        self._lock = Lock()

    def begin(self, render_id: int) -> LogFile:
        """A log for a render that begins; one of the same number, of a lost database, goes."""
        paths = LogPaths.of(self._folder, render_id)
        self._forget(paths)
        return LogFile(paths, self._limit, self._note_opened)

    def read(self, render_id: int) -> LogOutput | None:
        """What is kept of a render's output, or None when nothing is."""
        return LogOutput.found(LogPaths.of(self._folder, render_id))

    def forget(self, render_ids: Iterable[int]) -> None:
        """Remove what is kept of these renders."""
        for render_id in render_ids:
            self._forget(LogPaths.of(self._folder, render_id))

    def sweep(self, keep: int | None = None) -> None:
        """Remove all but the outputs of the newest renders; by default as many as are kept."""
        try:
            names = os.listdir(self._folder)  # noqa: PTH208 - names only, of thousands
        except OSError:
            return
        found = {int(match[1]) for match in map(_NAME.fullmatch, names) if match}
        kept = self._keep if keep is None else keep
        if len(found) > kept:
            self.forget(sorted(found)[: len(found) - kept])

    def _forget(self, paths: LogPaths) -> None:
        for path in (paths.older, paths.newer):
            with suppress(OSError):
                os.unlink(path)  # noqa: PTH108 - for every render, and mostly for nothing

    def _note_opened(self) -> None:
        """Sweep now and then; with the first one too, for those that render little at a time."""
        with self._lock:
            due = self._opened % _SWEEP_EVERY == 0
            self._opened += 1
        if due:
            self.sweep()
