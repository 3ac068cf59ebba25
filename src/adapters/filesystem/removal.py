"""Removing a folder that somebody else filled."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import stat
from typing import TYPE_CHECKING

from adapters.filesystem.opening import FOLDER, names_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def remove_tree(top: Path) -> None:
    """Remove a folder and all that is in it, however deep, without following a link.

    No error when it is not there. A link of that name is removed, its target left alone.
    Folders within are moved up to the top before they are emptied, so that neither the depth
    of the tree nor the length of its paths matters.

    Raises:
        OSError: something in it cannot be removed.
    """
    try:
        descriptor = _open_folder(os.fspath(top), None)
    except FileNotFoundError:
        return
    except OSError as error:
        if error.errno not in {errno.ENOTDIR, errno.ELOOP}:
            raise
        top.unlink(missing_ok=True)
        return
    try:
        _empty(descriptor)
    finally:
        os.close(descriptor)
    with contextlib.suppress(FileNotFoundError):
        top.rmdir()


def _empty(top: int) -> None:
    """Remove every entry of an open folder."""
    fresh = (f".moved-up-{number}" for number in itertools.count())
    while names := names_in(top):
        for name in names:
            if _is_folder(name, top):
                _remove_folder(name, top, fresh)
            else:
                _unlink(name, top)


def _remove_folder(name: str, top: int, fresh: Iterator[str]) -> None:
    """Remove a folder at the top, after its own folders have moved up beside it."""
    descriptor = _open_folder(name, top)
    try:
        for inner in names_in(descriptor):
            if _is_folder(inner, descriptor):
                # Moving a folder rewrites its "..", which needs the right to write to it.
                os.close(_open_folder(inner, descriptor))
                _move_up(inner, descriptor, top, fresh)
            else:
                _unlink(inner, descriptor)
    finally:
        os.close(descriptor)
    with contextlib.suppress(FileNotFoundError):
        os.rmdir(name, dir_fd=top)


def _move_up(name: str, source: int, top: int, fresh: Iterator[str]) -> None:
    """Give a folder a free name at the top."""
    for new in fresh:
        try:
            os.rename(name, new, src_dir_fd=source, dst_dir_fd=top)
        except (FileExistsError, NotADirectoryError):
            continue
        except OSError:
            if not _exists(new, top):
                raise
            continue
        return


def _open_folder(name: str, parent: int | None) -> int:
    """Open a folder with every right that its owner can have."""
    try:
        descriptor = os.open(name, FOLDER, dir_fd=parent)
    except PermissionError:
        os.chmod(name, stat.S_IRWXU, dir_fd=parent)
        descriptor = os.open(name, FOLDER, dir_fd=parent)
    with contextlib.suppress(PermissionError):
        os.fchmod(descriptor, stat.S_IRWXU)
    return descriptor


def _is_folder(name: str, parent: int) -> bool:
    try:
        mode = os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return False
    return stat.S_ISDIR(mode)


def _exists(name: str, parent: int) -> bool:
    try:
        os.stat(name, dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _unlink(name: str, parent: int) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name, dir_fd=parent)
