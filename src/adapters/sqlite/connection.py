"""A connection to a database that other programs own, with waits for their locks."""

from __future__ import annotations

import os
import sqlite3
import sys
import time
from contextlib import closing, contextmanager, suppress
from operator import methodcaller
from threading import Lock, RLock
from typing import TYPE_CHECKING

from adapters.sql_queue.connection import MissingIndexError
from adapters.sqlite.statements import statements
from application.ports.prompt_repository import (
    RepositoryBusyError,
    RepositoryError,
    WriteRefusedError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

_HEADER = b"SQLite format 3\x00"
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_NOT_PERMITTED = frozenset({sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY})
_REFUSED = frozenset({sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH})
_SLICE_SECONDS = 1.0  # wait of the driver in each try
_SHARED_SLICE_SECONDS = 0.01  # the same if connections share their lock state
_examined: set[tuple[int, int]] = set()  # files that this process opened as databases
_examining = Lock()  # so that no thread reads a file that another one has just opened
_MAX_SHORT_WAIT = 2.0  # seconds, while waits are limited
# The driver cannot decode SQLite's own message if it quotes a damaged schema.
_DRIVER_ERRORS = (sqlite3.Error, UnicodeDecodeError)


class _RehearsedError(Exception):
    """Rolls back the transaction of a rehearsal."""


class LockState:
    """Whether another program keeps the database locked, shared by several connections.

    A statement whose whole timeout passes sets it, and the first success clears it. In between no
    statement waits, and those that already wait give up: otherwise all threads of a server would
    soon be waiting.

    Attributes:
        is_locked: whether the last statement found the database locked.
    """

    is_locked = False


class Connection:
    """An open SQLite database.

    Reads are ordinary statements; every write goes through :meth:`writing`. Invalid UTF-8 is read
    as lone surrogates, so that one such row does not prevent others from being read. Safe from
    any thread; threads take turns, one transaction at a time.

    Args:
        path: of an existing SQLite database.
        timeout: seconds to wait for locks of other programs.
        write_timeouts: number of timeouts that a write waits; a long one saves finished work.
        durable: whether a commit waits until it is safe from power loss; not needed for data that
            only matter while the machine runs.
        lock_state: shared with other connections; None to wait the whole timeout every time.

    Raises:
        RepositoryError: the file is missing, is not a database, or cannot be opened.
    """

    statements = staticmethod(statements)

    def __init__(
        self,
        path: Path,
        timeout: float,
        write_timeouts: int = 1,
        *,
        durable: bool = True,
        lock_state: LockState | None = None,
    ) -> None:
        self.path = path
        self._lock_state = lock_state or LockState()
        self._gives_up_when_locked = lock_state is not None
        self._timeout = timeout
        self._write_timeouts = write_timeouts
        self._limits_waits: Callable[[], bool] = lambda: False
        self._on_long_wait: Callable[[str], object] = lambda _: None
        self._lock = RLock()
        self._rehearsals = 0
        _check_is_database(path)
        try:
            self._driver = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode=rw",
                uri=True,
                timeout=min(timeout, _SHARED_SLICE_SECONDS if lock_state else _SLICE_SECONDS),
                isolation_level=None,
                check_same_thread=False,
            )
        except _DRIVER_ERRORS as complaint:
            raise translate_error(complaint, path) from complaint
        # Called for every text: half of a lambda's time.
        self._driver.text_factory = methodcaller("decode", "utf-8", "surrogateescape")
        self._identity = _identity(path)
        self._pending_settings = [f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}"]
        if durable and sys.platform == "darwin":
            self._pending_settings.append("PRAGMA fullfsync = ON")
        try:
            with suppress(RepositoryBusyError):  # the first statement will wait instead
                self._apply_settings(timeouts=0)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._driver.close()

    def limit_waits_while(self, condition: Callable[[], bool]) -> None:
        """Limit every wait for a lock to a few seconds while a condition is true.

        Args:
            condition: evaluated about once a second during a wait.
        """
        self._limits_waits = condition

    def on_long_wait(self, callback: Callable[[str], object]) -> None:
        """Call back with a message when a write waits for longer than one timeout."""
        self._on_long_wait = callback

    def check_identity(self) -> None:
        """Check that the file was not moved away or replaced.

        Raises:
            RepositoryError: the path no longer leads to the open file.
        """
        if _identity(self.path) != self._identity:
            raise RepositoryError(_moved(self.path))

    def rows(self, statement: str, values: Mapping[str, object] | None = None) -> list[tuple]:  # type: ignore[type-arg]
        """Run a statement and return all of its rows.

        Raises:
            RepositoryError: the database cannot be used, or is locked for longer than the timeout.
        """
        began = time.monotonic()
        while True:
            with self._lock:
                try:
                    rows = self._driver.execute(statement, values or {}).fetchall()
                except _DRIVER_ERRORS as complaint:
                    error = self._error(complaint, statement)
                    busy = isinstance(error, RepositoryBusyError)
                    waits = busy and not self._driver.in_transaction
                    if waits and time.monotonic() - began < self._max_wait():
                        continue
                    if waits:
                        self._lock_state.is_locked = True
                    raise error from complaint
                self._lock_state.is_locked = False
                return rows

    def change(self, statement: str, values: Mapping[str, object] | None = None) -> int:
        """Run a statement inside :meth:`writing` and return the number of rows it changed.

        Raises:
            WriteRefusedError: a constraint, trigger or index refuses it, or one of them names
                something that does not exist, so that the statement cannot be compiled.
        """
        if not self._driver.in_transaction:
            message = f"the transaction on {self.path} was rolled back; nothing was written"
            raise WriteRefusedError(message)
        try:
            return self._driver.execute(statement, values or {}).rowcount
        except _DRIVER_ERRORS as complaint:
            status = str((values or {}).get("target", ""))
            raise self._error(complaint, statement, writes=True, status=status) from complaint

    @property
    def is_writing(self) -> bool:
        """Whether a transaction is open; a trigger may have rolled it back."""
        return self._driver.in_transaction

    def ignored(self, table: str, what: str) -> WriteRefusedError:
        """The error for a write that changed nothing, which a trigger may cause.

        Args:
            table: that was written to.
            what: was written, such as "a new row".
        """
        return WriteRefusedError(
            f"table {table} in {self.path} drops {what} without an error, as a trigger with"
            " RAISE(IGNORE) or a constraint with ON CONFLICT IGNORE does"
            f"{self.silent_objects(table)}"
        )

    def silent_objects(self, table: str) -> str:
        """What may take back a write without an error, in parentheses; "" if nothing is known."""
        from adapters.sqlite.constraint_errors import silent_objects

        objects = silent_objects(self._driver, table)
        return f" ({', '.join(objects)})" if objects else ""

    def names(self, kind: str) -> set[str]:
        """The names of all objects of a kind: "table" or "index"."""
        rows = self.rows("SELECT name FROM sqlite_schema WHERE type = :kind", {"kind": kind})
        return {name for (name,) in rows}

    def columns(self, table: str, *, generated: bool = False) -> dict[str, bool]:
        """The columns of a table, in order; True for those that require a value.

        Names are in lower case because SQLite ignores their case.

        Args:
            table: its name.
            generated: whether to include generated columns, which can only be read.
        """
        rows = self.rows(
            # hidden: 2 and 3 are generated columns; 1 is hidden in a virtual table.
            'SELECT lower(name), "notnull" AND dflt_value IS NULL AND NOT pk AND NOT hidden'
            " FROM pragma_table_xinfo(:table) WHERE hidden = 0 OR (:generated AND hidden > 1)",
            {"table": table, "generated": generated},
        )
        return {str(name): bool(must) for name, must in rows}

    def hint(self, index: str) -> str:
        """The INDEXED BY clause for an index; "" if there is none."""
        return f"INDEXED BY {index}" if index in self.names("index") else ""

    def build_indexes(self, statements: Sequence[str]) -> None:
        """Create indexes in one transaction."""
        with self.writing():
            for statement in statements:
                self.change(statement)

    @contextmanager
    def writing(self, *prompt_ids: int, wakes: bool = False) -> Iterator[None]:  # noqa: ARG002 - a whole database is locked, and watched
        """A write transaction: committed at the end, rolled back by an exception.

        It begins IMMEDIATE because SQLite refuses to turn a reader into a writer if another
        program wrote in between.

        Raises:
            RepositoryBusyError: another program held the lock for longer than the timeout.
        """
        with self._lock:
            if self._rehearsals:
                with self.savepoint():
                    yield
                return
            if self._pending_settings:
                self._apply_settings(self._write_timeouts)
            self._wait_for("BEGIN IMMEDIATE", self._write_timeouts)
            try:
                yield
                self._wait_for("COMMIT", self._write_timeouts)
            except BaseException:
                self._driver.rollback()
                raise

    @contextmanager
    def reading(self) -> Iterator[None]:
        """A transaction in which every statement reads the same state.

        Inside another transaction it is part of that.

        Raises:
            RepositoryBusyError: another program held the lock for longer than the timeout.
        """
        with self._lock:
            if self._driver.in_transaction:
                yield
                return
            self._wait_for("BEGIN")
            try:
                self._wait_for("SELECT count(*) FROM sqlite_schema")  # takes the lock
                yield
            finally:
                self._driver.rollback()

    def version(self) -> tuple[int, int] | None:
        """A value that changes with every commit, of this connection or of another one.

        None inside a write transaction, which may be rolled back.

        Raises:
            RepositoryError: the database cannot be used, or is locked for longer than the timeout.
        """
        with self._lock:
            if self._driver.in_transaction:
                return None
            [(commits_of_others,)] = self.rows("PRAGMA data_version")
            return commits_of_others, self._driver.total_changes

    @contextmanager
    def rehearsing(self) -> Iterator[None]:
        """A write transaction that is always rolled back at its end.

        Calls of :meth:`writing` and :meth:`rehearsing` inside it become part of it. Other programs
        wait as for a write, and never see anything of it.

        Raises:
            RepositoryBusyError: another program held the lock for longer than the timeout.
        """
        with suppress(_RehearsedError), self.writing():
            self._rehearsals += 1
            try:
                yield
            finally:
                self._rehearsals -= 1
            raise _RehearsedError

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """A part of a transaction, which an exception rolls back on its own."""
        self.change("SAVEPOINT part")
        try:
            yield
        except BaseException:
            if self.is_writing:  # ON CONFLICT ROLLBACK and its like end all of it
                self.change("ROLLBACK TO part")
                self.change("RELEASE part")
            raise
        self.change("RELEASE part")

    def copy_to(self, target: Path) -> None:
        """Copy the database as it is at one moment into a file, which is overwritten.

        Args:
            target: the file.

        Raises:
            RepositoryError: the database cannot be read, or the copy cannot be written.
        """
        # One transaction holds the state for the whole copy; the driver's own copy would wait
        # without end for a lock, and begin again after each write of another program.
        with self.reading(), closing(sqlite3.connect(target)) as copy:
            try:
                self._driver.backup(copy)
            except _DRIVER_ERRORS as complaint:
                raise self._error(complaint, "") from complaint

    def _error(
        self, complaint: Exception, statement: str, *, writes: bool = False, status: str = ""
    ) -> RepositoryError:
        """The application's error, with the parts of the schema that cause it.

        Args:
            complaint: the driver's error.
            statement: the statement that failed.
            writes: whether a statement that cannot be compiled counts as a refused write.
            status: the artifact status that was to be written, or "".
        """
        error = translate_error(complaint, self.path)
        code = getattr(complaint, "sqlite_errorcode", 0) & 0xFF
        refused = code in _REFUSED or (writes and code == sqlite3.SQLITE_ERROR)
        if isinstance(error, MissingIndexError) or not (refused or code == sqlite3.SQLITE_ERROR):
            return error
        from adapters.sqlite.constraint_errors import (  # slow to import, and rarely needed
            error_text,
            schema_objects,
            table_written,
        )

        table = table_written(statement)
        objects = schema_objects(self._driver, complaint, table)
        behind = f" ({', '.join(objects)})" if objects else ""
        if not refused:
            return RepositoryError(f"{error}{behind}")
        where = f"table {table} in {self.path}" if table else f"the database {self.path}"
        reason = error_text(self._driver, complaint)
        what = f"artifact_status '{status}'" if status else "a write"
        return WriteRefusedError(f"{where} refuses {what}: {reason}{behind}")

    def _apply_settings(self, timeouts: int) -> None:
        # SQLite reads the schema for this, which may be locked.
        while self._pending_settings:
            self._wait_for(self._pending_settings[0], timeouts)
            del self._pending_settings[0]

    def _wait_for(self, statement: str, timeouts: int = 1) -> None:
        # The driver's own wait cannot be interrupted, so it is split: between two tries Python
        # runs its signal handlers.
        began, reported = time.monotonic(), False
        while True:
            try:
                self._driver.execute(statement)
            except _DRIVER_ERRORS as complaint:
                error = self._error(complaint, statement)
                waited, waits = time.monotonic() - began, isinstance(error, RepositoryBusyError)
                if not waits or waited >= self._max_wait(timeouts):
                    if waits and timeouts:
                        self._lock_state.is_locked = True
                    raise error from complaint
                if waited >= self._timeout and not reported:
                    reported = True
                    self._on_long_wait(str(error))
            else:
                self._lock_state.is_locked = False
                return

    def _max_wait(self, timeouts: int = 1) -> float:
        if self._gives_up_when_locked and self._lock_state.is_locked:
            return 0.0
        wait = self._timeout * timeouts
        return min(wait, _MAX_SHORT_WAIT) if self._limits_waits() else wait


