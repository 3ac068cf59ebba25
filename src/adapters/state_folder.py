"""The folder for the state of one database's workers, which only its owner can read."""

from __future__ import annotations

import hashlib
import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_PRIVATE = 0o700
_MAX_IDENTITY = 1000  # bytes
_DIGITS = 16  # of the hash; enough to distinguish the databases of a machine


def state_folder(root: Path, database: Path) -> Path:
    """The folder of a database below the state folder; nothing is created or opened.

    Args:
        root: the state folder.
        database: its path; links are resolved, so that every link leads to the same folder.
    """
    return state_folder_of(root, os.path.realpath(database))


def state_folder_of(root: Path, name: str) -> Path:
    """The folder of a database that has no path, by its name."""
    digest = hashlib.sha256(os.fsencode(name)).hexdigest()
    return root / digest[:_DIGITS]


def remember_identity(root: Path, address: str, identity: str) -> None:
    """Note what a database calls itself, for when it cannot be reached; failures do not matter.

    Args:
        root: the state folder.
        address: of the database.
        identity: the name for :func:`state_folder_of`.
    """
    if remembered_identity(root, address) != identity:
        with suppress(OSError):
            root.mkdir(parents=True, exist_ok=True, mode=_PRIVATE)
            replace_file(_identity_file(root, address), identity.encode())


def remembered_identity(root: Path, address: str) -> str:
    """What the database at an address last called itself; "" if that is unknown."""
    content = read_file(_identity_file(root, address), _MAX_IDENTITY)
    return content.decode("utf-8", "replace")


def _identity_file(root: Path, address: str) -> Path:
    return state_folder_of(root, address).with_suffix(".database")


def make_private(folder: Path) -> None:
    """Create a folder that only its owner can read, with its missing parents.

    Raises:
        OSError: it cannot be created, or belongs to another user.
    """
    folder.parent.mkdir(parents=True, exist_ok=True, mode=_PRIVATE)
    folder.mkdir(exist_ok=True, mode=_PRIVATE)
    if stat.S_IMODE(folder.stat().st_mode) != _PRIVATE:
        folder.chmod(_PRIVATE)


def read_file(path: Path, max_bytes: int) -> bytes:
    """Content of a file; b"" if it cannot be read or is longer than ``max_bytes``."""
    try:
        with path.open("rb") as file:
            content = file.read(max_bytes + 1)
    except OSError:
        return b""
    return content if len(content) <= max_bytes else b""


def replace_file(path: Path, content: bytes) -> None:
    """Write a file that only its owner can read, in place of an existing one.

    Raises:
        OSError: it cannot be written; an existing file is unchanged, and no partial one is left.
    """
    partial = path.with_suffix(".tmp")
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        with os.fdopen(os.open(partial, flags, 0o600), "wb") as file:
            file.write(content)
        partial.replace(path)
    except OSError:
        with suppress(OSError):
            partial.unlink()
        raise
