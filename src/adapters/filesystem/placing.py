"""Moving a finished folder to its final name."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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
