"""What the disk alone costs: the least that a durable queue must wait for."""

from __future__ import annotations

import sqlite3
import time
from typing import TYPE_CHECKING

from adapters.filesystem.publication import Flusher, flush_path

if TYPE_CHECKING:
    from pathlib import Path

_PLAN_BYTES = 900


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

    The bytes of one file, its folder, a plan and the folder of both, all at once; then the shelf's
    entry of the folder once it has its final name: the same calls on fresh files as the output
    tree makes.
    """

    def __init__(self, folder: Path, content: bytes) -> None:
        self._staging = folder / "staging"
        self._shelf = folder / "shelf"
        for made in (self._staging, self._shelf):
            made.mkdir(parents=True)
        self._content = content
        self._flusher = Flusher()
        self._count = 0

    def publish(self, times: int = 1) -> float:
        """Write and flush so many folders; gives the seconds that the flushes alone took."""
        return sum(self._publish() for _ in range(times))

    def _publish(self) -> float:
        self._count += 1
        fresh = self._staging / str(self._count)
        plan = fresh.with_suffix(".plan")
        fresh.mkdir()
        (fresh / "file").write_bytes(self._content)
        plan.write_bytes(b" " * _PLAN_BYTES)
        began = time.perf_counter()
        self._flusher.flush_all([fresh / "file", fresh, plan, self._staging])
        waited = time.perf_counter() - began
        fresh.rename(self._shelf / str(self._count))
        waited += flush_path(self._shelf)
        plan.unlink()
        return waited
