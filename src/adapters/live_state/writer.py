"""Writes the live state of this process, and removes the files of dead workers."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING

from adapters.live_state.files import MAX_DOCUMENT_BYTES, decode_view, encode_view, picture_path
from adapters.state_folder import make_private, read_file, replace_file
from domain.lease import Liveness

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from adapters.live_state.worker_state import NumberedPicture, WorkerState
    from application.ports.system import Clock, Processes

MIN_INTERVAL = 0.25  # seconds between two writes
MAX_INTERVAL = 5.0  # seconds; other machines judge by the file's age whether the worker lives
_RETRY_SECONDS = 5.0  # before a folder that failed is tried again
_OWN_NAME = re.compile(r"(worker-\d+-\w+)(?P<render>-\d+)?\.(?P<suffix>json|tmp|jpg|png)")
_MIN_PARTIAL_AGE = 5.0  # seconds; a younger file without a document may be being written
_MAX_UNKNOWN_AGE = 86_400.0  # seconds after which the file of an invisible worker is removed


class LiveStateWriter:
    """Keeps the files of this process up to date. One thread flushes; its owner does the rest.

    Nothing is synced to disk: after a loss of power, no worker is left to be shown.

    Args:
        state: the state to show.
        folder: the folder of the database; created if it is missing.
        processes: identifies this process, and tells which files belong to dead ones.
        clock: monotonic clock for intervals, wall clock for the age of files.
    """

    def __init__(
        self, state: WorkerState, folder: Path, processes: Processes, clock: Clock
    ) -> None:
        self._state = state
        self._folder = folder
        self._processes = processes
        self._clock = clock
        self._pictures: _PictureFiles | None = None
        self._written_at: float | None = None
        self._written_changes = -1
        self._retry_at: float | None = None
        self._swept = False

    def prepare(self) -> str | None:
        """Create the folder; returns a warning for a person if that is impossible."""
        try:
            make_private(self._folder)
        except OSError as error:
            return (
                f"live progress is not shown to other programs: the folder {self._folder} cannot"
                f" be created ({error.strerror}); set paths.state to a writable folder"
            )
        return None

    def flush(self) -> None:
        """Write the files if there are changes, at most four times a second; never raises."""
        now, changes = self._clock.monotonic(), self._state.changes
        if not self._is_due(now, changes):
            return
        try:
            self._write()
        except OSError:
            self._retry_at = now + _RETRY_SECONDS
            return
        self._written_at, self._written_changes, self._retry_at = now, changes, None

    def close(self) -> None:
        """Remove the files; never raises."""
        if self._written_at is not None:
            with suppress(OSError):
                self._document_path().unlink(missing_ok=True)
        if self._pictures is not None:
            self._pictures.remove_except({})

    def _is_due(self, now: float, changes: int) -> bool:
        if self._retry_at is not None and now < self._retry_at:
            return False
        if self._written_at is None:
            return True
        elapsed = now - self._written_at
        return elapsed >= (MIN_INTERVAL if changes != self._written_changes else MAX_INTERVAL)

    def _write(self) -> None:
        document = self._document_path()
        if not self._swept or self._retry_at is not None:
            make_private(self._folder)
        if self._pictures is None:
            self._pictures = _PictureFiles(document)
        pictures = self._state.pictures()
        # A picture exists before the document refers to it, and is removed only after that.
        numbers = self._pictures.write(pictures)
        replace_file(document, encode_view(self._state.view(self._processes.me(), numbers)))
        self._pictures.remove_except(pictures)
        if not self._swept:
            self._swept = True
            self._sweep(document.stem)

    def _document_path(self) -> Path:
        me = self._processes.me()
        start = re.sub(r"\W", "", f"{me.started}{me.boot[:4]}")
        return self._folder / f"worker-{me.pid}-{start or 0}.json"

    def _sweep(self, own_stem: str) -> None:
        """Remove the files of dead workers."""
        matches = [(_OWN_NAME.fullmatch(path.name), path) for path in self._folder.iterdir()]
        for match, path in matches:
            if match and match[1] != own_stem and self._is_abandoned(match, path):
                with suppress(OSError):
                    path.unlink()

    def _is_abandoned(self, match: re.Match[str], path: Path) -> bool:
        """Whether a file belongs to no worker; a picture belongs to that of its document."""
        document = path.with_name(f"{match[1]}.json") if match["render"] else path
        is_document = document.suffix == ".json"
        view = decode_view(read_file(document, MAX_DOCUMENT_BYTES)) if is_document else None
        if view is None:  # a partial file, or one that a loss of power left empty
            return self._age(path) > _MIN_PARTIAL_AGE
        liveness = self._processes.liveness_of(view.identity)
        return liveness is Liveness.DEAD or (
            liveness is Liveness.UNKNOWN and self._age(document) > _MAX_UNKNOWN_AGE
        )

    def _age(self, path: Path) -> float:
        """Seconds since the last change; 0 for a file that is gone."""
        try:
            return self._clock.now().timestamp() - path.stat().st_mtime
        except OSError:
            return 0.0


class _PictureFiles:
    """The picture files of one worker, one for each render with a preview. For one thread."""

    def __init__(self, document: Path) -> None:
        self._document = document
        self._written: dict[int, NumberedPicture] = {}

    def write(self, pictures: Mapping[int, NumberedPicture]) -> Mapping[int, int]:
        """Write new pictures; returns the number of each readable one by render.

        A picture that cannot be written is not shown, and nothing else.
        """
        for render_id, picture in pictures.items():
            written = self._written.get(render_id)
            if written is None or written.number != picture.number:
                with suppress(OSError):
                    path = picture_path(self._document, render_id, picture.suffix)
                    replace_file(path, picture.content)
                    self._written[render_id] = picture
                    if written is not None and written.suffix != picture.suffix:
                        self._remove(render_id, written)
        return {
            render_id: written.number
            for render_id, written in self._written.items()
            if render_id in pictures
        }

    def remove_except(self, pictures: Mapping[int, NumberedPicture]) -> None:
        """Remove the pictures of other renders; never raises."""
        for render_id in self._written.keys() - pictures.keys():
            self._remove(render_id, self._written.pop(render_id))

    def _remove(self, render_id: int, written: NumberedPicture) -> None:
        with suppress(OSError):
            picture_path(self._document, render_id, written.suffix).unlink(missing_ok=True)
