"""How much room there is on the volumes that are written to, and whether that is enough."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from domain.failure import Failure, FailureCode

if TYPE_CHECKING:
    from pathlib import Path

SETTING = "media.limits.min_free_bytes"
_UNITS = ("KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_STEP = 1024


def free_bytes(folder: Path) -> int | None:
    """What this user may still write to the volume of a folder, in bytes; None if it is unknown.

    Raises:
        OSError: the volume does not answer.
    """
    volume = os.statvfs(folder)
    # Some network volumes know no size at all and report zeros.
    return volume.f_bavail * volume.f_frsize if volume.f_blocks else None


def no_room(folder: Path, floor: int) -> Failure | None:
    """The failure of a volume with less room than the floor, or None; a floor of 0 is none.

    Raises:
        OSError: the volume does not answer.
    """
    free = free_bytes(folder) if floor else None
    if free is None or free >= floor:
        return None
    return Failure(
        FailureCode.DISK_FULL,
        f"Only {in_units(free)} are left on the volume of {folder}; nothing is begun below"
        f" {in_units(floor)} ({SETTING}).",
    )


def in_units(size: int) -> str:
    """A number of bytes for people: "16.0 MiB"."""
    if size < _STEP:
        return f"{size} bytes"
    amount = size / _STEP
    for unit in _UNITS[:-1]:
        if amount < _STEP - 0.05:
            return f"{amount:.1f} {unit}"
        amount /= _STEP
    return f"{amount:,.1f} {_UNITS[-1]}"
