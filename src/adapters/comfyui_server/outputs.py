"""Copying what a job left on its server into the render's folder, under names of our own."""

from __future__ import annotations

import errno
import re
from contextlib import closing
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from adapters.comfyui_graph.output_nodes import is_media_file
from adapters.comfyui_server.client import NoSuchFileError, ServerError
from domain.failure import Failure, FailureCode
from domain.prompt import Kind

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from adapters.comfyui_server.client import ServerClient
    from adapters.comfyui_server.deadlines import Outage, ServerLimits, StopCheck
    from adapters.comfyui_server.responses import OutputFile

_SUFFIX = re.compile(r"\.[a-z0-9]{1,10}\Z")
_DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_MAX_NAME = 100  # characters of a server's file name in a message


@dataclass(slots=True)
class OutputCollector:
    """Copies the files of one job into a folder.

    Of the server's names only the suffix is kept, and no path of its own is used.

    Attributes:
        client: its server's client.
        limits: how much a job may leave.
        outage: how long the server may fail to answer.
        stop: asked while it copies.
    """

    client: ServerClient
    limits: ServerLimits
    outage: Outage
    stop: StopCheck
    _bytes: int = 0

    def collect(self, files: Sequence[OutputFile], folder: Path, kind: Kind) -> Failure | None:
        """Copy files; the failure if that is not possible, or None.

        Args:
            files: what the server says that the job left.
            folder: where to put them.
            kind: the media kind; our names for the files tell it.

        Raises:
            ServerError: the server did not answer for too long; nothing is left in the folder.
            StopRequestedError: the render must stop; nothing is left in the folder.
        """
        if len(files) > self.limits.max_files:
            return _too_much(f"{len(files):,} files, and {self.limits.max_files:,} are the most")
        paths: list[Path] = []
        try:
            for number, file in enumerate(files, start=1):
                suffix = PurePosixPath(file.filename.replace("\\", "/")).suffix.lower()
                suffix = suffix if _SUFFIX.match(suffix) else ""
                paths.append(folder / f"{_stem(kind, number)}{suffix}")
                if failure := self._copy(file, paths[-1]):
                    return failure
        except BaseException:
            for path in paths:
                path.unlink(missing_ok=True)  # another job may come to the same folder
            raise
        return None

    def _copy(self, file: OutputFile, path: Path) -> Failure | None:
        """Copy one file, again and again while the server fails to answer."""
        before = self._bytes
        while True:
            try:
                with path.open("xb") as target, closing(self.client.view(file)) as chunks:
                    for chunk in chunks:
                        self.stop.check()
                        self._bytes += len(chunk)
                        if self._bytes > self.limits.max_bytes:
                            return _too_much(f"more than {self.limits.max_bytes:,} bytes")
                        target.write(chunk)
            except ServerError as error:
                self._bytes = before
                path.unlink(missing_ok=True)
                self.stop.sleep(self.outage.pause(error))
            except NoSuchFileError:
                path.unlink(missing_ok=True)
                return Failure(
                    FailureCode.NO_FILES,
                    f"the server names the file {file.filename[:_MAX_NAME]!r} as a result, and has"
                    " no such file",
                )
            except OSError as error:
                is_full = error.errno in _DISK_FULL
                code = FailureCode.DISK_FULL if is_full else FailureCode.OUTPUT_NOT_WRITABLE
                reason = error.strerror or error
                return Failure(code, f"a result could not be written: {reason}")
            else:
                self.outage.end()
                return None


def select_outputs(files: Sequence[OutputFile]) -> tuple[OutputFile, ...]:
    """The media that were saved, each file once; previews where no media were saved."""
    saved = tuple(dict.fromkeys(file for file in files if file.type == "output"))
    media = tuple(file for file in saved if is_media_file(file.filename))
    previews = tuple(dict.fromkeys(file for file in files if file.type != "output"))
    return media or previews or saved


def foreign_output(
    files: Sequence[OutputFile], nodes: Collection[str], prefix: str
) -> OutputFile | None:
    """A file of another job that a server names as a result of this one, or None.

    Args:
        files: what the server says that the job left.
        nodes: the ids of the nodes that were given the file name prefix.
        prefix: what the name of each of their files must contain.
    """
    for file in files:
        is_named = file.type == "output" and file.node in nodes
        if is_named and prefix not in f"{file.subfolder}/{file.filename}":
            return file
    return None


def _stem(kind: Kind, number: int) -> str:
    """The name that the contract's own scripts give (section 3)."""
    if kind is Kind.IMAGE:
        return f"generated_image_{number:03}"
    return "generated_song" if number == 1 else f"generated_song_{number:03}"


def _too_much(amount: str) -> Failure:
    return Failure(FailureCode.TOO_MUCH_OUTPUT, f"the job left {amount}")
