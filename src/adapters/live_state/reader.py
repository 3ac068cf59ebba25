"""Looking at the files of the workers of one database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.live_state.document import LONGEST_FILE, decoded
from adapters.live_state.previews import LARGEST_PICTURE, SUFFIXES, picture_file, shown_format
from application.ports.live_state import Preview
from domain.worker import Fate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from application.ports.clock import Clock
    from application.ports.live_state import WorkerView
    from application.ports.processes import Processes

_MOST_FILES = 1_000
LONGEST_SILENCE = 30.0  # seconds; the clocks of two machines may differ a little


class LiveStateFiles:
    """Reads the files of a folder, which need not exist. Nothing is changed.

    Args:
        folder: of the database.
        processes: gives what tells who lives; called only where there is a file to judge.
        clock: its wall side, for workers that cannot be seen from here.
    """

    def __init__(self, folder: Path, processes: Callable[[], Processes], clock: Clock) -> None:
        self._folder = folder
        self._processes = processes
        self._clock = clock

    def workers(self) -> Sequence[WorkerView]:
        """Those that live, the oldest first; damaged and foreign files are passed over."""
        living = [view for _, view in self._views() if self._lives(view)]
        return sorted(living, key=lambda view: (view.started_at, view.identity.pid))

    def preview(self, render_id: int) -> Preview | None:
        """The newest preview of a render that a living worker shows, or None."""
        for document, view in self._views():
            if any(each.render_id == render_id and each.preview for each in view.renders):
                return _picture(document, render_id) if self._lives(view) else None
        return None

    def _views(self) -> Iterator[tuple[Path, WorkerView]]:
        """What can be read, with the file that it stands in."""
        try:
            paths = sorted(self._folder.glob("worker-*.json"))
        except OSError:
            return
        for path in paths[:_MOST_FILES]:
            if view := decoded(contents(path)):
                yield path, view

    def _lives(self, view: WorkerView) -> bool:
        fate = self._processes().fate_of(view.identity)
        if fate is Fate.UNKNOWN:
            silence = self._clock.now() - view.updated_at
            return silence.total_seconds() < LONGEST_SILENCE
        return fate is Fate.ALIVE


def _picture(document: Path, render_id: int) -> Preview | None:
    for suffix in SUFFIXES.values():
        found = contents(picture_file(document, render_id, suffix), LARGEST_PICTURE)
        if form := shown_format(found):
            return Preview(found, f"image/{form}")
    return None


def contents(path: Path, longest: int = LONGEST_FILE) -> bytes:
    """What the file holds; b"" when it cannot be read or is longer than so many bytes."""
    try:
        with path.open("rb") as file:
            found = file.read(longest + 1)
    except OSError:
        return b""
    return found if len(found) <= longest else b""
