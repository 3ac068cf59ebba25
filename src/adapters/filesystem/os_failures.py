"""What an error of the operating system means for the queue."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from domain.failure import Failure, FailureCode

if TYPE_CHECKING:
    from pathlib import Path

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
# A volume that went away under us: its folder may still be listed, but answers nothing.
_GONE = frozenset({errno.ENODEV, errno.ENOTCONN, errno.ENXIO, errno.ESTALE})
_NO_RIGHT = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})


def missing_root(root: Path) -> Failure | None:
    """The failure of a root that is not an existing folder, or None when it is one.

    Raises:
        OSError: it cannot be told, for want of rights.
    """
    if not root.exists():
        return Failure(
            FailureCode.OUTPUT_ROOT_MISSING,
            f"The output root {root} does not exist. It is never made for you,"
            " because that would fill the folder under a volume that is not mounted.",
        )
    if not root.is_dir():
        return Failure(FailureCode.OUTPUT_ROOT_MISSING, f"The output root {root} is not a folder.")
    return None


def failure_of(error: OSError, root: Path, action: str) -> Failure:
    """Translate an error met while writing below the root.

    Args:
        error: what the system said.
        root: the output root; when it is gone, that is the failure, whatever the error.
        action: what was tried, after "could not".
    """
    if error.errno in _NO_ROOM:
        return Failure(FailureCode.DISK_FULL, f"No room was left under {root} ({error.strerror}).")
    missing = _lost_root(error, root)
    if missing is not None:
        return missing
    if error.errno == errno.EXDEV:
        return Failure(
            FailureCode.OUTPUT_NOT_WRITABLE,
            f"Could not {action} under {root}: its image or audio folder lies on another volume"
            " than the root itself, so that no folder can be moved there in one step.",
        )
    return Failure(
        FailureCode.OUTPUT_NOT_WRITABLE,
        f"Could not {action} under {root}: {error.strerror or error}.",
    )


def _lost_root(error: OSError, root: Path) -> Failure | None:
    """The failure of a root that is gone, or None when the error has another cause."""
    if error.errno in _GONE:
        return Failure(
            FailureCode.OUTPUT_ROOT_MISSING,
            f"The volume of {root} does not answer any more ({error.strerror}).",
        )
    try:
        return None if error.errno in _NO_RIGHT else missing_root(root)
    except OSError:
        return None
