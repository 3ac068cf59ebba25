"""Reads the live state of the workers of one database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.state_folder import read_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from application.ports.live_state import Preview, WorkerView
    from application.ports.system import Clock, Processes

# Every ``mediagen status`` looks for workers: the format of their files is imported for those.
_MAX_FILES = 1_000
MAX_SILENCE = 30.0  # seconds; the clocks of two machines may differ a little


class LiveStateFiles:
    """Reads the files in a folder, which need not exist. Changes nothing.

    Args:
        folder: the folder of the database.
        processes: returns the port that tells which workers live; called only if there are files.
        clock: its wall side, for workers whose process is not visible from here.
    """

    def __init__(self, folder: Path, processes: Callable[[], Processes], clock: Clock) -> None:
        self._folder = folder
        self._processes = processes
        self._clock = clock

    def workers(self) -> Sequence[WorkerView]:
        """Living workers, oldest first; damaged and foreign files are ignored."""
        living = [view for _, view in self._views() if self._is_alive(view)]
        return sorted(living, key=lambda view: (view.started_at, view.identity.pid))

    def preview(self, render_id: int) -> Preview | None:
        """The newest preview of a render in progress, or None."""
        for document, view in self._views():
            if any(render.render_id == render_id and render.preview for render in view.renders):
                return _picture(document, render_id) if self._is_alive(view) else None
        return None

    def _views(self) -> Iterator[tuple[Path, WorkerView]]:
        """Each readable document with its path."""
        try:
            paths = sorted(self._folder.glob("worker-*.json"))
        except OSError:
            return
        for path in paths[:_MAX_FILES]:
            from adapters.live_state.files import MAX_DOCUMENT_BYTES, decode_view

            if view := decode_view(read_file(path, MAX_DOCUMENT_BYTES)):
                yield path, view

    def _is_alive(self, view: WorkerView) -> bool:
        from domain.lease import Liveness

        liveness = self._processes().liveness_of(view.identity)
        if liveness is Liveness.UNKNOWN:
            silence = self._clock.now() - view.updated_at
            return silence.total_seconds() < MAX_SILENCE
        return liveness is Liveness.ALIVE


def _picture(document: Path, render_id: int) -> Preview | None:
    from adapters.live_state.files import (
        MAX_PICTURE_BYTES,
        PICTURE_SUFFIXES,
        picture_path,
        preview_format,
    )
    from application.ports.live_state import Preview

    for suffix in PICTURE_SUFFIXES.values():
        content = read_file(picture_path(document, render_id, suffix), MAX_PICTURE_BYTES)
        if name := preview_format(content):
            return Preview(content, f"image/{name}")
    return None