def translate_error(complaint: Exception, path: Path) -> RepositoryError:
    """The application's error for an error of the driver, with instructions."""
    code = getattr(complaint, "sqlite_errorcode", 0) & 0xFF
    if code in _BUSY:
        return RepositoryBusyError(
            f"the database {path} was locked by another program for longer than the wait;"
            " end the program that holds it, or raise database.timeout"
        )
    if code in _DAMAGED or isinstance(complaint, UnicodeDecodeError):
        return RepositoryError(_damaged(path, complaint))
    if code == sqlite3.SQLITE_FULL:
        return RepositoryError(
            f"no space left on the volume of the database {path}; free some and run again"
        )
    if code in _NOT_PERMITTED and (denied := _denied(path, complaint)):
        return RepositoryError(denied)
    if str(complaint).startswith("no such index"):
        return MissingIndexError(f"an index of the database {path} was dropped: {complaint}")
    return RepositoryError(f"the database {path} cannot be used: {complaint}")


def _moved(path: Path) -> str:
    return (
        f"the database {path} was moved away or replaced while it was in use;"
        " nothing more is written to it. Put it back, or restart with the new one."
    )


def _damaged(path: Path, error: Exception) -> str:
    return (
        f"the file {path} is damaged or not a SQLite database ({error}); it was left as it is."
        " Restore it from a backup, or try sqlite3's .recover on a copy."
    )


