"""Removing what dead workers left: their files, and the pictures beside them."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING

from adapters.live_state.document import decoded
from adapters.live_state.reader import contents
from domain.worker import Fate

if TYPE_CHECKING:
    from pathlib import Path

    from application.ports.clock import Clock
    from application.ports.processes import Processes

_OURS = re.compile(r"(worker-\d+-\w+)(?P<render>-\d+)?\.(?P<suffix>json|tmp|jpg|png)")
_PATIENCE = 5.0  # seconds that a file may stand there without an owner: it is being written
_FORGOTTEN = 86_400.0  # seconds after which the file of an invisible worker is nobody's


class Sweeper:
    """Judges the files of a folder.

    Args:
        folder: of the database.
        processes: tells who lives.
        clock: its wall side, for the age of files.
    """

    def __init__(self, folder: Path, processes: Processes, clock: Clock) -> None:
        self._folder = folder
        self._processes = processes
        self._clock = clock

    def sweep(self, mine: str) -> None:
        """Remove what is left; ``mine`` is the stem of our own files.

        Raises:
            OSError: the folder cannot be read.
        """
        found = [(_OURS.fullmatch(path.name), path) for path in self._folder.iterdir()]
        others = [(match, path) for match, path in found if match and match[1] != mine]
        left = [path for match, path in others if self._is_left(match, path)]
        for path in left:
            with suppress(OSError):
                path.unlink()

    def _is_left(self, match: re.Match[str], path: Path) -> bool:
        """Whether nobody shows the file any more; a picture goes by the worker that it is of."""
        document = path.with_name(f"{match[1]}.json") if match["render"] else path
        is_document = document.suffix == ".json"
        view = decoded(contents(document)) if is_document else None
        if view is None:  # half a file, or one that a loss of power left empty
            return self._age(path) > _PATIENCE
        fate = self._processes.fate_of(view.identity)
        return fate is Fate.DEAD or (fate is Fate.UNKNOWN and self._age(document) > _FORGOTTEN)

    def _age(self, path: Path) -> float:
        """Seconds; 0 for a file that is gone."""
        now = self._clock.now().timestamp()
        try:
            return now - path.stat().st_mtime
        except OSError:
            return 0.0
