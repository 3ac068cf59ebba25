"""Durable publication: flush, write the plan, move folders into place, or take them back."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import stat
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from adapters.filesystem.cleanup import FOLDER_FLAGS, delete_tree
from application.ports.artifact_store import StoredFolder
from domain.artifact import Artifact, MediaFacts
from domain.mark import FileMark
from domain.prompt import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from concurrent.futures import Executor
    from pathlib import Path

STAGING_FOLDER = ".staging"
PRIVATE_MODE = 0o700
PLAN_SUFFIX = ".plan"
FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""Opens a file for reading, but no link to one, and does not wait for the writer of a pipe."""

# Some network and FUSE file systems cannot flush a folder, and need not.
_FOLDER_CANNOT_FLUSH = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EBADF})
_SLOW_SECONDS = 0.001  # of one flush; threads take a tenth of it
_MAX_THREADS = 16  # that flush; they are started when they are needed


@dataclass(frozen=True, slots=True)
class Plan:
    """What a render is about to publish, recorded so that another process can finish or undo it.

    Attributes:
        folders: the folders that are about to get their final names.
        artifacts: the rows for their files.
    """

    folders: tuple[StoredFolder, ...]
    artifacts: tuple[Artifact, ...]


def flush_path(path: Path) -> float:
    """Wait until a file, or the entries of a folder, are on the storage medium itself.

    On macOS `fsync` leaves the data in the drive's own cache; `F_FULLFSYNC` does not (Apple's
    manual page of fsync(2)). Where a file system lacks it, `fsync` is what there is.

    Returns:
        The seconds that it took.

    Raises:
        OSError: the data did not reach the medium, or the path does not exist.
    """
    began = time.perf_counter()
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        full_flush = getattr(fcntl, "F_FULLFSYNC", None)
        if full_flush is not None:
            try:
                fcntl.fcntl(descriptor, full_flush)
            except OSError as error:
                if error.errno not in {errno.EINVAL, errno.ENOTSUP, errno.ENOTTY}:
                    raise
            else:
                return time.perf_counter() - began
        os.fsync(descriptor)
    except OSError as error:
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        if not is_folder or error.errno not in _FOLDER_CANNOT_FLUSH:
            raise
    finally:
        os.close(descriptor)
    return time.perf_counter() - began


class Flusher:
    """Flushes many files and folders at once: side by side where the disk is slow.

    A file system with a journal makes everything durable that was written before, so that waits
    that begin together also end together. On a fast disk, passing them to threads would take
    longer than the waits. Safe to use from several threads.
    """

    def __init__(self) -> None:
        self._threads: Executor | None = None
        self._is_slow = False

    def flush_all(self, paths: Sequence[Path]) -> None:
        """Wait until files, and entries of folders, are on the storage medium.

        Raises:
            OSError: one of them did not reach it.
        """
        if self._is_slow and self._threads is None:
            from concurrent.futures import ThreadPoolExecutor

            self._threads = ThreadPoolExecutor(_MAX_THREADS, "flush")
        run = self._threads.map if self._is_slow and self._threads is not None else map
        self._is_slow = max(run(flush_path, paths)) > _SLOW_SECONDS


def make_folder(folder: Path, mode: int) -> bool:
    """Make one folder with exactly this mode, whatever the umask; its parent must exist.

    Returns:
        Whether it was made; False if the folder exists already.

    Raises:
        OSError: it cannot be made, or something that is not a folder has that name.
    """
    try:
        folder.mkdir(mode)
    except FileExistsError:
        if not folder.is_dir():
            raise
        return False
    folder.chmod(mode)
    return True


def decode_plan(document: str) -> Plan | None:
    """The plan in a JSON document, or None if it is damaged."""
    try:
        content = json.loads(document)
        return Plan(
            tuple(
                StoredFolder(
                    Kind(folder["kind"]),
                    folder["folder"],
                    tuple(
                        MediaFacts(**{**facts, "mark": mark and FileMark(**mark)})
                        for facts in folder["files"]
                        for mark in (facts.get("mark"),)  # none in plans of earlier versions
                    ),
                )
                for folder in content["folders"]
            ),
            tuple(
                Artifact(Kind(row["kind"]), row["file_path"], row["metadata"])
                for row in content["artifacts"]
            ),
        )
    except (ValueError, KeyError, TypeError):
        return None


