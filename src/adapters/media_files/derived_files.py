"""Small files made from published ones (thumbnails, levels): made once, kept in a bounded cache."""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections import OrderedDict
from concurrent.futures import Future
from itertools import count
from pathlib import Path
from threading import BoundedSemaphore, Lock
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from adapters.state_folder import make_private
from application.ports.media_files import BusyError, InvalidMediaError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_T = TypeVar("_T")
_MAX_REMEMBERED: Final = 1_000  # files from which nothing can be made
_KEPT_FRACTION = 0.9  # of the allowed bytes, after old files were deleted
_SAVES_BETWEEN_COUNTS = 1_000  # other processes may save files here too
_TOUCH_SECONDS = 3_600  # a use is recorded this often, rather than every time
_ABANDONED_SECONDS = 3_600  # an unfinished file that is older was left by a process that died
_UNFINISHED_SUFFIX: Final = ".part"


class DerivedFileCache:
    """A folder of small files; the least recently used are deleted when it is full.

    Several threads and processes may use it at the same time. Everything in it can be made again,
    so nothing is flushed to the disk, and an error of the disk only means that nothing is kept.

    Args:
        folder: made, for its owner alone, when the first file is saved.
        max_bytes: bytes of all files in it together.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._lock = Lock()
        self._serial = count()
        self._counted_bytes: int | None = None
        self._saves = 0

    def load(self, identity: str, variant: str) -> bytes | None:
        """The file saved for a media file's identity and a variant such as "320.webp", or None."""
        path = self._path(identity, variant)
        try:
            with path.open("rb") as file:
                used = os.fstat(file.fileno()).st_mtime
                content = file.read()
        except OSError:
            return None
        if time.time() - used > _TOUCH_SECONDS:
            with contextlib.suppress(OSError):
                os.utime(path)
        return content

    def save(self, identity: str, variant: str, content: bytes) -> None:
        """Save a file, whole or not at all."""
        path = self._path(identity, variant)
        unfinished = path.with_suffix(f".{os.getpid()}-{next(self._serial)}{_UNFINISHED_SUFFIX}")
        try:
            make_private(self._folder)
            path.parent.mkdir(mode=0o700, exist_ok=True)
            try:
                unfinished.write_bytes(content)
                unfinished.replace(path)
            except BaseException:
                unfinished.unlink(missing_ok=True)
                raise
            self._limit_size(len(content))
        except OSError:
            return

    def remove(self, identity: str, variant: str) -> None:
        """Remove a file, if there is one."""
        with contextlib.suppress(OSError):
            self._path(identity, variant).unlink()

    def _path(self, identity: str, variant: str) -> Path:
        digest = hashlib.sha256(f"{identity}\n{variant}".encode()).hexdigest()
        return self._folder / digest[:2] / f"{digest}{os.path.splitext(variant)[1]}"  # noqa: PTH122

    def _limit_size(self, added_bytes: int) -> None:
        """Count what was saved, and delete old files if there is too much."""
        with self._lock:
            self._saves += 1
            if self._counted_bytes is not None:
                self._counted_bytes += added_bytes
                if self._counted_bytes <= self._max_bytes and self._saves < _SAVES_BETWEEN_COUNTS:
                    return
            self._saves = 0
            files = sorted(self._files())
            self._counted_bytes = sum(size for _, size, _ in files)
            if self._counted_bytes > self._max_bytes:
                self._delete_oldest(files)

    def _delete_oldest(self, files: list[tuple[float, int, Path]]) -> None:
        """Delete files, the first ones first, until there is space for some more."""
        left = sum(size for _, size, _ in files)
        for _, size, path in files:
            if left <= self._max_bytes * _KEPT_FRACTION:
                break
            path.unlink(missing_ok=True)
            left -= size
        self._counted_bytes = left

    def _files(self) -> Iterator[tuple[float, int, Path]]:
        """When each file was last used, its bytes, and its path."""
        abandoned = time.time() - _ABANDONED_SECONDS
        for subfolder in os.scandir(self._folder):
            if not subfolder.is_dir(follow_symlinks=False):
                continue
            for entry in os.scandir(subfolder):
                with contextlib.suppress(FileNotFoundError):
                    facts = entry.stat(follow_symlinks=False)
                    if entry.name.endswith(_UNFINISHED_SUFFIX) and facts.st_mtime < abandoned:
                        Path(entry).unlink()
                        continue
                    yield facts.st_mtime, facts.st_size, Path(entry)


class SingleFlight:
    """Runs slow work in the threads of its callers; equal calls share one result.

    Args:
        max_running: how many pieces of work run at the same time.
        max_threads: how many threads may run or wait in all, so that some are left to answer
            other requests.
        remember_seconds: for how long work that raised InvalidMediaError is not tried again.
        monotonic: seconds of a clock that is never set.
    """

    def __init__(
        self,
        max_running: int = 2,
        max_threads: int = 5,
        remember_seconds: float = 600.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._running = BoundedSemaphore(max_running)
        self._free_places = max_threads
        self._remember_seconds = remember_seconds
        self._monotonic = monotonic
        self._lock = Lock()
        self._under_way: dict[str, Future[Any]] = {}
        self._invalid: OrderedDict[str, tuple[float, str]] = OrderedDict()

    def run(self, key: str, work: Callable[[], _T]) -> _T:
        """Run a piece of work, or wait for its result if another thread is running it.

        Args:
            key: names the piece of work.
            work: called without arguments; should first check whether the same was just done.

        Raises:
            InvalidMediaError: the work raised it, now or not long ago.
            BusyError: too many threads are waiting.
        """
        is_leader, future = self._enter(key)
        try:
            if is_leader:
                self._lead(key, future, work)
            return cast("_T", future.result())
        finally:
            with self._lock:
                self._free_places += 1

    def _enter(self, key: str) -> tuple[bool, Future[Any]]:
        """Whether this thread has to do the work, and where its result will be."""
        with self._lock:
            until, reason = self._invalid.get(key, (0.0, ""))
            if reason and self._monotonic() < until:
                raise InvalidMediaError(reason)
            if self._free_places <= 0:
                raise BusyError
            self._free_places -= 1
            if key in self._under_way:
                return False, self._under_way[key]
            future = self._under_way[key] = Future()
            return True, future

    def _lead(self, key: str, future: Future[Any], work: Callable[[], object]) -> None:
        try:
            with self._running:
                future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - it is raised again for all who wait
            if isinstance(error, InvalidMediaError):
                self._remember(key, str(error))
            future.set_exception(error)
        finally:
            with self._lock:
                del self._under_way[key]

    def _remember(self, key: str, reason: str) -> None:
        with self._lock:
            self._invalid[key] = self._monotonic() + self._remember_seconds, reason
            self._invalid.move_to_end(key)
            while len(self._invalid) > _MAX_REMEMBERED:
                self._invalid.popitem(last=False)
