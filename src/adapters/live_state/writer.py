"""Showing what this process does: one small file, and one for each picture in progress."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING

from adapters.live_state.document import encoded
from adapters.live_state.previews import PictureFiles
from adapters.live_state.private_file import replace_file
from adapters.live_state.sweeping import Sweeper
from adapters.state_folder import make_private

if TYPE_CHECKING:
    from pathlib import Path

    from adapters.live_state.worker_state import WorkerState
    from application.ports.clock import Clock
    from application.ports.processes import Processes

LEAST_INTERVAL = 0.25  # seconds between two files
LONGEST_INTERVAL = 5.0  # seconds: whoever cannot see the process judges by the file's age
_PATIENCE = 5.0  # seconds before a folder that failed is tried again


class LiveStateWriter:
    """Keeps the files of this process. One thread flushes; the rest is its owner's.

    Nothing is flushed to the disk: after a loss of power nobody runs whom it could show.

    Args:
        state: what is shown.
        folder: of the database; made when it is missing.
        processes: tells who we are, and which files are of the dead.
        clock: time.
    """

    def __init__(
        self, state: WorkerState, folder: Path, processes: Processes, clock: Clock
    ) -> None:
        self._state = state
        self._folder = folder
        self._processes = processes
        self._clock = clock
        self._sweeper = Sweeper(folder, processes, clock)
        self._pictures: PictureFiles | None = None
        self._written_at: float | None = None
        self._shown = -1
        self._retry_at: float | None = None
        self._swept = False

    def prepare(self) -> str | None:
        """Make the folder; gives a sentence for a person when that is impossible."""
        try:
            make_private(self._folder)
        except OSError as error:
            return (
                f"live progress is not shown to others: the folder {self._folder} cannot be"
                f" made ({error.strerror}); set paths.state to a folder that can be written to"
            )
        return None

    def flush(self) -> None:
        """Write the files if there is news, four times a second at most; never raises."""
        now, changes = self._clock.monotonic(), self._state.changes
        if not self._is_due(now, changes):
            return
        try:
            self._write()
        except OSError:
            self._retry_at = now + _PATIENCE
            return
        self._written_at, self._shown, self._retry_at = now, changes, None

    def close(self) -> None:
        """Remove the files; never raises."""
        if self._written_at is not None:
            with suppress(OSError):
                self._file().unlink(missing_ok=True)
        if self._pictures is not None:
            self._pictures.remove_but({})

    def _is_due(self, now: float, changes: int) -> bool:
        if self._retry_at is not None and now < self._retry_at:
            return False
        if self._written_at is None:
            return True
        passed = now - self._written_at
        return passed >= (LEAST_INTERVAL if changes != self._shown else LONGEST_INTERVAL)

    def _write(self) -> None:
        file = self._file()
        if not self._swept or self._retry_at is not None:
            make_private(self._folder)
        if self._pictures is None:
            self._pictures = PictureFiles(file)
        pictures = self._state.pictures()
        # A picture is there before it is told of, and goes only after that.
        numbers = self._pictures.write(pictures)
        replace_file(file, encoded(self._state.view(self._processes.me(), numbers)))
        self._pictures.remove_but(pictures)
        if not self._swept:
            self._swept = True
            self._sweeper.sweep(file.stem)

    def _file(self) -> Path:
        me = self._processes.me()
        born = re.sub(r"\W", "", f"{me.started}{me.boot[:4]}")
        return self._folder / f"worker-{me.pid}-{born or 0}.json"