def write_plan(path: Path, plan: Plan) -> str:
    """Write a plan, whole; it replaces an earlier one. The caller makes it durable.

    Returns:
        The JSON document that was written.

    Raises:
        OSError: it could not be written.
    """
    document = {
        "folders": [asdict(folder) for folder in plan.folders],
        "artifacts": [
            {
                "kind": artifact.kind,
                "file_path": artifact.file_path,
                "metadata": dict(artifact.metadata),
            }
            for artifact in plan.artifacts
        ],
    }
    text = json.dumps(document)
    draft = path.with_suffix(f"{PLAN_SUFFIX}.draft")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)
    return text


def read_plan(path: Path) -> Plan | None:
    """The plan that was written, or None if there is none or it is damaged."""
    try:
        return decode_plan(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None


def move_folder(folder: Path, target: Path) -> bool:
    """Rename a folder, unless something has the new name already.

    Nothing is ever replaced. Between programs like this one `rename` itself decides: no two
    can win, since a folder with files in it is never replaced (POSIX, rename). An empty one
    would be, so any name that exists is avoided; a lock of our own would not bind other
    programs that could make one in the microseconds between.

    Returns:
        Whether it was renamed; False if the name was taken.

    Raises:
        OSError: it cannot be renamed, for another reason.
    """
    if os.path.lexists(target):
        return False
    try:
        folder.rename(target)
    except OSError:
        if os.path.lexists(target):
            return False
        raise
    return True


def move_folders(moves: Sequence[tuple[Path, Path]]) -> bool:
    """Rename every folder durably, or none of them if one of the new names is taken.

    Args:
        moves: pairs of a folder and its final path.

    Returns:
        Whether they were renamed.

    Raises:
        OSError: one cannot be renamed or made durable; the others were moved back.
    """
    moved: list[tuple[Path, Path]] = []
    try:
        for source, target in moves:
            if not move_folder(source, target):
                _move_back(moved)
                return False
            moved.append((source, target))
        for parent in {target.parent for _, target in moves}:
            flush_path(parent)
    except OSError:
        _move_back(moved)
        raise
    return True


def _move_back(moved: Sequence[tuple[Path, Path]]) -> None:
    for source, target in moved:
        with contextlib.suppress(OSError):
            target.rename(source)


def unpublish(folder: Path, files: Iterable[MediaFacts], trash: Path) -> None:
    """Delete a published folder if it still holds the very files that were stored in it.

    The folder leaves the tree in one step, so that half of it is never visible. If another
    program has put a file into it, only our own files are deleted.

    Args:
        folder: the published folder; no error if it does not exist.
        files: the files that were stored in it.
        trash: a path in the staging folder, where the folder is moved and deleted.

    Raises:
        OSError: it could not be deleted.
    """
    ours = {file.name: file for file in files}
    try:
        descriptor = os.open(folder, FOLDER_FLAGS)
    except FileNotFoundError:
        return
    try:
        if not all(_is_unchanged(file, descriptor) for file in ours.values()):
            return
        names = os.listdir(descriptor)  # noqa: PTH208 (an open folder)
        if any(name not in ours and not name.startswith(".") for name in names):
            for name in ours:
                os.unlink(name, dir_fd=descriptor)
            return
    finally:
        os.close(descriptor)
    delete_tree(trash)
    folder.rename(trash)
    with contextlib.suppress(OSError):  # it is out of sight; only a loss of power brings it back
        flush_path(folder.parent)
    delete_tree(trash)


def is_whole(folder: Path, files: Iterable[MediaFacts]) -> bool:
    """Whether a published folder holds these very files, byte for byte."""
    try:
        descriptor = os.open(folder, FOLDER_FLAGS)
    except OSError:
        return False
    try:
        return all(_is_unchanged(file, descriptor) for file in files)
    finally:
        os.close(descriptor)


def _is_unchanged(file: MediaFacts, folder: int) -> bool:
    """Whether an open folder still holds that file, byte for byte."""
    try:
        descriptor = os.open(file.name, FILE_FLAGS, dir_fd=folder)
    except OSError:
        return False
    with os.fdopen(descriptor, "rb") as content:
        return (
            os.fstat(descriptor).st_size == file.file_size
            and hashlib.file_digest(content, "sha256").hexdigest() == file.sha256
        )
