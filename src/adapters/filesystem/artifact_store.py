"""The output tree on a file system, behind the port `ArtifactStore`, and why it cannot be used."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import re
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from returns import result

from adapters.filesystem.cleanup import delete_tree
from adapters.filesystem.collection import collect_outputs
from adapters.filesystem.publication import (
    PLAN_SUFFIX,
    PRIVATE_MODE,
    STAGING_FOLDER,
    Flusher,
    Plan,
    flush_path,
    is_whole,
    make_folder,
    move_folders,
    read_plan,
    unpublish,
    write_plan,
)
from adapters.filesystem.verification.media import InvalidMediaError
from application.ports.artifact_store import (
    Prepared,
    RenderKey,
    Staging,
    StoredFolder,
)
from application.ports.prompt_repository import RepositoryError
from domain.artifact import folder_name
from domain.failure import Failure, FailureCode
from domain.prompt import Kind

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime
    from pathlib import Path

    from adapters.filesystem.limits import StoreLimits
    from adapters.media_marks.marker import Marker
    from application.ports.artifact_store import Describe, PublicationPlans
    from domain.artifact import Artifact
    from domain.mark import Mark

MIN_FREE_BYTES_KEY = "media.limits.min_free_bytes"

_DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
# A volume that was unmounted while in use: its folder may still be listed, but answers nothing.
_VOLUME_GONE = frozenset({errno.ENODEV, errno.ENOTCONN, errno.ENXIO, errno.ESTALE})
_TOO_MANY_OPEN_FILES = frozenset({errno.EMFILE, errno.ENFILE})
_NOT_PERMITTED = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})
_UNITS = ("KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_STEP = 1024
_PUBLIC_MODE = 0o755
COPIES_SUFFIX = ".final"  # of the folder in which the files of a staging folder are copied


class StagingArea(ABC):
    """Folders in which files are made, verified and kept until they are published.

    The base of the artifact stores: they differ in where they publish files.

    Args:
        root: absolute path of the folder in which the staging folder is.
        namespace: beginning of the names of staging folders, unique for the database.
        limits: on what one workflow may leave.
        marker: marks files between verification and publication; None for no marks.
        plans: of all machines, where the staging folder belongs to one of them.
    """

    def __init__(
        self,
        root: Path,
        namespace: str,
        limits: StoreLimits,
        marker: Marker | None = None,
        plans: PublicationPlans | None = None,
    ) -> None:
        self._marker = marker
        self._plans = plans
        self._root = root
        self._staging = root / STAGING_FOLDER
        self._namespace = namespace
        self._limits = limits
        self._name_pattern = re.compile(
            rf"{re.escape(namespace)}-(?P<prompt>\d+)-(?P<render>\d+)(?!\d)"
            r"(?:-(?P<token>[0-9a-f]{16})(?![0-9a-f]))?",
            re.ASCII,
        )

    def open_staging(
        self, kind: Kind, key: RenderKey, variant: int
    ) -> result.Result[Staging, Failure]:
        """Make an empty folder for a job, which only this user may enter.

        A folder of that name may be left by another program. It is left alone, and the new one
        gets a number.
        """
        preferred = self._staged(key, f"-v{variant}" if variant > 1 else "")
        for number in itertools.count(1):
            path = preferred if number == 1 else preferred.with_name(f"{preferred.name}_{number}")
            try:
                try:
                    path.mkdir(PRIVATE_MODE)
                except FileNotFoundError:
                    make_folder(self._staging, PRIVATE_MODE)
                    path.mkdir(PRIVATE_MODE)
            except FileExistsError:
                continue
            except OSError as error:
                return result.Failure(os_failure(error, self._root, "make a staging folder"))
            return result.Success(Staging(path.name, path, kind))
        raise AssertionError  # counting has no end

    def prepare(
        self, staging: Staging, variant: int, mark: Mark | None = None
    ) -> result.Result[Prepared, Failure]:
        """Verify and mark copies of all media files in the staging folder.

        What is copied, verified and published is one and the same inode, which no other program
        has ever had open.
        """
        copies = staging.path.with_name(staging.name + COPIES_SUFFIX)
        try:
            if missing := missing_root(self._root):
                return result.Failure(missing)
            if not os.path.lexists(self._staging):
                message = f"{self._staging} disappeared during the render: is its volume mounted?"
                return result.Failure(Failure(FailureCode.OUTPUT_ROOT_MISSING, message))
            delete_tree(copies)
            copies.mkdir(PRIVATE_MODE)
            files = collect_outputs(
                staging.path, staging.kind, copies, self._limits, self._marker, mark
            )
            copies.chmod(_PUBLIC_MODE)
        except InvalidMediaError as error:
            return result.Failure(error.failure())
        except MemoryError:
            message = "The machine did not have enough memory to copy a media file."
            return result.Failure(Failure(FailureCode.OUT_OF_MEMORY, message))
        except OSError as error:
            return result.Failure(os_failure(error, self._root, "store the files"))
        return result.Success(Prepared(staging, variant, files))

    def planned_paths(self, key: RenderKey) -> tuple[str, ...]:
        """The paths of the files that a render planned to publish, whether or not they exist."""
        plan = self._read_plan(key)
        return tuple(artifact.file_path for artifact in plan.artifacts) if plan else ()

    def leftovers(self) -> frozenset[RenderKey]:
        """The renders of this database that left something in the staging folder."""
        try:
            names = [entry.name for entry in self._staging.iterdir()]
        except OSError:
            return frozenset()
        matches = filter(None, map(self._name_pattern.match, names))
        return frozenset(
            RenderKey(int(match["prompt"]), int(match["render"]), match["token"] or "")
            for match in matches
        )

    def sweep(self, key: RenderKey, *, keep_placed: bool) -> None:
        """Delete what a closed render left; its plan goes last, so that this can be resumed."""
        plan = None if keep_placed else self._read_plan(key)
        if plan is not None and not self._unpublish(key, plan):
            return
        own_name = self._staged(key, "").name
        with contextlib.suppress(OSError):
            for entry in sorted(self._staging.iterdir()):
                match = self._name_pattern.match(entry.name)
                if match and match[0] == own_name and entry.suffix != PLAN_SUFFIX:
                    with contextlib.suppress(OSError):
                        delete_tree(entry)
        with contextlib.suppress(OSError, RepositoryError):  # the next sweep drops it
            if self._plans is not None:
                self._plans.drop(key)
            self._staged(key, PLAN_SUFFIX).unlink(missing_ok=True)

    @abstractmethod
    def _unpublish(self, key: RenderKey, plan: Plan) -> bool:
        """Delete the published files of a plan that are unchanged.

        Returns:
            False if that must be tried again, for which the plan is kept.
        """

    def _read_plan(self, key: RenderKey) -> Plan | None:
        """What a render planned to publish; None if it wrote no plan, or the plan is damaged."""
        return read_plan(self._staged(key, PLAN_SUFFIX))

    def _staged(self, key: RenderKey, suffix: str) -> Path:
        """The path of something that belongs to a render in the staging folder."""
        token = key.token and f"-{key.token}"
        name = f"{self._namespace}-{key.prompt_id}-{key.render_id}{token}{suffix}"
        return self._staging / name


class FilesystemArtifactStore(StagingArea):
    """Stores media files in a tree of folders (contract, section 4).

    Safe to use from several threads, and beside other programs that use the same tree.

    Args:
        output_root: absolute path; it must exist, and is never made.
        namespace: beginning of the names of staging folders, unique for the database.
        limits: on what one workflow may leave.
        other_folders: folders that are also written to; their volumes need the same free space.
        marker: marks files between verification and publication; None for no marks.
    """

    def __init__(
        self,
        output_root: Path,
        namespace: str,
        limits: StoreLimits,
        other_folders: Collection[Path] = (),
        marker: Marker | None = None,
    ) -> None:
        super().__init__(output_root, namespace, limits, marker)
        self._other_folders = tuple(other_folders)
        self._durable_kinds: set[Kind] = set()
        self._flusher = Flusher()

    def preflight(self) -> Failure | None:
        """Why nothing could be stored now, or None; nothing is written."""
        # The permissions of the effective user count, where the system can check them.
        effective = os.access in os.supports_effective_ids
        min_free_bytes = self._limits.min_free_bytes
        try:
            if failure := missing_root(self._root):
                return failure
            kinds = (self._root / kind.value for kind in Kind)
            for folder in (self._root, self._staging, *kinds):
                # In this order: another slot may make the folder between the two.
                exists = os.path.lexists(folder)
                if exists and not os.access(folder, os.W_OK | os.X_OK, effective_ids=effective):
                    message = f"This program may not write to {folder}."
                    return Failure(FailureCode.OUTPUT_NOT_WRITABLE, message)
            if failure := low_space(self._root, min_free_bytes):
                return failure
        except OSError as error:
            return os_failure(error, self._root, "look")
        for folder in self._other_folders:
            # A volume that does not answer is reported by the part of the program that uses it.
            with contextlib.suppress(OSError):
                if failure := low_space(folder, min_free_bytes):
                    return failure
        return None

    def place(
        self,
        prepared: Sequence[Prepared],
        key: RenderKey,
        at: datetime,
        describe: Describe,
    ) -> result.Result[tuple[StoredFolder, ...], Failure]:
        """Rename every prepared folder to its final name, or none; a plan is written first.

        Files, folders and plan are flushed together before the first folder is renamed.
        """
        stagings = [copies.staging for copies in prepared]
        sources = [folder.path.with_name(folder.name + COPIES_SUFFIX) for folder in stagings]
        plan_file = self._staged(key, PLAN_SUFFIX)
        written = [
            *(
                folder / file.name
                for folder, copies in zip(sources, prepared, strict=True)
                for file in copies.files
            ),
            *sources,
            plan_file,
            self._staging,
        ]
        try:
            for attempt in itertools.count(1):
                stored = tuple(
                    StoredFolder(
                        copies.staging.kind,
                        folder_name(key.prompt_id, at, copies.variant, attempt),
                        copies.files,
                    )
                    for copies in prepared
                )
                targets = [self._root / folder.kind.value / folder.folder for folder in stored]
                if any(map(os.path.lexists, targets)):
                    continue
                plan = Plan(stored, tuple(describe(stored)))
                write_plan(plan_file, plan)
                kinds = {folder.kind for folder in stored}
                for kind in kinds:
                    make_folder(self._root / kind.value, _PUBLIC_MODE)
                # The creator of a kind's folder may have died before making it durable.
                root = () if kinds <= self._durable_kinds else (self._root,)
                self._flusher.flush_all([*written, *root])
                self._durable_kinds |= kinds
                if move_folders(list(zip(sources, targets, strict=True))):
                    return result.Success(stored)
        except OSError as error:
            return result.Failure(os_failure(error, self._root, "store the files"))
        raise AssertionError  # counting has no end

    def finished(self, key: RenderKey) -> tuple[Artifact, ...] | None:
        """The rows for what a render published, if every file of it is there and whole.

        The worker may have died before its folders' final names were durable, so they are flushed.
        """
        plan = self._read_plan(key)
        if plan is None:
            return None
        folders = [self._root / folder.kind.value / folder.folder for folder in plan.folders]
        if not all(
            is_whole(path, folder.files) for path, folder in zip(folders, plan.folders, strict=True)
        ):
            return None
        try:
            for parent in {path.parent for path in folders}:
                flush_path(parent)
        except OSError:
            return None
        return plan.artifacts

    def _unpublish(self, key: RenderKey, plan: Plan) -> bool:
        for folder in plan.folders:
            trash = self._staged(key, f"-withdrawn-{folder.folder}")
            with contextlib.suppress(OSError):
                published = self._root / folder.kind.value / folder.folder
                unpublish(published, folder.files, trash)
        return True


def missing_root(root: Path) -> Failure | None:
    """The failure of a root that is not an existing folder, or None.

    Raises:
        OSError: this program may not look.
    """
    if not root.exists():
        return Failure(
            FailureCode.OUTPUT_ROOT_MISSING,
            f"The output root {root} does not exist. Media Generator does not create it,"
            " because it may be on a volume that is not mounted.",
        )
    if not root.is_dir():
        return Failure(FailureCode.OUTPUT_ROOT_MISSING, f"The output root {root} is not a folder.")
    return None


def free_bytes(folder: Path) -> int | None:
    """Bytes that this user may still write to the volume of a folder; None if it is unknown.

    Raises:
        OSError: the volume does not answer.
    """
    volume = os.statvfs(folder)
    # Some network volumes do not know their size and report zeros.
    return volume.f_bavail * volume.f_frsize if volume.f_blocks else None


def low_space(folder: Path, min_free_bytes: int) -> Failure | None:
    """The failure of a volume with less free space than the minimum, or None.

    Args:
        folder: any folder on the volume.
        min_free_bytes: the minimum in bytes; 0 for none.

    Raises:
        OSError: the volume does not answer.
    """
    free = free_bytes(folder) if min_free_bytes else None
    if free is None or free >= min_free_bytes:
        return None
    return Failure(
        FailureCode.DISK_FULL,
        f"Only {format_bytes(free)} are free on the volume of {folder}; no render starts below"
        f" {format_bytes(min_free_bytes)} ({MIN_FREE_BYTES_KEY}).",
    )


def format_bytes(size: int) -> str:
    """A number of bytes for people: "16.0 MiB"."""
    if size < _STEP:
        return f"{size} bytes"
    amount = size / _STEP
    for unit in _UNITS[:-1]:
        if amount < _STEP - 0.05:
            return f"{amount:.1f} {unit}"
        amount /= _STEP
    return f"{amount:,.1f} {_UNITS[-1]}"


def os_failure(error: OSError, root: Path, action: str) -> Failure:
    """Translate an error of the operating system that was met while working below the root.

    Args:
        error: the error.
        root: the output root; if it is gone, that is the failure, whatever the error.
        action: what failed, to follow "Could not" ("store the files").
    """
    if error.errno in _DISK_FULL:
        return Failure(
            FailureCode.DISK_FULL, f"No free space is left under {root} ({error.strerror})."
        )
    if error.errno in _TOO_MANY_OPEN_FILES:
        return Failure(
            FailureCode.TOO_MANY_OPEN_FILES,
            f"Could not {action} under {root}: {error.strerror}.",
        )
    if error.errno in _VOLUME_GONE:
        return Failure(
            FailureCode.OUTPUT_ROOT_MISSING,
            f"The volume of {root} no longer answers ({error.strerror}).",
        )
    if error.errno not in _NOT_PERMITTED:
        with contextlib.suppress(OSError):
            if missing := missing_root(root):
                return missing
    if error.errno == errno.EXDEV:
        return Failure(
            FailureCode.OUTPUT_NOT_WRITABLE,
            f"Could not {action} under {root}: its image or audio folder is on another volume"
            " than the root itself, so that no folder can be moved there in one step.",
        )
    return Failure(
        FailureCode.OUTPUT_NOT_WRITABLE,
        f"Could not {action} under {root}: {error.strerror or error}.",
    )