def _denied(path: Path, complaint: Exception) -> str:
    """Which right is missing, for SQLite says neither which nor where; "" if it is another cause.

    Beside the database SQLite creates a journal, or in WAL mode two files even to read.
    """
    code = getattr(complaint, "sqlite_errorcode", 0)
    if code == sqlite3.SQLITE_READONLY_DBMOVED:
        return _moved(path)
    effective = os.access in os.supports_effective_ids
    if not os.access(path.parent, os.W_OK | os.X_OK, effective_ids=effective):
        return (
            f"the database {path} cannot be used: this user may not create files in its folder"
            f" {path.parent}, where SQLite keeps a journal or WAL beside it; give the user the"
            " right to write to the folder, or run as another user"
        )
    if code & 0xFF == sqlite3.SQLITE_READONLY:
        return f"the database {path} cannot be written to; check its permissions"
    return ""


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _check_is_database(path: Path) -> None:
    # Closing a file releases every lock that this process has on it (fcntl, POSIX), including those
    # of other connections; another program may then remove a WAL that is still in use. So a file
    # is read directly only before SQLite opens it for the first time.
    with _examining:
        _examine(path)


def _examine(path: Path) -> None:
    if _identity(path) in _examined:
        return
    try:
        with path.open("rb") as file:
            header = file.read(len(_HEADER))
    except FileNotFoundError:
        message = (
            f"there is no database at {path}; correct database.path, or create one with"
            " 'mediagen init'"
        )
        raise RepositoryError(message) from None
    except OSError as error:
        message = f"the database {path} cannot be opened: {error.strerror}"
        raise RepositoryError(message) from error
    if header != _HEADER:
        message = f"the file {path} is not a SQLite database; it was left as it is"
        raise RepositoryError(message)
    if identity := _identity(path):
        _examined.add(identity)
