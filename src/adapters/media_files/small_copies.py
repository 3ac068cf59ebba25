"""Small things made of published files, kept in a folder of our own that stays small."""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from itertools import count
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Final

from adapters.state_folder import make_private

if TYPE_CHECKING:
    from collections.abc import Iterator

_KEPT_AFTER_CLEARING = 0.9  # of the bytes that are allowed
_SAVED_BETWEEN_COUNTS = 1_000  # another process may put its own there too
_UNUSED_SECONDS = 3_600  # a use is noted this often, rather than every time
_ABANDONED_SECONDS = 3_600  # an unfinished file that is older was left by a process that died
_UNFINISHED: Final = ".part"


class SmallCopies:
    """A folder of small files; what was not used for longest makes room.

    Several threads and processes may use it at the same time. Whatever is in it can be made again,
    so nothing is flushed to the disk, and an error of the disk only means that nothing is kept.

    Args:
        folder: is made, for its owner alone, when the first thing is kept.
        max_bytes: of all files in it together.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._lock = Lock()
        self._serial = count()
        self._counted: int | None = None
        self._saved = 0

    def load(self, identity: str, variant: str) -> bytes | None:
        """What was kept for a file and a variant such as "320.webp", or None."""
        path = self._path(identity, variant)
        try:
            with path.open("rb") as file:
                used = os.fstat(file.fileno()).st_mtime
                content = file.read()
        except OSError:
            return None
        if time.time() - used > _UNUSED_SECONDS:
            with contextlib.suppress(OSError):
                os.utime(path)
        return content

    def save(self, identity: str, variant: str, content: bytes) -> None:
        """Keep something, whole or not at all."""
        path = self._path(identity, variant)
        unfinished = path.with_suffix(f".{os.getpid()}-{next(self._serial)}{_UNFINISHED}")
        try:
            make_private(self._folder)
            path.parent.mkdir(mode=0o700, exist_ok=True)
            try:
                unfinished.write_bytes(content)
                unfinished.replace(path)
            except BaseException:
                unfinished.unlink(missing_ok=True)
                raise
            self._make_room(len(content))
        except OSError:
            return

    def _path(self, identity: str, variant: str) -> Path:
        digest = hashlib.sha256(f"{identity}\n{variant}".encode()).hexdigest()
        return self._folder / digest[:2] / f"{digest}{os.path.splitext(variant)[1]}"  # noqa: PTH122

    def _make_room(self, added: int) -> None:
        with self._lock:
            self._saved += 1
            if self._counted is not None:
                self._counted += added
                if self._counted <= self._max_bytes and self._saved < _SAVED_BETWEEN_COUNTS:
                    return
            self._saved = 0
            files = sorted(self._files())
            self._counted = sum(size for _, size, _ in files)
            if self._counted > self._max_bytes:
                self._clear(files)

    def _clear(self, files: list[tuple[float, int, Path]]) -> None:
        """Remove files, the first ones first, until there is room for some more."""
        left = sum(size for _, size, _ in files)
        for _, size, path in files:
            if left <= self._max_bytes * _KEPT_AFTER_CLEARING:
                break
            path.unlink(missing_ok=True)
            left -= size
        self._counted = left

    def _files(self) -> Iterator[tuple[float, int, Path]]:
        """When each file was last used, its bytes, and where it is."""
        abandoned = time.time() - _ABANDONED_SECONDS
        for shelf in os.scandir(self._folder):
            if not shelf.is_dir(follow_symlinks=False):
                continue
            for entry in os.scandir(shelf):
                with contextlib.suppress(FileNotFoundError):
                    facts = entry.stat(follow_symlinks=False)
                    if entry.name.endswith(_UNFINISHED) and facts.st_mtime < abandoned:
                        Path(entry).unlink()
                        continue
                    yield facts.st_mtime, facts.st_size, Path(entry)
