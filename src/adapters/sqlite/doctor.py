"""The doctor's checks of the shared database: the file, its tables and locks, and the rows.

Nothing is changed: our own tables are not created, no journal mode is set, and every transaction
is rolled back.
"""

from __future__ import annotations

import os
import shlex
import sqlite3
import time
from contextlib import closing, contextmanager, suppress
from threading import Timer
from typing import TYPE_CHECKING, Final

from adapters.sql_queue.doctor import THOROUGH, guarded
from adapters.sqlite.connection import Connection
from adapters.sqlite.statements import statements
from adapters.sqlite.volume_checks import file_system_of, placement_checks
from application.ports.doctor import Check, CheckStatus
from application.ports.prompt_repository import RepositoryBusyError, RepositoryError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from adapters.sql_queue.doctor import QueueChecks

MAX_INTEGRITY_SECONDS: Final = 0.1
MAX_LOCK_SECONDS: Final = 5.0
MIN_TIMEOUT: Final = 5.0  # seconds; other programs can hold the lock for long
_PROGRESS_STEPS: Final = 1_000  # of SQLite's virtual machine, between looks at the clock
_BUSY: Final = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


class _RollbackError(Exception):
    """Rolls back a transaction that was begun only to test the lock."""


class DatabaseChecks:
    """Checks whether the queue can be processed.

    Args:
        path: path of the database; need not exist.
        timeout: how long a render would wait for locks, in seconds.
        queue: the checks of the queue itself.
        integrity_seconds: how long to look for damage, in seconds.
        thorough: whether the whole file is checked, however long that takes.
    """

    def __init__(
        self,
        path: Path,
        timeout: float,
        queue: QueueChecks,
        integrity_seconds: float = MAX_INTEGRITY_SECONDS,
        *,
        thorough: bool = False,
    ) -> None:
        self._path = path
        self._timeout = timeout
        self._queue = queue
        self._integrity_seconds = None if thorough else integrity_seconds

    def checks(self) -> Iterator[Check]:
        """Check the file, its tables and its lock, and the rows in it."""
        try:
            connection = Connection(self._path, min(self._timeout, MAX_LOCK_SECONDS))
        except RepositoryError as error:
            creation = "" if os.path.lexists(self._path) else f"mediagen init {_quoted(self._path)}"
            yield Check("database", CheckStatus.ERROR, str(error), command=creation)
            return
        with closing(connection):
            try:
                # Opening does not read the file: another program may have locked it.
                connection.rows(statements("doctor")["anything"])
            except RepositoryError as error:
                yield Check("database", CheckStatus.ERROR, str(error))
                return
            yield Check(
                "database", CheckStatus.OK, f"{self._path} is a SQLite database and can be opened"
            )
            yield from placement_checks(self._path)
            yield guarded("database journal", lambda: self._journal(connection))
            yield guarded("database integrity", self._integrity)
            lock = guarded("database lock", lambda: self._lock(connection))
            yield lock
            is_writable = lock.status is not CheckStatus.ERROR
            yield from self._queue.checks(connection, is_writable=is_writable)

    def _journal(self, connection: Connection) -> Check:
        subject = "database journal"
        mode = str(connection.rows(statements("doctor")["journal_mode"])[0][0]).lower()
        network = file_system_of(self._path).network
        if mode == "wal" and network:
            finding = "the journal mode is WAL, which does not work on a network file system"
            remedy = (
                "Move the database to a local disk, or set PRAGMA journal_mode = DELETE while no"
                " program uses it."
            )
            command = f"sqlite3 {_quoted(self._path)} 'PRAGMA journal_mode = DELETE'"
            return Check(subject, CheckStatus.ERROR, f"{finding} ({network})", remedy, command)
        return Check(
            subject, CheckStatus.OK, f"the journal mode is {mode}; mediagen does not change it"
        )

    def _integrity(self) -> Check:
        """Look for damage for a bounded time, on a connection that cannot write."""
        subject = "database integrity"
        uri = f"{self._path.absolute().as_uri()}?mode=ro"
        try:
            with (
                closing(
                    sqlite3.connect(
                        uri, uri=True, timeout=MAX_LOCK_SECONDS, check_same_thread=False
                    )
                ) as driver,
                _interrupted_after(driver, self._integrity_seconds),
            ):
                result = str(driver.execute("PRAGMA quick_check(1)").fetchone()[0])
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if code in _BUSY:
                finding = "could not be checked: another program keeps the database locked"
                return Check(subject, CheckStatus.WARNING, finding, "Run doctor again later.")
            if code == sqlite3.SQLITE_INTERRUPT:
                finding = f"no damage found within {self._integrity_seconds:g} seconds; {THOROUGH}"
                return Check(subject, CheckStatus.OK, finding)
            if code == sqlite3.SQLITE_ERROR:
                finding = f"could not be checked: the schema needs another program ({error})"
                remedy = "Run PRAGMA quick_check in that program."
                return Check(subject, CheckStatus.WARNING, finding, remedy)
            result = str(error)
        if result == "ok":
            return Check(subject, CheckStatus.OK, "SQLite's quick check finds no damage")
        remedy = "Restore the file from a backup, or try sqlite3's .recover on a copy."
        recovered = _quoted(self._path.with_suffix(".recovered.db"))
        command = f"sqlite3 {_quoted(self._path)} .recover | sqlite3 {recovered}"
        finding = f"SQLite's quick check: {result}"
        return Check(subject, CheckStatus.ERROR, finding, remedy, command)

    def _lock(self, connection: Connection) -> Check:
        subject = "database lock"
        if not os.access(self._path, os.W_OK) or not os.access(self._path.parent, os.W_OK):
            finding = f"{self._path} or the folder it is in cannot be written to"
            remedy = "Change the permissions: SQLite also writes a journal beside the file."
            command = f"chmod u+w {_quoted(self._path)} {_quoted(self._path.parent)}"
            return Check(subject, CheckStatus.ERROR, finding, remedy, command)
        started = time.monotonic()
        try:
            with suppress(_RollbackError), connection.writing():
                raise _RollbackError
        except RepositoryBusyError:
            waited = time.monotonic() - started
            finding = f"another program held the write lock for {waited:.0f} seconds"
            remedy = "Stop the program that holds it, or find out why it keeps a transaction open."
            command = f"lsof {_quoted(self._path)}"
            return Check(subject, CheckStatus.ERROR, finding, remedy, command)
        finding = f"the write lock is free; renders wait up to {self._timeout:g} seconds for it"
        if self._timeout < MIN_TIMEOUT:
            return Check(subject, CheckStatus.WARNING, finding, "Set database.timeout to 30.")
        return Check(subject, CheckStatus.OK, finding)


@contextmanager
def _interrupted_after(driver: sqlite3.Connection, seconds: float | None) -> Iterator[None]:
    """Interrupt statements after a time; None for never."""
    if seconds is None:
        yield
        return
    deadline = time.monotonic() + seconds
    driver.set_progress_handler(lambda: time.monotonic() > deadline, _PROGRESS_STEPS)
    # A step that checks a large table calls no handler.
    timer = Timer(max(seconds, 0.0), driver.interrupt)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
