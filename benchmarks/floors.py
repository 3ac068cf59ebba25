"""What the disk alone costs: the least that a durable queue must wait for."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING

from adapters.filesystem.publication import flush, flush_folder

if TYPE_CHECKING:
    from pathlib import Path


class BareCommits:
    """Commits of one changed row in a database of its own, every one waited for."""

    def __init__(self, path: Path, journal_mode: str) -> None:
        self._driver = sqlite3.connect(path, isolation_level=None)
        self._driver.execute(f"PRAGMA journal_mode = {journal_mode}")
        self._driver.execute("PRAGMA synchronous = FULL")
        self._driver.execute("PRAGMA fullfsync = ON")  # means something on macOS only
        self._driver.execute("CREATE TABLE bare (number INTEGER)")
        self._driver.execute("INSERT INTO bare VALUES (0)")

    def commit(self, times: int = 1) -> float:
        """Commit so many times; gives the seconds that it took."""
        began = time.perf_counter()
        for _ in range(times):
            self._driver.execute("BEGIN IMMEDIATE")
            self._driver.execute("UPDATE bare SET number = number + 1")
            self._driver.execute("COMMIT")
        return time.perf_counter() - began

    def close(self) -> None:
        """Close the database."""
        self._driver.close()


class BareFlushes:
    """The flushes that a published folder needs, with nothing else around them.

    The bytes of one file, its folder's entry of it, and the shelf's entry of the folder once
    it has its final name: the same calls on fresh files as the output tree makes.
    """

    def __init__(self, folder: Path, content: bytes) -> None:
        self._staging = folder / "staging"
        self._shelf = folder / "shelf"
        for made in (self._staging, self._shelf):
            made.mkdir(parents=True)
        self._content = content
        self._count = 0

    def publish(self) -> float:
        """Write and flush one folder; gives the seconds that the flushes alone took."""
        self._count += 1
        fresh = self._staging / str(self._count)
        fresh.mkdir()
        with closing((fresh / "file").open("wb", buffering=0)) as file:
            file.write(self._content)
            waited = _seconds_of_flush(file.fileno())
        waited += _seconds_of_folder_flush(fresh)
        fresh.rename(self._shelf / str(self._count))
        return waited + _seconds_of_folder_flush(self._shelf)


def _seconds_of_flush(descriptor: int) -> float:
    began = time.perf_counter()
    flush(descriptor)
    return time.perf_counter() - began


def _seconds_of_folder_flush(folder: Path) -> float:
    began = time.perf_counter()
    flush_folder(folder)
    return time.perf_counter() - began
