"""What would keep every folder from being stored, found out without writing."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from adapters.filesystem.os_failures import failure_of, missing_root
from adapters.filesystem.room import no_room
from domain.failure import Failure, FailureCode
from domain.kind import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

STAGING_FOLDER = ".staging"
FOLDERS = (STAGING_FOLDER, *(kind.value for kind in Kind))


def obstacle(root: Path, min_free_bytes: int, others: Iterable[Path] = ()) -> Failure | None:
    """Why nothing could be stored below the root now, or None.

    A handful of system calls, none of which writes.

    Args:
        root: of the output tree.
        min_free_bytes: room that its volume must have; 0 for none.
        others: folders whose volumes must have that room too.
    """
    try:
        failure = missing_root(root) or _unwritable(root) or no_room(root, min_free_bytes)
    except OSError as error:
        return failure_of(error, root, "look")
    return failure or _no_room_elsewhere(others, min_free_bytes)


def may_write(folder: Path) -> bool:
    """Whether this process may make entries in a folder; False also when there is none."""
    # The rights that count are those of the effective user, where the system can tell.
    effective = os.access in os.supports_effective_ids
    return os.access(folder, os.W_OK | os.X_OK, effective_ids=effective)


def _unwritable(root: Path) -> Failure | None:
    for folder in (root, *(root / name for name in FOLDERS)):
        if not may_write(folder) and os.path.lexists(folder):
            return Failure(
                FailureCode.OUTPUT_NOT_WRITABLE, f"This program may not write to {folder}."
            )
    return None


def _no_room_elsewhere(folders: Iterable[Path], min_free_bytes: int) -> Failure | None:
    for folder in folders:
        # A volume that does not answer is told by whoever works on it.
        with contextlib.suppress(OSError):
            if failure := no_room(folder, min_free_bytes):
                return failure
    return None
