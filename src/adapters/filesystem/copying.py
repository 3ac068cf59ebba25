"""Copies that nobody else can write to."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters.filesystem.opening import FILE, open_strangers, refuse_unless_plain, shown
from adapters.filesystem.unfit import UnfitError

if TYPE_CHECKING:
    from pathlib import Path

_PIECE = 1024 * 1024
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Copied:
    """What was measured on the way: size in bytes, and SHA-256 in hexadecimal digits."""

    size: int
    sha256: str


def copy_strangers(top: int, path: tuple[str, ...], target: Path, most: int) -> Copied:
    """Copy a file below an open folder into a new file, and hash what is written.

    A writer that outlived its workflow keeps the old inode: it cannot reach the copy.

    Args:
        top: the open folder.
        path: relative to it.
        target: must not exist; it is made with mode 644 whatever the umask.
        most: bytes that are copied at most; a file may grow while it is read.

    Raises:
        UnfitError: the file is no regular file of its own, cannot be opened, or is too long.
        OSError: the copy cannot be written.
    """
    source = open_strangers(path, FILE, top)
    try:
        refuse_unless_plain(os.fstat(source), path)
        copy = os.open(target, _NEW_FILE, 0o600)
        try:
            copied = _pump(source, copy, path, most)
            os.fchmod(copy, 0o644)
        finally:
            os.close(copy)
    finally:
        os.close(source)
    return copied


def _pump(source: int, copy: int, path: tuple[str, ...], most: int) -> Copied:
    """Move all bytes from one descriptor to another."""
    digest = hashlib.sha256()
    size = 0
    while piece := os.read(source, _PIECE):
        size += len(piece)
        if size > most:
            raise UnfitError.too_much(f"{shown(path)} grew past all caps while it was read.")
        digest.update(piece)
        view = memoryview(piece)
        while view:
            view = view[os.write(copy, view) :]
    return Copied(size, digest.hexdigest())
