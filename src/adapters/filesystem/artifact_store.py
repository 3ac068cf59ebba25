"""The output tree on a file system, behind the port `ArtifactStore`."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
from typing import TYPE_CHECKING

from returns import result

from adapters.filesystem.durability import flush_folder
from adapters.filesystem.gathering import gather
from adapters.filesystem.os_failures import failure_of, missing_root
from adapters.filesystem.placing import PRIVATE, make_folder, make_private, move, move_back
from adapters.filesystem.plan import PLAN_SUFFIX, Plan, read_plan, write_plan
from adapters.filesystem.preflight import STAGING_FOLDER, obstacle
from adapters.filesystem.removal import remove_tree
from adapters.filesystem.unfit import UnfitError
from adapters.filesystem.withdrawal import is_whole, withdraw_folder
from application.ports.artifact_store import (
    Prepared,
    RenderTrace,
    Staging,
    StoredFolder,
    named_folders,
)
from domain.failure import Failure, FailureCode

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime
    from pathlib import Path

    from adapters.filesystem.limits import StoreLimits
    from application.ports.artifact_store import Describe
    from domain.artifact import Artifact, MediaFacts
    from domain.kind import Kind

_PUBLIC = 0o755


class FilesystemArtifactStore:
    """Keeps media files whole in a tree of folders (contract, section 4).

    Safe to use from several threads, and beside other programs that use the same tree.

    Args:
        output_root: absolute; it must exist, and is never made.
        namespace: begins the names of staging folders, unique for the database.
        limits: on what one workflow may leave.
        others: folders that are written to as well; their volumes must have room too.
    """

    def __init__(
        self,
        output_root: Path,
        namespace: str,
        limits: StoreLimits,
        others: Collection[Path] = (),
    ) -> None:
        self._root = output_root
        self._others = tuple(others)
        self._staging = output_root / STAGING_FOLDER
        self._namespace = namespace
        self._limits = limits
        self._durable_shelves: set[Kind] = set()
        self._trace_name = re.compile(
            rf"{re.escape(namespace)}-(?P<prompt>\d+)-(?P<render>\d+)(?![\d])", re.ASCII
        )

    def preflight(self) -> Failure | None:
        """What would keep every folder from being stored, or None; nothing is written."""
        return obstacle(self._root, self._limits.min_free_bytes, self._others)

    def open_staging(
        self, kind: Kind, trace: RenderTrace, variant: int
    ) -> result.Result[Staging, Failure]:
        """Make an empty folder for a job, which only this user may enter.

        Where a folder of that name is left from another life (a database brought back from a
        copy counts its renders again), that one is left alone and this one gets a number.
        """
        name = self._stem(trace)
        if variant > 1:
            name += f"-v{variant}"
        try:
            free = make_private(self._staging, name)
        except OSError as error:
            return result.Failure(failure_of(error, self._root, "make a staging folder"))
        return result.Success(Staging(free, self._staging / free, kind))

    def prepare(self, staging: Staging, variant: int) -> result.Result[Prepared, Failure]:
        """Verify copies of all media files in the staging folder and make them durable.

        What is copied, verified and published is one and the same inode, which nobody else has
        ever had open.
        """
        try:
            files = self._gather(staging, self._fresh_of(staging))
        except UnfitError as error:
            return result.Failure(error.failure())
        except MemoryError:
            return result.Failure(_no_memory())
        except OSError as error:
            return result.Failure(failure_of(error, self._root, "store the files"))
        return result.Success(Prepared(staging, variant, files))

    def place(
        self,
        prepared: Sequence[Prepared],
        trace: RenderTrace,
        at: datetime,
        describe: Describe,
    ) -> result.Result[tuple[StoredFolder, ...], Failure]:
        """Give every prepared folder its final name, or none; written down before."""
        try:
            stored = self._place(prepared, trace, at, describe)
        except OSError as error:
            return result.Failure(failure_of(error, self._root, "store the files"))
        return result.Success(stored)

    def finished(self, trace: RenderTrace) -> tuple[Artifact, ...] | None:
        """The rows for what a render placed, if every file of it is there and whole."""
        plan = self._plan_of(trace)
        if plan is None or not all(is_whole(self._path(each), each.files) for each in plan.folders):
            return None
        return plan.artifacts

    def written_down(self, trace: RenderTrace) -> tuple[str, ...]:
        """The paths of the files that a render was about to place, whether they are there."""
        plan = self._plan_of(trace)
        return tuple(artifact.file_path for artifact in plan.artifacts) if plan else ()

    def traces(self) -> frozenset[RenderTrace]:
        """The renders of this database that left something in the staging area."""
        try:
            names = [entry.name for entry in self._staging.iterdir()]
        except OSError:
            return frozenset()
        matches = (self._trace_name.match(name) for name in names)
        return frozenset(
            RenderTrace(int(found["prompt"]), int(found["render"])) for found in matches if found
        )

    def sweep(self, trace: RenderTrace, *, keep_placed: bool) -> None:
        """Remove what a render that is closed left; its plan goes last, so it can be resumed."""
        plan = None if keep_placed else self._plan_of(trace)
        if plan is not None:
            for folder in plan.folders:
                wastebasket = f"{self._stem(trace)}-withdrawn-{folder.folder}"
                with contextlib.suppress(OSError):
                    withdraw_folder(self._path(folder), folder.files, self._staging / wastebasket)
        with contextlib.suppress(OSError):
            for entry in sorted(self._staging.iterdir()):
                found = self._trace_name.match(entry.name)
                if found and entry.suffix != PLAN_SUFFIX and _is_of(found, trace):
                    with contextlib.suppress(OSError):
                        remove_tree(entry)
            self._plan_file(trace).unlink(missing_ok=True)

    def _place(
        self,
        prepared: Sequence[Prepared],
        trace: RenderTrace,
        at: datetime,
        describe: Describe,
    ) -> tuple[StoredFolder, ...]:
        for clash in itertools.count(1):
            stored = named_folders(prepared, trace, at, clash)
            if any(os.path.lexists(self._path(folder)) for folder in stored):
                continue
            plan = Plan(stored, tuple(describe(stored)))
            write_plan(self._plan_file(trace), plan)
            if self._move_all(prepared, stored):
                return stored
        raise AssertionError  # counting has no end

    def _move_all(self, prepared: Sequence[Prepared], stored: Sequence[StoredFolder]) -> bool:
        """Rename every folder, or none when somebody was faster with one of the names."""
        moved: list[tuple[Path, Path]] = []
        try:
            for each, folder in zip(prepared, stored, strict=True):
                self._shelf(folder.kind)
                source, target = self._fresh_of(each.staging), self._path(folder)
                if not move(source, target):
                    move_back(moved)
                    return False
                moved.append((source, target))
            for kind in {folder.kind for folder in stored}:
                flush_folder(self._root / kind.value)
        except OSError:
            move_back(moved)
            raise
        return True

    def _path(self, stored: StoredFolder) -> Path:
        return self._root / stored.kind.value / stored.folder

    def _stem(self, trace: RenderTrace) -> str:
        return f"{self._namespace}-{trace.prompt_id}-{trace.render_id}"

    def _plan_file(self, trace: RenderTrace) -> Path:
        return self._staging / f"{self._stem(trace)}{PLAN_SUFFIX}"

    def _plan_of(self, trace: RenderTrace) -> Plan | None:
        return read_plan(self._plan_file(trace))

    def _fresh_of(self, staging: Staging) -> Path:
        """Where the copies of a staging folder's files are made."""
        return self._staging / f"{staging.name}.final"

    def _gather(self, staging: Staging, fresh: Path) -> tuple[MediaFacts, ...]:
        """Fill the fresh folder, and make it durable."""
        missing = missing_root(self._root)
        if missing is not None:
            raise UnfitError(missing.code, missing.message)
        if not os.path.lexists(self._staging):
            raise UnfitError(
                FailureCode.OUTPUT_ROOT_MISSING,
                f"{self._staging} vanished in mid-render: is the volume still mounted?",
            )
        remove_tree(fresh)
        fresh.mkdir(PRIVATE)
        files = gather(staging.path, staging.kind, fresh, self._limits)
        fresh.chmod(_PUBLIC)
        flush_folder(fresh)
        return files

    def _shelf(self, kind: Kind) -> Path:
        """The folder of all media of a kind, made when needed, durable itself."""
        shelf = self._root / kind.value
        make_folder(shelf, _PUBLIC)
        if kind not in self._durable_shelves:
            # Also when it was there: whoever made it may have died before making it durable.
            flush_folder(self._root)
            self._durable_shelves.add(kind)
        return shelf


def _is_of(found: re.Match[str], trace: RenderTrace) -> bool:
    return (int(found["prompt"]), int(found["render"])) == (trace.prompt_id, trace.render_id)


def _no_memory() -> Failure:
    return Failure(
        FailureCode.OUT_OF_MEMORY, "The machine had no memory left to copy a media file."
    )
