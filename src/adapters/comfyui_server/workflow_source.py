"""Where a workflow comes from: a file, read again when it was changed."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

from adapters.comfyui_server.workflow import server_workflow

if TYPE_CHECKING:
    from pathlib import Path

    from returns.result import Result

    from adapters.comfyui_server.mapping import GivenInputs
    from adapters.comfyui_server.workflow import ServerWorkflow
    from domain.failure import Failure
    from domain.kind import Kind

    Loaded = Result[ServerWorkflow, Failure]


class WorkflowSource:
    """Gives the workflow of one kind. Safe from several threads.

    The same object comes back for as long as the file is the same, so that whoever remembers
    something about it need not compare graphs.

    Args:
        path: of the file.
        kind: of what it makes.
        given: inputs over those that the graph suggests.
    """

    def __init__(self, path: Path, kind: Kind, given: GivenInputs) -> None:
        self._path = path
        self._kind = kind
        self._given = given
        self._lock = Lock()
        self._seen: tuple[int, int, int] | None = None
        self._loaded: Loaded | None = None

    def __call__(self) -> Loaded:
        """The workflow, or the failure that says why it cannot be used."""
        seen = self._sign()
        with self._lock:
            if self._loaded is None or seen is None or seen != self._seen:
                self._loaded = server_workflow(self._path, self._kind, self._given)
                self._seen = seen
            return self._loaded

    def _sign(self) -> tuple[int, int, int] | None:
        """What changes when the file does; None when it is not there."""
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size
