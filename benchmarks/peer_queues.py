"""Other queues on SQLite with equal durability (``synchronous = FULL``), for comparison.

- Huey deletes a task when it is taken: at most once, one commit, and its outcome is unknown
  afterwards. If results are kept, each is a second commit.
- persist-queue marks an item when it is taken and again when it is done: two commits. An item of a
  process that died is given again when the queue is next opened.
- litequeue does the same; what a dead process held is found by a search for old locks.

Media Generator records a claim, a render, an artifact and a status.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any, Protocol

import litequeue
import persistqueue
from huey import SqliteHuey

from benchmarks.databases import settle

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path


class PeerQueue(Protocol):
    """A queue of tasks that do nothing."""

    def fill(self, count: int) -> None:
        """Add so many tasks without waiting for the disk after each."""
        ...

    def drain(self, count: int) -> None:
        """Take and complete exactly so many tasks."""
        ...

    def close(self) -> None:
        """Close the file."""
        ...


def _nothing() -> None:
    """A task without a result: Huey keeps none."""


def _something() -> bool:
    """A task with a result, which Huey keeps."""
    return True


class HueyQueue:
    """One queue file, with the loop of Huey's own worker, without its thread."""

    def __init__(self, path: Path, journal_mode: str, *, keep_results: bool) -> None:
        self._path = path
        self._journal_mode = journal_mode
        self._function = _something if keep_results else _nothing
        self._huey, _ = self._open(durable=True)

    def fill(self, count: int) -> None:
        """Add so many tasks without waiting for the disk after each."""
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


class PersistQueue:
    """persist-queue's queue with acknowledgements; it always uses WAL."""

    def __init__(self, folder: Path) -> None:
        self._queue = persistqueue.SQLiteAckQueue(str(folder), timeout=30.0)
        self._connection: sqlite3.Connection = self._queue._conn  # noqa: SLF001 - to check it

    def fill(self, count: int) -> None:
        """Add so many items without waiting for the disk after each."""
        self._connection.execute("PRAGMA synchronous = OFF")
        for number in range(count):
            self._queue.put(number)
        self._connection.execute("PRAGMA synchronous = FULL")
        _settle(self._connection)

    def drain(self, count: int) -> None:
        """Take and acknowledge exactly so many items."""
        for _ in range(count):
            self._queue.ack(self._queue.get(block=False))

    def close(self) -> None:
        """Close the file."""
        self._queue.close()


class LiteQueue:
    """litequeue; it sets WAL and ``synchronous = NORMAL``, the second of which is corrected."""

    def __init__(self, path: Path) -> None:
        self._queue = litequeue.LiteQueue(path)

    def fill(self, count: int) -> None:
        """Add so many messages without waiting for the disk after each."""
        for number in range(count):
            self._queue.put(str(number))
        self._queue.conn.execute("PRAGMA synchronous = FULL")
        _settle(self._queue.conn)

    def drain(self, count: int) -> None:
        """Take and complete exactly so many messages."""
        for _ in range(count):
            message = self._queue.pop()
            assert message is not None
            self._queue.done(message.message_id)

    def close(self) -> None:
        """Close the file."""
        self._queue.close()


def _settle(connection: sqlite3.Connection) -> None:
    with closing(connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")) as cursor:
        cursor.fetchall()
    [(level,)] = connection.execute("PRAGMA synchronous")
    assert level == 2, "not as durable"
