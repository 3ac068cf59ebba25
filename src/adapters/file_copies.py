"""Copies of files: they share the blocks of the original where the file system can."""

from __future__ import annotations

import fcntl
import io
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import hashlib
    from pathlib import Path

FICLONE: Final = 0x40049409
"""Lets a file share the blocks of another one, where the file system can (ioctl_ficlone(2))."""

_NEW_FILE_FLAGS = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_READ_BYTES = 256 * 1024  # at a time, so that they stay in the processor's cache


def copy_file(
    source: io.RawIOBase,
    target: Path,
    digest: hashlib._Hash | None = None,
    max_bytes: int | None = None,
) -> int:
    """Copy an open file into a new one, and hash what is in the copy.

    A writer of the source cannot reach the copy: one that shares the blocks keeps them as they
    were, and is read itself.

    Args:
        source: at its beginning; a file, or anything that can be read.
        target: must not exist; it is made with mode 644 whatever the umask.
        digest: of what is in the copy; None if no hash is needed.
        max_bytes: bytes to copy at most, since a file may grow while it is read; None for all.

    Returns:
        Size in bytes. If it is greater than ``max_bytes``, the copy is not complete.

    Raises:
        OSError: the source cannot be read, or the copy cannot be written.
    """
    size = 0
    with io.FileIO(os.open(target, _NEW_FILE_FLAGS, 0o600), "r+b") as copy:
        shares = False
        with suppress(OSError):  # another file system, or an object in a bucket
            fcntl.ioctl(copy, FICLONE, source.fileno())
            shares = True
        buffer = memoryview(bytearray(_READ_BYTES))
        while count := (copy if shares else source).readinto(buffer):
            size += count
            if max_bytes is not None and size > max_bytes:
                break
            rest = buffer[:count]
            if digest is not None:
                digest.update(rest)
            while rest and not shares:
                rest = rest[os.write(copy.fileno(), rest) :]
        os.fchmod(copy.fileno(), 0o644)
    return size
