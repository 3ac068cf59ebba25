"""Opening a published file by its path, without ever leaving the output root."""

from __future__ import annotations

import errno
import io
import os
import stat
from typing import TYPE_CHECKING

from domain.served_path import is_servable

if TYPE_CHECKING:
    from pathlib import Path

_ROOT = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC  # the root itself may be reached by a link
_FOLDER = _ROOT | os.O_NOFOLLOW
# O_NONBLOCK, or a named pipe would keep us waiting for somebody to write to it.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

# Errors that say something about the path and nothing about the machine. Linux and macOS refuse
# a link with ELOOP or ENOTDIR, a socket with ENXIO or EOPNOTSUPP.
_NOT_THERE = frozenset(
    {
        errno.EACCES,
        errno.EINVAL,
        errno.ELOOP,
        errno.ENAMETOOLONG,
        errno.ENOENT,
        errno.ENOTDIR,
        errno.ENXIO,
        errno.EOPNOTSUPP,
        errno.EPERM,
    }
)


def open_published(root: Path, path: str) -> io.FileIO | None:
    """Open a plain file below the root.

    No part of the path may be a link: each folder is opened within the one before, so that
    nothing changes between a look and a use.

    Args:
        root: the output root.
        path: POSIX-style, relative to it.

    Returns:
        The file at its beginning, unbuffered; None when there is no such file that may be shown.

    Raises:
        OSError: the system cannot open or read anything there just now.
    """
    if not is_servable(path):
        return None
    try:
        descriptor = _descend(root, path.split("/"))
    except OSError as error:
        if error.errno in _NOT_THERE:
            return None
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return None
    return io.FileIO(descriptor, "rb")


def _descend(root: Path, parts: list[str]) -> int:
    """The descriptor of the last part."""
    folder = os.open(root, _ROOT)
    try:
        for part in parts[:-1]:
            deeper = os.open(part, _FOLDER, dir_fd=folder)
            os.close(folder)
            folder = deeper
        return os.open(parts[-1], _FILE, dir_fd=folder)
    finally:
        os.close(folder)
