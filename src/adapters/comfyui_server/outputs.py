"""Fetching what a job left on its server."""

from __future__ import annotations

import errno
import re
from contextlib import closing
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from adapters.comfyui_server.api import NoSuchFileError
from domain.failure import Failure, FailureCode
from domain.kind import Kind

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from adapters.comfyui_server.api import ServerApi
    from adapters.comfyui_server.history import OutputFile
    from adapters.comfyui_server.limits import ServerLimits
    from adapters.comfyui_server.stopping import StopCheck

_SUFFIX = re.compile(r"\.[a-z0-9]{1,10}\Z")
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


def to_fetch(files: Sequence[OutputFile]) -> tuple[OutputFile, ...]:
    """What was saved, each file once; what was only shown where nothing was saved."""
    saved = tuple(dict.fromkeys(file for file in files if file.type == "output"))
    return saved or tuple(dict.fromkeys(files))


def strange_file(
    files: Sequence[OutputFile], nodes: Collection[str], mark: str
) -> OutputFile | None:
    """A file that is not this job's own, or None.

    Args:
        files: what the server says that the job left.
        nodes: the ids of those that were told under which name to save.
        mark: what that name holds, and no other job's does.
    """
    for file in files:
        told = file.type == "output" and file.node in nodes
        if told and mark not in f"{file.subfolder}/{file.filename}":
            return file
    return None


class Fetch:
    """Copies a job's files into a folder, under names that are ours.

    No path of the server's is used; only the suffix of a name is kept.
    """

    def __init__(
        self, api: ServerApi, folder: Path, kind: Kind, limits: ServerLimits, stop: StopCheck
    ) -> None:
        self._api = api
        self._folder = folder
        self._kind = kind
        self._limits = limits
        self._stop = stop
        self._bytes = 0
        self._paths: list[Path] = []

    def fetch(self, number: int, file: OutputFile) -> Failure | None:
        """Copy one file; ``number`` makes its name unique and keeps the order.

        Raises:
            ServerTroubleError: the server did not give all of it; nothing is left of it.
            StopAskedError: whoever watches wants an end.
        """
        path = self._folder / f"{_stem(self._kind, number)}{_suffix(file.filename)}"
        before = self._bytes
        self._paths.append(path)
        try:
            with path.open("xb") as target, closing(self._api.view(file)) as chunks:
                for chunk in chunks:
                    self._stop.check()
                    self._bytes += len(chunk)
                    if self._bytes > self._limits.max_bytes:
                        return _too_much(f"more than {self._limits.max_bytes:,} bytes")
                    target.write(chunk)
        except NoSuchFileError:
            path.unlink(missing_ok=True)
            return Failure(
                FailureCode.NO_FILES,
                f"the server names the file {file.filename[:100]!r} as a result, and has no such"
                " file",
            )
        except OSError as error:
            return _unwritten(error)
        except BaseException:
            self._bytes = before
            path.unlink(missing_ok=True)
            raise
        return None

    def undo(self) -> None:
        """Remove what was copied."""
        for path in self._paths:
            path.unlink(missing_ok=True)


def _stem(kind: Kind, number: int) -> str:
    """The names that the contract's own scripts give (section 3)."""
    if kind is Kind.IMAGE:
        return f"generated_image_{number:03}"
    return "generated_song" if number == 1 else f"generated_song_{number:03}"


def too_many(count: int, limits: ServerLimits) -> Failure | None:
    """The failure of a job that left more files than it may, or None."""
    if count <= limits.max_files:
        return None
    return _too_much(f"{count:,} files, and {limits.max_files:,} are the most")


def _suffix(filename: str) -> str:
    suffix = PurePosixPath(filename.replace("\\", "/")).suffix.lower()
    return suffix if _SUFFIX.match(suffix) else ""


def _too_much(what: str) -> Failure:
    return Failure(FailureCode.TOO_MUCH_OUTPUT, f"the job left {what}")


def _unwritten(error: OSError) -> Failure:
    code = FailureCode.DISK_FULL if error.errno in _FULL else FailureCode.OUTPUT_NOT_WRITABLE
    return Failure(code, f"a result could not be written: {error.strerror or error}")
