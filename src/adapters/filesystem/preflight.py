"""What would keep every folder from being stored, found out without writing."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from adapters.filesystem.os_failures import failure_of, missing_root
from domain.failure import Failure, FailureCode
from domain.kind import Kind

if TYPE_CHECKING:
    from pathlib import Path

STAGING_FOLDER = ".staging"
FOLDERS = (STAGING_FOLDER, *(kind.value for kind in Kind))


def obstacle(root: Path, min_free_bytes: int) -> Failure | None:
    """Why nothing could be stored below the root now, or None.

    A handful of system calls, none of which writes.
    """
    try:
        return missing_root(root) or _unwritable(root) or no_room(root, min_free_bytes)
    except OSError as error:
        return failure_of(error, root, "look")


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


def no_room(root: Path, min_free_bytes: int) -> Failure | None:
    """The failure of a volume with too little room, or None."""
    volume = os.statvfs(root)
    free = volume.f_bavail * volume.f_frsize
    # Some network volumes know no size at all and report zeros.
    if volume.f_blocks and free < min_free_bytes:
        return Failure(
            FailureCode.DISK_FULL, f"Only {free:,} bytes are left on the volume of {root}."
        )
    return None
