"""A connection to a database that others own: opened, never created; waited for, never forced."""

from __future__ import annotations

import sqlite3
import sys
import time
from contextlib import contextmanager, suppress
from threading import Lock, RLock
from typing import TYPE_CHECKING

from application.ports.prompt_repository import RepositoryBusyError, RepositoryError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

_HEADER = b"SQLite format 3\x00"
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_SLICE_SECONDS = 1.0
_examined: set[tuple[int, int]] = set()  # files that this process opened as databases
_examining = Lock()  # or one thread would read by hand what another has opened meanwhile
_HURRIED_SECONDS = 2.0
# The driver cannot even read SQLite's own complaint where that quotes a torn schema.
_COMPLAINTS = (sqlite3.Error, UnicodeDecodeError)


class IndexLostError(RepositoryError):
    """Somebody dropped an index that a statement names."""


class Connection:
    """One SQLite file, open.

    Reads are ordinary statements; every write goes through :meth:`writing`. Text that is not
    valid UTF-8 arrives with the offending bytes as lone surrogates, so that one such row never
    keeps others from being read. Safe from any thread: they take turns, a transaction at a time.

    Args:
        path: of an existing SQLite database.
        timeout: seconds to wait for locks that other programs hold.
        patience: how many timeouts a write waits; work that is done is not thrown away because
            somebody else takes his time.
        durable: whether a commit waits until it is safe from a loss of power. What is only
            worth knowing as long as the machine runs need not.

    Raises:
        RepositoryError: the file is missing, is no database, or cannot be opened.
    """

    def __init__(
        self, path: Path, timeout: float, patience: int = 1, *, durable: bool = True
    ) -> None:
        self.path = path
        self._timeout = timeout
        self._patience = patience
        self._hurries: Callable[[], bool] = lambda: False
        self._tell: Callable[[str], object] = lambda _: None
        self._turn = RLock()
        _refuse_what_is_no_database(path)
        try:
            self._driver = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode=rw",
                uri=True,
                timeout=min(timeout, _SLICE_SECONDS),
                isolation_level=None,
                check_same_thread=False,
            )
        except _COMPLAINTS as complaint:
            raise translated(complaint, path) from complaint
        self._driver.text_factory = _lenient_text
        self._identity = _identity(path)
        self._unset = [f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}"]
        if durable and sys.platform == "darwin":
            self._unset.append("PRAGMA fullfsync = ON")
        try:
            with suppress(RepositoryBusyError):  # it is only opened yet: whoever uses it waits
                self._set(patience=0)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        with self._turn:
            self._driver.close()

    def hurry_when(self, hurries: Callable[[], bool]) -> None:
        """While that is true, no wait for a lock is longer than a few seconds.

        It is asked about once a second by whoever waits.
        """
        self._hurries = hurries

    def tell_of_waits(self, tell: Callable[[str], object]) -> None:
        """Let it be told, while a patient write still waits, that the timeout is over."""
        self._tell = tell

    def check_identity(self) -> None:
        """Notice that the file was moved away or replaced.

        Raises:
            RepositoryError: the path does not lead to the open file any more.
        """
        if _identity(self.path) != self._identity:
            raise RepositoryError(_moved(self.path))

    def rows(self, statement: str, values: Mapping[str, object] | None = None) -> list[tuple]:  # type: ignore[type-arg]
        """Run a statement and give all of its rows."""
        began = time.monotonic()
        while True:
            with self._turn:
                try:
                    return self._driver.execute(statement, values or {}).fetchall()
                except _COMPLAINTS as complaint:
                    error = translated(complaint, self.path)
                    busy = isinstance(error, RepositoryBusyError)
                    waits = busy and not self._driver.in_transaction
                    if not waits or time.monotonic() - began >= self._longest():
                        raise error from complaint

    def change(self, statement: str, values: Mapping[str, object] | None = None) -> int:
        """Run a statement inside :meth:`writing` and give the number of rows it changed."""
        try:
            return self._driver.execute(statement, values or {}).rowcount
        except _COMPLAINTS as complaint:
            raise translated(complaint, self.path) from complaint

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One write transaction: committed at the end, rolled back by an exception.

        It begins IMMEDIATE, so that it never has to turn from a reader into a writer, which
        SQLite refuses when somebody else wrote in between.

        Raises:
            RepositoryBusyError: others held the lock for longer than the timeout.
        """
        with self._turn:
            self._set(self._patience)
            self._wait_for("BEGIN IMMEDIATE", self._patience)
            try:
                yield
                self._wait_for("COMMIT", self._patience)
            except BaseException:
                self._driver.rollback()
                raise

    def _set(self, patience: int) -> None:
        # SQLite reads the schema for that, which others may have locked.
        while self._unset:
            self._wait_for(self._unset[0], patience)
            del self._unset[0]

    def _wait_for(self, statement: str, patience: int = 1) -> None:
        # The driver's own wait cannot be interrupted, so it is taken in slices: between two of
        # them Python runs its signal handlers.
        began, told = time.monotonic(), False
        while True:
            try:
                self._driver.execute(statement)
            except _COMPLAINTS as complaint:
                error = translated(complaint, self.path)
                waited, waits = time.monotonic() - began, isinstance(error, RepositoryBusyError)
                if not waits or waited >= self._longest(patience):
                    raise error from complaint
                if waited >= self._timeout and not told:
                    told = True
                    self._tell(str(error))
            else:
                return

    def _longest(self, patience: int = 1) -> float:
        longest = self._timeout * patience
        return min(longest, _HURRIED_SECONDS) if self._hurries() else longest


def translated(complaint: Exception, path: Path) -> RepositoryError:
    """The application's error for one of the driver's, with what to do."""
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
            f"no room on the volume of the database {path}; make room and run again"
        )
    if code == sqlite3.SQLITE_READONLY:
        moved = getattr(complaint, "sqlite_errorcode", 0) == sqlite3.SQLITE_READONLY_DBMOVED
        no_right = f"the database {path} cannot be written to; check the rights on it"
        return RepositoryError(_moved(path) if moved else no_right)
    if str(complaint).startswith("no such index"):
        return IndexLostError(f"an index of the database {path} was dropped: {complaint}")
    return RepositoryError(f"the database {path} cannot be used: {complaint}")


def _moved(path: Path) -> str:
    return (
        f"the database {path} was moved away or replaced while it was in use;"
        " nothing more is written to it. Put it back, or start again with the new one."
    )


def _damaged(path: Path, error: Exception) -> str:
    return (
        f"the file {path} is damaged or not a SQLite database ({error}); it was left as it is."
        " Restore it from a backup, or try sqlite3's .recover on a copy."
    )


def _lenient_text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _refuse_what_is_no_database(path: Path) -> None:
    # Closing a file cancels every lock that this process has on it (fcntl, POSIX), those of other
    # connections included; without them, others end the WAL that we still write to. So a file is
    # opened by hand only before SQLite opened it, and never again.
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
            f"there is no database at {path}; correct database.path, or make one with"
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
