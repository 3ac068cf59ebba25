"""A small volume of its own, that can be filled up; mounted for a while and never left behind."""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess
import sys
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_SIZE = "20m"
_FILLER = "film.mkv"
_PIECES = (1024 * 1024, 65_536, 4096, 1)


@cache
def can_mount() -> bool:
    """Whether this user may mount volumes here (root on Linux, outside of most containers)."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return False
    with TemporaryDirectory(prefix="chaos-trial-") as folder:
        try:
            with mounted(Path(folder)):
                return True
        except (OSError, subprocess.SubprocessError):
            return False


@contextmanager
def mounted(folder: Path) -> Iterator[Path]:
    """Mount an empty volume in memory on an existing folder, for as long as the block lasts.

    Raises:
        subprocess.CalledProcessError: that is not allowed here.
    """
    command = ["mount", "-t", "tmpfs", "-o", f"size={_SIZE},mode=755", "tmpfs", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    try:
        yield folder
    finally:
        # Lazily: a process that is stuck with an open file must not keep it mounted.
        subprocess.run(["umount", "-l", str(folder)], check=True, capture_output=True)


def fill(volume: Path) -> None:
    """Fill the volume with a file of another program, to the last byte."""
    with contextlib.suppress(FileNotFoundError):
        (volume / _FILLER).unlink()
    descriptor = os.open(volume / _FILLER, os.O_WRONLY | os.O_CREAT)
    try:
        for size in _PIECES:
            _write_until_full(descriptor, bytes(size))
    finally:
        os.close(descriptor)


def make_room(volume: Path) -> None:
    """Take the filler away again."""
    (volume / _FILLER).unlink(missing_ok=True)


def _write_until_full(descriptor: int, piece: bytes) -> None:
    while True:
        try:
            os.write(descriptor, piece)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            return
