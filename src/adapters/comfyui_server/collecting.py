"""Getting the files of a job that went well, through whatever trouble the server has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.comfyui_server.backoff import Backoff
from adapters.comfyui_server.outputs import Fetch, strange_file, to_fetch, too_many
from adapters.comfyui_server.trouble import ServerTroubleError
from domain.failure import Failure, FailureCode

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from adapters.comfyui_server.api import ServerApi
    from adapters.comfyui_server.history import OutputFile
    from adapters.comfyui_server.parts import Parts
    from adapters.comfyui_server.stopping import StopCheck
    from domain.kind import Kind


class Collector:
    """Copies files from a server into a folder.

    Args:
        api: of the server.
        server: its name for messages.
        parts: clock and limits.
        stop: asked while it copies.
    """

    def __init__(self, api: ServerApi, server: str, parts: Parts, stop: StopCheck) -> None:
        self._api = api
        self._server = server
        self._parts = parts
        self._stop = stop

    def collect(
        self, files: Sequence[OutputFile], folder: Path, kind: Kind, own: Collection[str], mark: str
    ) -> Failure | None:
        """Copy what a job saved; why that is not possible, or None.

        Args:
            files: what the server says that the job left.
            folder: where to.
            kind: of the media; our names for them tell it.
            own: ids of the nodes that were told under which name to save.
            mark: what that name holds, and no other job's does.

        Raises:
            ServerTroubleError: the server did not answer for too long.
            StopAskedError: whoever watches wants an end.
        """
        wanted = to_fetch(files)
        if not wanted:
            return Failure(FailureCode.NO_FILES, f"the job left no file on {self._server}")
        if strange := strange_file(wanted, own, mark):
            return Failure(
                FailureCode.FILE_REFUSED,
                f"{self._server} names {strange.filename[:100]!r} as a result, which is not of this"
                " job",
            )
        if failure := too_many(len(wanted), self._parts.limits):
            return failure
        fetch = Fetch(self._api, folder, kind, self._parts.limits, self._stop)
        try:
            for number, file in enumerate(wanted, start=1):
                if failure := self._patiently(fetch, number, file):
                    return failure
        except BaseException:
            fetch.undo()  # another job may come to the same folder
            raise
        return None

    def _patiently(self, fetch: Fetch, number: int, file: OutputFile) -> Failure | None:
        backoff = Backoff(self._parts.limits.unreachable_seconds)
        while True:
            try:
                return fetch.fetch(number, file)
            except ServerTroubleError as trouble:
                pause = backoff.pause(trouble, self._parts.clock.monotonic())
            self._stop.sleep(pause)
