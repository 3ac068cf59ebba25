"""Huey on SQLite, as durable as Media Generator: the yardstick.

Huey deletes a task when it is taken: at most once, one commit, and nobody can learn afterwards
what became of it. Where the result is kept, that is a second commit. Media Generator records a
claim, a render, an artifact and a status, in one commit for a prompt.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from huey import SqliteHuey

from benchmarks.filling import settle

if TYPE_CHECKING:
    from pathlib import Path


def _nothing() -> None:
    """A task that is nothing but a task: Huey keeps no result."""


def _something() -> bool:
    """The same, but Huey keeps the result."""
    return True


class HueyQueue:
    """One queue file; the loop is that of Huey's own worker, without its thread."""

    def __init__(self, path: Path, journal_mode: str, *, keep_results: bool) -> None:
        self._path = path
        self._journal_mode = journal_mode
        self._function = _something if keep_results else _nothing
        self._huey, _ = self._open(durable=True)

    def fill(self, count: int) -> None:
        """Add so many tasks without waiting for the disk at each."""
        huey, task = self._open(durable=False)
        for _ in range(count):
            huey.enqueue(task.s())
        huey.storage.close()
        settle(self._path)

    def drain(self, count: int) -> None:
        """Take and execute exactly so many tasks."""
        for _ in range(count):
            task = self._huey.dequeue()
            assert task is not None
            self._huey.execute(task)

    def close(self) -> None:
        """Close the file."""
        self._huey.storage.close()

    def _open(self, *, durable: bool) -> tuple[Any, Any]:
        # fsync=True is PRAGMA synchronous = FULL, which Media Generator sets too.
        huey = SqliteHuey(
            "bench",
            filename=str(self._path),
            fsync=durable,
            journal_mode=self._journal_mode,
            timeout=30,
        )
        return huey, huey.task()(self._function)
