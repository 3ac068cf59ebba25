"""A connection to a PostgreSQL database: transactions that lock prompts, and lost sessions."""

from __future__ import annotations

import re
import time
from contextlib import contextmanager, suppress
from threading import RLock
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg
from psycopg import errors

from adapters.postgres.address import BEHIND_PROXY, NO_SERVER, UnreachableError, connect
from adapters.postgres.statements import for_driver, statements
from application.ports.prompt_repository import (
    RepositoryBusyError,
    RepositoryError,
    WriteRefusedError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from adapters.postgres.address import PostgresAddress

T = TypeVar("T")

CHANNEL = "media_generator_queue"
"""Notified when there may be more to render."""

_IDLE_SECONDS = 60  # a transaction whose process was suspended is ended then, and its locks with it
_MAX_SHORT_WAIT = 2.0  # seconds, while waits are limited
_RETRY_SECONDS = 0.25  # between two tries to reach the server
_MAX_CONFLICTS = 2  # repetitions of a transaction that PostgreSQL ended in favour of another one
_REFUSED_CLASSES = frozenset({"22", "23", "42", "44", "P0"})
_LOST_CLASSES = frozenset({"08", "57"})
_DRIVER_ERRORS = (psycopg.Error, UnicodeEncodeError)


class LostSessionError(RepositoryError):
    """The session with the server ended, and nothing of its transaction was written."""


class ConflictError(RepositoryBusyError):
    """PostgreSQL ended a transaction in favour of another one; nothing was written."""


class _RehearsedError(Exception):
    """Rolls back the transaction of a rehearsal."""


class Connection:
    """An open PostgreSQL database; a lost session is replaced by a new one.

    A write transaction begins by locking the prompts that it is about. What follows reads each
    prompt and its renders as they are then, and not as another transaction found them before. Safe
    from any thread; threads take turns, one transaction at a time.

    Args:
        address: of the database.
        timeout: seconds to wait for locks of other programs, and for a server that is away.
        write_timeouts: number of timeouts that a write waits; a long one saves finished work.

    Raises:
        RepositoryError: the server cannot be reached, or refuses the session.
    """

    statements = staticmethod(statements)

    def __init__(
        self,
        address: PostgresAddress,
        timeout: float,
        write_timeouts: int = 1,
    ) -> None:
        self.path = str(address)
        self._address = address
        self._timeout = timeout
        self._write_timeouts = write_timeouts
        self._limits_waits: Callable[[], bool] = lambda: False
        self._on_long_wait: Callable[[str], object] = lambda _: None
        self._lock = RLock()
        self._rehearsals = 0
        self._savepoints = 0
        self._in_transaction = False
        self._has_begun = False  # whether the server knows about the transaction
        self._mark: Mapping[str, object] | None = None  # once the transaction changed something
        self._pending: list[str] = []  # statements that are sent along with the next one
        self._sql = statements("transactions")
        self._driver: psycopg.Connection[tuple[Any, ...]] | None = connect(address)

    def close(self) -> None:
        """End the session."""
        with self._lock:
            self._drop()

    def limit_waits_while(self, condition: Callable[[], bool]) -> None:
        """Limit every wait to a few seconds while a condition is true.

        Args:
            condition: evaluated between two tries.
        """
        self._limits_waits = condition

    def on_long_wait(self, callback: Callable[[str], object]) -> None:
        """Call back with a message when a write waits for longer than one timeout."""
        self._on_long_wait = callback

    def check_identity(self) -> None:
        """An address always leads to the same database; nothing is checked."""

    def rows(
        self, statement: str, values: Mapping[str, object] | None = None
    ) -> list[tuple[Any, ...]]:
        """Run a statement and return all of its rows.

        Raises:
            RepositoryError: the database cannot be used, or is locked for longer than the timeout.
        """
        with self._lock:
            if self._in_transaction:
                return self._send(statement, values).fetchall()
            return self.persist(lambda: self._read(statement, values), timeouts=1)

    def change(self, statement: str, values: Mapping[str, object] | None = None) -> int:
        """Run a statement inside :meth:`writing` and return the number of rows it changed.

        Raises:
            WriteRefusedError: a constraint, trigger, type or right refuses it.
        """
        if not self._in_transaction:
            message = f"the transaction on {self.path} was rolled back; nothing was written"
            raise WriteRefusedError(message)
        if self._mark is not None:
            return self._send(statement, values, writes=True).rowcount
        # Tells whether the transaction was committed, should the session be lost then.
        cursor = self._send(f"{statement}; {self._sql['mark']}", values, writes=True)
        changed = cursor.rowcount
        while cursor.nextset():
            if cursor.description is None:
                changed = cursor.rowcount
        [mark] = cursor.fetchall()
        names = ("number", "written", "replayed", "timeline")
        self._mark = dict(zip(names, mark, strict=True))
        return changed

    @property
    def is_writing(self) -> bool:
        """Whether a transaction is open."""
        return self._in_transaction

    def names(self, kind: str) -> set[str]:
        """The names of all objects of a kind: "table" or "index"."""
        kinds = ["i", "I"] if kind == "index" else ["r", "p", "v", "m", "f"]
        rows = self.rows(
            "SELECT c.relname FROM pg_class AS c"
            " INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace"
            " WHERE c.relkind::text = ANY (:kinds) AND n.nspname <> 'pg_catalog'"
            " AND pg_table_is_visible(c.oid)",
            {"kinds": kinds},
        )
        return {str(name) for (name,) in rows}

    def columns(self, table: str, *, generated: bool = False) -> dict[str, bool]:
        """The columns of a table, in order; True for those that require a value.

        Args:
            table: its name.
            generated: whether to include generated columns, which can only be read.
        """
        rows = self.rows(
            "SELECT a.attname, a.attnotnull AND NOT a.atthasdef AND a.attidentity = ''"
            " FROM pg_attribute AS a WHERE a.attrelid = to_regclass(:table)"
            " AND a.attnum > 0 AND NOT a.attisdropped AND (:generated OR a.attgenerated = '')"
            " ORDER BY a.attnum",
            {"table": table, "generated": generated},
        )
        return {str(name): bool(must) for name, must in rows}

    def hint(self, index: str) -> str:  # noqa: ARG002 - the planner chooses on its own
        """PostgreSQL takes no hints."""
        return ""

    def build_indexes(self, statements: Sequence[str]) -> None:
        """Create each index, unless this user does not own the table."""
        for statement in statements:
            with suppress(WriteRefusedError), self.writing():
                self.change(statement)

    def ignored(self, table: str, what: str) -> WriteRefusedError:
        """The error for a write that changed nothing, which a trigger may cause.

        Args:
            table: that was written to.
            what: was written, such as "a new row".
        """
        return WriteRefusedError(
            f"table {table} in {self.path} drops {what} without an error, as a trigger that returns"
            f" NULL, a rule or row security does{self.silent_objects(table)}"
        )

    def silent_objects(self, table: str) -> str:
        """What may take back a write without an error, in parentheses; "" if nothing is known."""
        names = self.rows(
            "SELECT 'trigger ' || tgname FROM pg_trigger"
            " WHERE tgrelid = to_regclass(:table) AND NOT tgisinternal AND tgenabled <> 'D'"
            " UNION ALL SELECT 'rule ' || rulename FROM pg_rules"
            " WHERE tablename = :table UNION ALL SELECT 'policy ' || policyname FROM pg_policies"
            " WHERE tablename = :table",
            {"table": table},
        )
        return f" ({', '.join(name for (name,) in names)})" if names else ""

    def version(self) -> tuple[int, str] | None:
        """A value that changes with every transaction that writes anything on the server.

        None inside a write transaction, which may be rolled back.

        Raises:
            RepositoryError: the database cannot be used.
        """
        with self._lock:
            if self._in_transaction:
                return None
            [(snapshot,)] = self.rows(self._sql["snapshot"])
            # Another session may be with another server, whose numbers are its own.
            process = self._driver.info.backend_pid if self._driver else 0
            return process, str(snapshot)

    # ------------------------------------------------------------------------------ transactions

    @contextmanager
    def writing(self, *prompt_ids: int, wakes: bool = False) -> Iterator[None]:
        """A write transaction: committed at the end, rolled back by an exception.

        Args:
            prompt_ids: the prompts that it is about, which it locks.
            wakes: whether waiting workers are notified. The commits of all transactions that
                notify wait for each other, so most do not.

        Raises:
            RepositoryBusyError: another program held a lock for longer than the timeout.
            LostSessionError: the session ended before the commit; nothing was written.
        """
        with self._lock:
            if self._in_transaction:
                with self.savepoint():
                    self._pending += _locks(prompt_ids)
                    yield
                return
            self._begin("READ COMMITTED READ WRITE")
            self._pending += _locks(prompt_ids)
            try:
                yield
                self._commit(f"NOTIFY {CHANNEL}; COMMIT" if wakes else "COMMIT")
            finally:
                self._roll_back()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """A transaction in which every statement reads the same state.

        Inside another transaction it is part of that.

        Raises:
            RepositoryError: the database cannot be used.
        """
        with self._lock:
            if self._in_transaction:
                yield
                return
            self._begin("REPEATABLE READ READ ONLY")
            # Compiling a statement that counts takes seconds, and running it does not.
            self._pending.append("SET LOCAL jit = off")
            try:
                yield
            finally:
                self._roll_back()

    @contextmanager
    def rehearsing(self) -> Iterator[None]:
        """A write transaction that is always rolled back at its end.

        Calls of :meth:`writing` and :meth:`rehearsing` inside it become part of it. Other programs
        wait for the rows that it wrote, and never see anything of it.
        """
        with suppress(_RehearsedError), self.writing():
            yield
            raise _RehearsedError

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """A part of a transaction, which an exception rolls back on its own."""
        self._savepoints += 1
        name = f"part{self._savepoints}"
        before = f"SAVEPOINT {name}"
        self._pending.append(before)
        try:
            yield
        except BaseException:
            if before in self._pending:  # the server knows nothing of it
                del self._pending[self._pending.index(before) :]
            elif self._in_transaction and self._driver is not None:
                self._pending.clear()
                try:
                    self._send(f"ROLLBACK TO {name}; RELEASE {name}")
                except LostSessionError:
                    raise
                except RepositoryError:  # what came before it failed already, such as a lock
                    self._roll_back()
            raise
        self._pending.append(f"RELEASE {name}")

    def persist(self, act: Callable[[], T], timeouts: int | None = None) -> T:
        """Do something that may be repeated, until the server is there and no other is faster.

        Args:
            act: one transaction; inside another one it is done once.
            timeouts: number of timeouts to wait; None for as many as writes wait.

        Raises:
            RepositoryError: it cannot be done within the wait.
        """
        if self._in_transaction:
            return act()
        began, conflicts, reported = time.monotonic(), 0, False
        while True:
            try:
                return act()
            except ConflictError:
                conflicts += 1
                if conflicts > _MAX_CONFLICTS:
                    raise
            except (LostSessionError, UnreachableError, RepositoryBusyError) as error:
                waited = time.monotonic() - began
                if waited >= self._max_wait(timeouts or self._write_timeouts):
                    raise
                if waited >= self._timeout and not reported:
                    reported = True
                    self._on_long_wait(str(error))
                time.sleep(_RETRY_SECONDS)

    def _begin(self, mode: str) -> None:
        wait = round(self._max_wait() * 1000)
        self._in_transaction, self._has_begun, self._mark = True, False, None
        self._savepoints = 0
        self._pending = [
            f"BEGIN ISOLATION LEVEL {mode}",
            f"SET LOCAL lock_timeout = {wait}",
            f"SET LOCAL idle_in_transaction_session_timeout = '{_IDLE_SECONDS}s'",
        ]

    def _commit(self, statement: str) -> None:
        if not self._has_begun:
            return  # nothing was done
        mark = self._mark
        try:
            self._send(statement, writes=True)
        except LostSessionError:
            if mark is None:
                raise
            self._in_transaction = False
            if not self._was_committed(mark):
                raise
        self._in_transaction = False

    def _was_committed(self, mark: Mapping[str, object]) -> bool:
        """Whether a transaction was committed whose session was lost at that moment.

        Raises:
            RepositoryError: it cannot be known.
        """
        began = time.monotonic()
        while True:
            [(outcome,)] = self.rows(self._sql["outcome"], mark)
            # The old session may still be at it.
            if outcome != "in progress" or time.monotonic() - began >= self._max_wait(
                self._write_timeouts
            ):
                break
            time.sleep(_RETRY_SECONDS)
        if outcome in {"committed", "aborted"}:
            return bool(outcome == "committed")
        raise RepositoryError(
            f"the connection to {self.path} was lost during a commit, and whether it took place is"
            " unknown; the next recovery finds out"
        )

    def _roll_back(self) -> None:
        """End what a transaction left open; nothing after a commit."""
        is_open, self._in_transaction = self._in_transaction and self._has_begun, False
        self._pending.clear()
        if is_open and self._driver is not None:
            try:
                self._driver.execute("ROLLBACK")
            except psycopg.Error:
                self._drop()

    # ------------------------------------------------------------------------------ statements

    def _read(self, statement: str, values: Mapping[str, object] | None) -> list[tuple[Any, ...]]:
        wait = round(self._max_wait() * 1000)
        cursor = self._send(f"SET LOCAL lock_timeout = {wait}; {statement}", values)
        return cursor.fetchall()

    def _send(
        self, statement: str, values: Mapping[str, object] | None = None, *, writes: bool = False
    ) -> psycopg.Cursor[tuple[Any, ...]]:
        """Run what is pending and a statement, in one message to the server.

        Returns:
            The cursor at the first result of the statement.
        """
        pending, self._pending = self._pending, []
        ahead = len(pending) + (0 if self._in_transaction else 1)
        text = "; ".join([*pending, for_driver(statement)])
        is_first = self._in_transaction and not self._has_begun
        began = time.monotonic()
        while True:
            try:
                cursor = self._run(text, values, writes=writes)
            except (LostSessionError, UnreachableError):
                # What begins the transaction may be sent again.
                self._has_begun = not is_first
                if not is_first or time.monotonic() - began >= self._max_wait():
                    raise
                time.sleep(_RETRY_SECONDS)
            else:
                for _ in range(ahead):
                    cursor.nextset()
                return cursor

    def _run(
        self, text: str, values: Mapping[str, object] | None, *, writes: bool
    ) -> psycopg.Cursor[tuple[Any, ...]]:
        try:
            driver = self._session()
            self._has_begun = self._in_transaction
            return driver.execute(text, values or {})
        except _DRIVER_ERRORS as complaint:
            raise self._error(complaint, writes=writes, values=values) from complaint

    def _session(self) -> psycopg.Connection[tuple[Any, ...]]:
        if self._driver is None or self._driver.closed:
            if self._in_transaction and self._has_begun:
                message = f"the connection to {self.path} was lost; nothing was written"
                raise LostSessionError(message)
            self._driver = connect(self._address)
        return self._driver

    def _drop(self) -> None:
        driver, self._driver = self._driver, None
        if driver is not None:
            with suppress(psycopg.Error):
                driver.close()

    def _max_wait(self, timeouts: int = 1) -> float:
        wait = self._timeout * timeouts
        return min(wait, _MAX_SHORT_WAIT) if self._limits_waits() else wait

    # ------------------------------------------------------------------------------ errors

    def _error(
        self,
        complaint: Exception,
        *,
        writes: bool,
        values: Mapping[str, object] | None,
    ) -> RepositoryError:
        """The application's error for one of the driver; ends a session that is lost."""
        code = getattr(complaint, "sqlstate", None) or ""
        text = _text(complaint)
        if _is_conflict(complaint):
            return ConflictError(f"the database {self.path} ended a transaction: {text}")
        if isinstance(complaint, errors.LockNotAvailable):
            return RepositoryBusyError(
                f"the database {self.path} was locked by another program for longer than the wait;"
                " end the program that holds it, or raise database.timeout"
            )
        is_lost = isinstance(complaint, psycopg.OperationalError) and (
            not code or code[:2] in _LOST_CLASSES
        )
        if is_lost or isinstance(complaint, errors.IdleInTransactionSessionTimeout):
            self._drop()
            if re.search(BEHIND_PROXY, text):
                text += f"; {NO_SERVER}"
            return LostSessionError(f"the connection to {self.path} was lost: {text}")
        if isinstance(complaint, errors.ReadOnlySqlTransaction):
            return RepositoryError(
                f"the database {self.path} is read-only, as a standby is; name the primary server"
                " in database.url"
            )
        unsendable = not code and isinstance(complaint, psycopg.DataError | UnicodeEncodeError)
        if writes and (unsendable or code[:2] in _REFUSED_CLASSES):
            return WriteRefusedError(self._refusal(complaint, text, values))
        return RepositoryError(f"the database {self.path} cannot be used: {text}")

    def _refusal(self, complaint: Exception, text: str, values: Mapping[str, object] | None) -> str:
        diagnosis = getattr(complaint, "diag", None)
        table = getattr(diagnosis, "table_name", None)
        where = f"table {table} in {self.path}" if table else f"the database {self.path}"
        status = (values or {}).get("target")
        what = f"artifact_status '{status}'" if status else "a write"
        parts = [
            f"{kind} {name}"
            for kind in ("column", "constraint")
            if (name := getattr(diagnosis, f"{kind}_name", None))
        ]
        if context := getattr(diagnosis, "context", None):
            parts.append(str(context).splitlines()[0])
        behind = f" ({', '.join(parts)})" if parts else ""
        return f"{where} refuses {what}: {text}{behind}"


def _is_conflict(complaint: Exception) -> bool:
    """Whether another transaction was faster, and the next try finds what it did."""
    if isinstance(complaint, errors.UniqueViolation):  # the same submission under the same key
        return complaint.diag.table_name == "media_generator_requests"
    return isinstance(complaint, errors.SerializationFailure | errors.DeadlockDetected)


def _locks(prompt_ids: Sequence[int]) -> list[str]:
    """The statement that locks prompts, always in the same order."""
    if not prompt_ids:
        return []
    ids = ", ".join(str(int(prompt_id)) for prompt_id in sorted(set(prompt_ids)))
    statement = f"SELECT id FROM prompts WHERE id IN ({ids}) ORDER BY id"  # noqa: S608 - numbers
    return [f"{statement} FOR NO KEY UPDATE"]


def _text(complaint: Exception) -> str:
    """The first line of an error; the rest repeats the statement and its values."""
    primary = getattr(getattr(complaint, "diag", None), "message_primary", None)
    return str(primary or complaint).strip().partition("\n")[0]
