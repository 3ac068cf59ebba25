"""The output tree on a file system, behind the port `ArtifactStore`."""

from __future__ import annotations

import contextlib
import itertools
import os
from functools import partial
from typing import TYPE_CHECKING

from returns import result

from adapters.filesystem.durability import flush_folder
from adapters.filesystem.gathering import gather
from adapters.filesystem.os_failures import failure_of, missing_root
from adapters.filesystem.placing import make_folder, place
from adapters.filesystem.preflight import STAGING_FOLDER, obstacle
from adapters.filesystem.removal import remove_tree
from adapters.filesystem.unfit import UnfitError
from adapters.filesystem.withdrawal import withdraw_folder
from application.ports.artifact_store import Staging, StoredFolder
from domain.artifact import folder_name
from domain.failure import Failure, FailureCode

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from adapters.filesystem.limits import StoreLimits
    from domain.artifact import MediaFacts
    from domain.kind import Kind

_PRIVATE = 0o700
_PUBLIC = 0o755


class FilesystemArtifactStore:
    """Keeps media files whole in a tree of folders (contract, section 4).

    Safe to use from several threads, and beside other programs that use the same tree.

    Args:
        output_root: absolute; it must exist, and is never made.
        namespace: begins the names of staging folders, unique for the database.
        limits: on what one workflow may leave.
    """

    def __init__(self, output_root: Path, namespace: str, limits: StoreLimits) -> None:
        self._root = output_root
        self._staging = output_root / STAGING_FOLDER
        self._namespace = namespace
        self._limits = limits
        self._durable_shelves: set[Kind] = set()

    def preflight(self) -> Failure | None:
        """What would keep every folder from being stored, or None; nothing is written."""
        return obstacle(self._root, self._limits.min_free_bytes)

    def open_staging(
        self, kind: Kind, prompt_id: int, render_id: int, variant: int
    ) -> result.Result[Staging, Failure]:
        """Make an empty folder for a job, which only this user may enter.

        Where a folder of that name is left from another life (a database brought back from a
        copy counts its renders again), that one is left alone and this one gets a number.
        """
        name = f"{self._namespace}-{prompt_id}-{render_id}"
        if variant > 1:
            name += f"-v{variant}"
        try:
            free = self._make_private(name)
        except OSError as error:
            return result.Failure(failure_of(error, self._root, "make a staging folder"))
        return result.Success(Staging(free, self._staging / free, kind))

    def store(
        self, staging: Staging, prompt_id: int, at: datetime, variant: int
    ) -> result.Result[StoredFolder, Failure]:
        """Verify copies of all media files in the staging folder and make them durable.

        What is copied, verified and published is one and the same inode, which nobody else has
        ever had open. Either the whole folder stands under its final name or nothing is there.
        """
        fresh = self._fresh_of(staging)
        try:
            files = self._gather(staging, fresh)
            shelf = self._shelf(staging.kind)
            folder = place(fresh, shelf, partial(folder_name, prompt_id, at, variant))
        except UnfitError as error:
            return result.Failure(error.failure())
        except MemoryError:
            return result.Failure(_no_memory())
        except OSError as error:
            return result.Failure(failure_of(error, self._root, "store the files"))
        finally:
            # After success there is nothing of that name any more.
            with contextlib.suppress(OSError):
                remove_tree(fresh)
        return result.Success(StoredFolder(staging.kind, folder, files))

    def discard(self, staging: Staging) -> None:
        """Remove a staging folder and all that is in it; what resists is left behind."""
        for folder in (staging.path, self._fresh_of(staging)):
            with contextlib.suppress(OSError):
                remove_tree(folder)

    def withdraw(self, stored: StoredFolder) -> None:
        """Take back a folder, if it is still the one that was stored; what resists stays."""
        folder = self._root / stored.kind.value / stored.folder
        wastebasket = f"{self._namespace}-withdrawn-{stored.kind.value}-{stored.folder}"
        with contextlib.suppress(OSError):
            withdraw_folder(folder, stored.files, self._staging / wastebasket)

    def _make_private(self, name: str) -> str:
        """Make a folder for staging under the first free name like this one."""
        for number in itertools.count(1):
            free = name if number == 1 else f"{name}_{number}"
            try:
                (self._staging / free).mkdir(_PRIVATE)
            except FileExistsError:
                continue
            except FileNotFoundError:
                make_folder(self._staging, _PRIVATE)
                (self._staging / free).mkdir(_PRIVATE)
            return free
        raise AssertionError  # counting has no end

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
        fresh.mkdir(_PRIVATE)
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


def _no_memory() -> Failure:
    return Failure(
        FailureCode.OUT_OF_MEMORY, "The machine had no memory left to verify a media file."
    )
