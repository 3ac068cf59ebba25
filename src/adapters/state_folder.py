"""Where the state of one database's workers is kept: a folder that only its owner can read."""

from __future__ import annotations

import hashlib
import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_PRIVATE = 0o700
_DIGITS = 16  # of the hash; enough to tell any two databases of a machine apart


def state_folder(root: Path, database: Path) -> Path:
    """The folder of a database below the state folder; nothing is made or opened.

    The database goes by its resolved path, whatever link it was reached through.
    """
    resolved = os.path.realpath(database)
    digest = hashlib.sha256(os.fsencode(resolved)).hexdigest()
    return root / digest[:_DIGITS]


def make_private(folder: Path) -> None:
    """Make a folder for its owner alone, with all above it that are missing.

    Raises:
        OSError: it cannot be made, or is somebody else's.
    """
    folder.parent.mkdir(parents=True, exist_ok=True, mode=_PRIVATE)
    folder.mkdir(exist_ok=True, mode=_PRIVATE)
    if stat.S_IMODE(folder.stat().st_mode) != _PRIVATE:
        folder.chmod(_PRIVATE)
