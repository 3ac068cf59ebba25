"""Examining the shared database, one line for each thing that can keep the main job from it.

Nothing is changed: our own tables are not made, no journal mode is set, the one transaction
that is begun is rolled back empty.
"""

from __future__ import annotations

import os
import re
import sqlite3
import time
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Final

from adapters.sqlite.claim_order import has_priority
from adapters.sqlite.connection import Connection
from adapters.sqlite.health_rows import RowsProbe
from adapters.sqlite.placement import file_system_of, placement_checks
from adapters.sqlite.shape import check_shape
from adapters.sqlite.statements import statements
from application.ports.health import Check, Health
from application.ports.prompt_repository import RepositoryBusyError, RepositoryError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_LOCK_SECONDS: Final = 5.0
_INTEGRITY_SECONDS: Final = 10.0
_STEPS_BETWEEN_LOOKS: Final = 1_000  # of SQLite's virtual machine
_SHORT_TIMEOUT: Final = 5.0  # seconds; other programs hold the lock for longer than one thinks
_WRITES: Final = (("claims", "take"), ("endings", "insert_artifact"))

_PARAMETER: Final = re.compile(r":(\w+)")
_BUSY: Final = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


class _EnoughError(Exception):
    """Ends a transaction that was begun only to see that it could be."""


class DatabaseProbe:
    """Says whether the queue could be worked on.

    Args:
        path: of the database; need not exist.
        timeout: seconds that a render would wait for locks.
        output_root: where published files should be, or None when nobody knows.
        integrity_seconds: how long to look for damage.
        by_priority: whether prompts of the highest priority are to come first.
    """

    def __init__(
        self,
        path: Path,
        timeout: float,
        output_root: Path | None = None,
        integrity_seconds: float = _INTEGRITY_SECONDS,
        *,
        by_priority: bool = False,
    ) -> None:
        self._path = path
        self._timeout = timeout
        self._output_root = output_root
        self._integrity_seconds = integrity_seconds
        self._by_priority = by_priority

    def checks(self) -> Iterator[Check]:
        """Examine the file, its tables, its lock, and the rows in it."""
        try:
            connection = Connection(self._path, min(self._timeout, _LOCK_SECONDS))
        except RepositoryError as error:
            yield Check("database", Health.BROKEN, str(error))
            return
        with closing(connection):
            try:
                # Opened is not read: others may have locked it.
                connection.rows(statements("health")["anything"])
            except RepositoryError as error:
                yield Check("database", Health.BROKEN, str(error))
                return
            yield Check("database", Health.WELL, f"{self._path} opens and is a SQLite database")
            yield from placement_checks(self._path)
            yield _guarded("database journal", lambda: self._journal(connection))
            yield _guarded("database integrity", self._integrity)
            yield _guarded("database lock", lambda: self._lock(connection))
            tables = _guarded("database tables", lambda: _tables(connection))
            yield tables
            if self._by_priority:
                yield _guarded("claim order", lambda: _order(connection))
            if tables.health is not Health.BROKEN:
                yield from RowsProbe(connection, self._output_root).checks()

    def _journal(self, connection: Connection) -> Check:
        subject = "database journal"
        mode = str(connection.rows(statements("health")["journal_mode"])[0][0]).lower()
        network = file_system_of(self._path).network
        if mode == "wal" and network:
            finding = "the journal mode is WAL, which does not work on a network file system"
            remedy = (
                "Move the database to a local disk, or let its owner set PRAGMA journal_mode ="
                " DELETE while no program uses it."
            )
            return Check(subject, Health.BROKEN, f"{finding} ({network})", remedy)
        return Check(subject, Health.WELL, f"the journal mode is {mode}, and stays so")

    def _integrity(self) -> Check:
        """Look for damage for a bounded time, on a connection that cannot write."""
        subject = "database integrity"
        deadline = time.monotonic() + self._integrity_seconds
        uri = f"{self._path.absolute().as_uri()}?mode=ro"
        try:
            with closing(sqlite3.connect(uri, uri=True, timeout=_LOCK_SECONDS)) as driver:
                driver.set_progress_handler(
                    lambda: time.monotonic() > deadline, _STEPS_BETWEEN_LOOKS
                )
                found = str(driver.execute("PRAGMA quick_check(1)").fetchone()[0])
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if code in _BUSY:
                finding = "could not be looked at: another program keeps the database locked"
                return Check(subject, Health.WARNING, finding, "Run doctor again later.")
            if code == sqlite3.SQLITE_INTERRUPT:
                finding = f"no damage found within {self._integrity_seconds:g} seconds of looking"
                return Check(subject, Health.WELL, finding)
            found = str(error)
        if found == "ok":
            return Check(subject, Health.WELL, "SQLite's quick check finds no damage")
        remedy = "Restore the file from a backup, or try sqlite3's .recover on a copy."
        return Check(subject, Health.BROKEN, f"SQLite's quick check: {found}", remedy)

    def _lock(self, connection: Connection) -> Check:
        subject = "database lock"
        if not os.access(self._path, os.W_OK) or not os.access(self._path.parent, os.W_OK):
            finding = f"{self._path} or the folder it is in cannot be written to"
            remedy = "Give yourself the right: SQLite also writes a journal beside the file."
            return Check(subject, Health.BROKEN, finding, remedy)
        begun = time.monotonic()
        try:
            with suppress(_EnoughError), connection.writing():
                raise _EnoughError
        except RepositoryBusyError:
            waited = time.monotonic() - begun
            finding = f"another program held the write lock for all of {waited:.0f} seconds"
            remedy = "End the program that holds it, or see why it keeps a transaction open."
            return Check(subject, Health.BROKEN, finding, remedy)
        finding = f"the write lock is free; renders wait up to {self._timeout:g} seconds for it"
        if self._timeout < _SHORT_TIMEOUT:
            return Check(subject, Health.WARNING, finding, "Set database.timeout to 30.")
        return Check(subject, Health.WELL, finding)


def _guarded(subject: str, look: Callable[[], Check]) -> Check:
    try:
        return look()
    except RepositoryError as error:
        return Check(subject, Health.BROKEN, str(error))


def _tables(connection: Connection) -> Check:
    """Whether the tables have every column, and SQLite would take what we write."""
    check_shape(connection)
    for subject, name in _WRITES:
        statement = statements(subject)[name]
        connection.rows(f"EXPLAIN {statement}", dict.fromkeys(_PARAMETER.findall(statement)))
    finding = "prompts, writings and prompt_artifacts have every column that is needed"
    return Check("database tables", Health.WELL, finding)


def _order(connection: Connection) -> Check:
    """Whether prompts have the priority that the settings ask for."""
    subject = "claim order"
    if has_priority(connection):
        finding = "prompts of the highest priority come first, then the oldest"
        return Check(subject, Health.WELL, finding)
    finding = "prompts have no priority in this database: the oldest come first"
    remedy = "Set workers.order to oldest, or update the Poets Service."
    return Check(subject, Health.WARNING, finding, remedy)
