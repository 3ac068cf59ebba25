"""Taking back what was stored, and nothing else."""

from __future__ import annotations

import contextlib
import hashlib
import os
from typing import TYPE_CHECKING

from adapters.filesystem.durability import flush_folder
from adapters.filesystem.opening import FILE, FOLDER, names_in
from adapters.filesystem.removal import remove_tree

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from domain.artifact import MediaFacts


def withdraw_folder(folder: Path, files: Iterable[MediaFacts], wastebasket: Path) -> None:
    """Remove a folder if it holds the very files that were stored in it.

    It leaves the tree in one step, so that nobody ever finds half of it. Where somebody else
    has put a file into it, ours are removed and theirs stay.

    Args:
        folder: that was stored.
        files: that were stored in it.
        wastebasket: a path on the same file system that is ours, to remove it from.

    Raises:
        OSError: it could not be removed.
    """
    ours = {file.name: file for file in files}
    try:
        descriptor = os.open(folder, FOLDER)
    except FileNotFoundError:
        return
    try:
        if not all(_is_the_same(file, descriptor) for file in ours.values()):
            return
        strangers = [
            name for name in names_in(descriptor) if name not in ours and not name.startswith(".")
        ]
        if strangers:
            for name in ours:
                os.unlink(name, dir_fd=descriptor)
            return
    finally:
        os.close(descriptor)
    remove_tree(wastebasket)
    folder.rename(wastebasket)
    with contextlib.suppress(OSError):  # it is out of sight; only a loss of power brings it back
        flush_folder(folder.parent)
    remove_tree(wastebasket)


def is_whole(folder: Path, files: Iterable[MediaFacts]) -> bool:
    """Whether a folder holds these very files, byte for byte."""
    try:
        descriptor = os.open(folder, FOLDER)
    except OSError:
        return False
    try:
        return all(_is_the_same(file, descriptor) for file in files)
    finally:
        os.close(descriptor)


def _is_the_same(file: MediaFacts, folder: int) -> bool:
    """Whether the folder still holds that file, byte for byte."""
    try:
        descriptor = os.open(file.name, FILE, dir_fd=folder)
    except OSError:
        return False
    with os.fdopen(descriptor, "rb") as opened:
        return (
            os.fstat(descriptor).st_size == file.file_size
            and hashlib.file_digest(opened, "sha256").hexdigest() == file.sha256
        )
