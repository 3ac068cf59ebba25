"""Deleting folders that another program filled."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
"""Opens a folder for reading, but no link to one."""


def delete_tree(top: Path) -> None:
    """Delete a folder and everything in it, however deep, without following links.

    No error if it does not exist. If the path is a link, the link is deleted and its target is
    left alone. Inner folders are moved up to the top before they are emptied, so that neither
    the depth of the tree nor the length of its paths matters.

    Raises:
        OSError: something in it cannot be deleted.
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
    new_names = (f".moved-up-{number}" for number in itertools.count())
    try:
        while entries := list(os.scandir(descriptor)):
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    _delete_folder(entry.name, descriptor, new_names)
                else:
                    with contextlib.suppress(FileNotFoundError):
                        os.unlink(entry.name, dir_fd=descriptor)
    finally:
        os.close(descriptor)
    with contextlib.suppress(FileNotFoundError):
        top.rmdir()


def _delete_folder(name: str, top: int, new_names: Iterator[str]) -> None:
    """Delete a folder at the top, after its own folders have moved up beside it."""
    descriptor = _open_folder(name, top)
    try:
        for inner in list(os.scandir(descriptor)):
            if inner.is_dir(follow_symlinks=False):
                # Moving a folder rewrites its "..", which needs the right to write to it.
                os.close(_open_folder(inner.name, descriptor))
                _move_up(inner.name, descriptor, top, new_names)
            else:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(inner.name, dir_fd=descriptor)
    finally:
        os.close(descriptor)
    with contextlib.suppress(FileNotFoundError):
        os.rmdir(name, dir_fd=top)


def _move_up(name: str, source: int, top: int, new_names: Iterator[str]) -> None:
    """Move a folder from ``source`` to the top, under a name that is free there."""
    for new_name in new_names:
        try:
            os.rename(name, new_name, src_dir_fd=source, dst_dir_fd=top)
        except (FileExistsError, NotADirectoryError):
            continue
        except OSError:
            if not _exists(new_name, top):
                raise
            continue
        return


def _open_folder(name: str, parent: int | None) -> int:
    """Open a folder with every right that its owner can have."""
    try:
        descriptor = os.open(name, FOLDER_FLAGS, dir_fd=parent)
    except PermissionError:
        os.chmod(name, stat.S_IRWXU, dir_fd=parent)
        descriptor = os.open(name, FOLDER_FLAGS, dir_fd=parent)
    with contextlib.suppress(PermissionError):
        os.fchmod(descriptor, stat.S_IRWXU)
    return descriptor


def _exists(name: str, parent: int) -> bool:
    try:
        os.stat(name, dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True
