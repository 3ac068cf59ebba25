"""Making private folders, and moving finished ones to their final names."""

from __future__ import annotations

import contextlib
import itertools
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PRIVATE = 0o700


def make_folder(folder: Path, mode: int) -> bool:
    """Make one folder, whose parent must exist, with a mode that the umask does not touch.

    Returns:
        Whether it was made; False when there is one already.

    Raises:
        OSError: it cannot be made, or something that is no folder has that name.
    """
    try:
        folder.mkdir(mode)
    except FileExistsError:
        if not folder.is_dir():
            raise
        return False
    folder.chmod(mode)
    return True


def make_private(staging: Path, name: str) -> str:
    """Make a folder that only this user may enter, under the first free name like this one.

    The folder of all staging folders is made too where it is missing.

    Raises:
        OSError: it cannot be made.
    """
    for number in itertools.count(1):
        free = name if number == 1 else f"{name}_{number}"
        try:
            (staging / free).mkdir(PRIVATE)
        except FileExistsError:
            continue
        except FileNotFoundError:
            make_folder(staging, PRIVATE)
            (staging / free).mkdir(PRIVATE)
        return free
    raise AssertionError  # counting has no end


def move(folder: Path, target: Path) -> bool:
    """Rename a folder, unless something has the new name already.

    Nothing is ever replaced. Between programs like this one `rename` itself decides: no two
    can win, since a folder with files in it never gives way (POSIX, rename). An empty one
    would, so a name that exists in whatever form is passed over; a lock of our own would not
    bind the strangers who could make one in the microseconds between.
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


def move_back(moved: Sequence[tuple[Path, Path]]) -> None:
    """Undo moves, given as pairs of old and new place, as far as that is possible."""
    for source, target in moved:
        with contextlib.suppress(OSError):
            target.rename(source)
