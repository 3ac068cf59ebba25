"""Moving a finished folder to its final name."""

from __future__ import annotations

import itertools
import os
from typing import TYPE_CHECKING

from adapters.filesystem.durability import flush_folder
from adapters.filesystem.removal import remove_tree

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


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


def place(folder: Path, shelf: Path, name_of_try: Callable[[int], str]) -> str:
    """Give a folder the first free name on a shelf, for good.

    Nothing is ever replaced. Between programs like this one `rename` itself decides: no two
    can win, since a folder with files in it never gives way (POSIX, rename). An empty one
    would, so a name that exists in whatever form is passed over; a lock of our own would not
    bind the strangers who could make one in the microseconds between.

    Args:
        folder: durable, and not empty.
        shelf: an existing folder on the same file system.
        name_of_try: the name to try first, second, ...

    Returns:
        The name, once it is durable.

    Raises:
        OSError: the folder could not be moved, or the move could not be made durable and has
            been undone.
    """
    names = (name_of_try(number) for number in itertools.count(1))
    target = next(shelf / name for name in names if _move(folder, shelf / name))
    try:
        flush_folder(shelf)
    except OSError:
        remove_tree(target)
        raise
    return target.name


def _move(folder: Path, target: Path) -> bool:
    """Rename a folder, unless something has the new name already."""
    if os.path.lexists(target):
        return False
    try:
        folder.rename(target)
    except OSError:
        if os.path.lexists(target):
            return False
        raise
    return True
