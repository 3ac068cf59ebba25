"""Making sure that what was written survives a loss of power."""

from __future__ import annotations

import errno
import fcntl
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

# Some network and FUSE file systems cannot flush a folder, and need not.
_FOLDER_CANNOT_FLUSH = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EBADF})


def flush(descriptor: int) -> None:
    """Wait until an open file is on the medium itself.

    On macOS `fsync` leaves the data in the drive's own cache; `F_FULLFSYNC` does not (Apple's
    manual page of fsync(2)). Where a file system lacks it, `fsync` is what there is.

    Raises:
        OSError: the data did not reach the medium.
    """
    full_flush = getattr(fcntl, "F_FULLFSYNC", None)
    if full_flush is not None:
        try:
            fcntl.fcntl(descriptor, full_flush)
        except OSError as error:
            if error.errno not in {errno.EINVAL, errno.ENOTSUP, errno.ENOTTY}:
                raise
        else:
            return
    os.fsync(descriptor)


def flush_folder(folder: Path) -> None:
    """Wait until the entries of a folder are on the medium.

    Raises:
        OSError: they did not reach it, or the folder is not there.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        flush(descriptor)
    except OSError as error:
        if error.errno not in _FOLDER_CANNOT_FLUSH:
            raise
    finally:
        os.close(descriptor)
