"""Copying a queue from a SQLite file into an empty PostgreSQL database, in one transaction.

Either everything is there at the end, compared row by row, or nothing is: an interrupted copy
leaves the database empty, and is simply run again.
"""

from __future__ import annotations

import hashlib
import json
import math
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from adapters.postgres.address import connect
from adapters.postgres.schema import SHARED_TABLES, create_shared_tables
from adapters.postgres.statements import statements
from adapters.sql_queue.bookkeeping import SCHEMA_VERSION, creations
from application.ports.prompt_repository import RepositoryError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    import psycopg

    from adapters.postgres.address import PostgresAddress

    Driver = psycopg.Connection[tuple[Any, ...]]
    Convert = Callable[[object], object]

_OWN: Final = "media_generator_"
_OPTIONAL: Final = {  # tables of Media Generator that only some installations have
    "media_generator_notices": ("hook_outbox", ("create_table", "create_due_index")),
    "media_generator_server_jobs": (
        "server_jobs",
        ("create_server_jobs", "create_server_jobs_index"),
    ),
}
_REPORT_EVERY: Final = 10_000  # rows
_HASHES: Final = 1 << 256
_MAX_INTEGER: Final = (1 << 63) - 1
_MAX_NAMED: Final = 5


@dataclass
class CopiedTable:
    """One table after the copy.

    Attributes:
        name: of the table.
        rows: number of its rows.
        digest: of all of its rows in any order, the same on both sides.
        changed: values that PostgreSQL cannot hold as they are, as "column of row ID: why".
        changed_count: number of these; the first few are named.
    """

    name: str
    rows: int = 0
    digest: str = ""
    changed: list[str] = field(default_factory=list)
    changed_count: int = 0


@dataclass
class CopyReport:
    """What was copied.

    Attributes:
        tables: in the order of copying.
        notes: what differs from a database that 'mediagen init' creates, in sentences.
    """

    tables: list[CopiedTable] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def copy_database(
    source: Path, address: PostgresAddress, on_progress: Callable[[str, int], object]
) -> CopyReport:
    """Copy the shared tables and ours.

    Args:
        source: a SQLite file; it is only read, from one state.
        address: of a database without these tables.
        on_progress: called with a table and the number of its rows so far.

    Raises:
        RepositoryError: a side cannot be used, the target is not empty, renders are live in the
            source, or the copy differs from it.
    """
    if not source.is_file():
        raise RepositoryError(f"there is no database at {source}")
    try:
        with closing(_opened(source)) as driver:
            _check_source(driver, source)
            with closing(connect(address)) as target:
                return _Copy(driver, target, address, on_progress).run()
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise RepositoryError(f"the database {source} cannot be read: {error}") from error


def _opened(source: Path) -> sqlite3.Connection:
    driver = sqlite3.connect(
        f"{source.absolute().as_uri()}?mode=ro", uri=True, timeout=30, isolation_level=None
    )
    driver.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
    try:
        driver.execute("BEGIN")
        driver.execute("SELECT count(*) FROM sqlite_schema").fetchone()  # takes the lock
    except BaseException:
        driver.close()
        raise
    return driver


def _check_source(driver: sqlite3.Connection, source: Path) -> None:
    tables = _tables(driver)
    for table in ("prompts", "writings", "prompt_artifacts"):
        if table not in tables:
            raise RepositoryError(f"the database {source} has no table {table}")
    if "media_generator_state" not in tables:
        return
    [(version,)] = driver.execute("SELECT schema_version FROM media_generator_state").fetchall()
    if version != SCHEMA_VERSION:
        raise RepositoryError(
            f"the tables of Media Generator in {source} have version {version}, and this one copies"
            f" version {SCHEMA_VERSION}; run 'mediagen --database {source} resume' once with the"
            " newer of the two"
        )
    live = "SELECT count(*) FROM media_generator_renders WHERE outcome IS NULL"
    [(count,)] = driver.execute(live).fetchall()
    if count:
        raise RepositoryError(
            f"{count} renders are live in {source}: stop its workers first, or if none is running,"
            " let 'mediagen run' pick up what a lost one left"
        )


class _Copy:
    """One copy, within one transaction on each side."""

    def __init__(
        self,
        source: sqlite3.Connection,
        target: Driver,
        address: PostgresAddress,
        on_progress: Callable[[str, int], object],
    ) -> None:
        self._source = source
        self._target = target
        self._address = address
        self._on_progress = on_progress
        self._report = CopyReport()

    def run(self) -> CopyReport:
        """Create, fill and compare everything; nothing is there after an error."""
        from psycopg import Error

        present = _tables(self._source)
        ours = sorted(name for name in present if name.startswith(_OWN))
        try:
            with self._target.transaction():
                self._refuse_if_used()
                create_shared_tables(self._target, self._address)
                self._create_ours(ours)
                references = self._without_references()
                for table in (*(name for name in SHARED_TABLES if name in present), *ours):
                    self._copy_table(table)
                self._restore_references(references)
            self._target.execute(f"ANALYZE {', '.join(SHARED_TABLES)}")
        except Error as error:
            text = " ".join(str(error).split())
            message = f"the copy into {self._address} failed, and nothing is there: {text}"
            raise RepositoryError(message) from error
        return self._report

    def _refuse_if_used(self) -> None:
        names = self._target.execute(
            "SELECT relname FROM pg_class WHERE relname LIKE 'media\\_generator\\_%' AND"
            " relkind = 'r' AND pg_table_is_visible(oid) ORDER BY relname"
        ).fetchall()
        if names:
            raise RepositoryError(
                f"the database {self._address} already has the table {names[0][0]}; name an empty"
                " database"
            )

    def _create_ours(self, ours: Sequence[str]) -> None:
        if not ours:
            return
        sql = statements("bookkeeping")
        for name in creations():
            self._target.execute(sql[name].encode())
        for table, (subject, names) in _OPTIONAL.items():
            for name in names if table in ours else ():
                self._target.execute(statements(subject)[name].encode())

    def _without_references(self) -> list[tuple[str, str, str]]:
        """Foreign keys of the shared tables, which old rows may not keep; dropped for the copy."""
        references = self._target.execute(
            "SELECT conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid)"
            " FROM pg_constraint WHERE contype = 'f' AND conrelid = ANY (%s::regclass[])",
            (list(SHARED_TABLES),),
        ).fetchall()
        for table, name, _ in references:
            self._target.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}".encode())
        return references

    def _restore_references(self, references: Sequence[tuple[str, str, str]]) -> None:
        from psycopg import errors

        for table, name, definition in references:
            statement = f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition} NOT VALID"
            self._target.execute(statement.encode())
            try:
                with self._target.transaction():
                    validate = f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}"
                    self._target.execute(validate.encode())
            except errors.ForeignKeyViolation:
                self._report.notes.append(
                    f"some rows of {table} refer to prompts or writings that are gone; {name} holds"
                    " for new rows only"
                )

    def _copy_table(self, table: str) -> None:
        columns = self._columns_of_source(table)
        types = self._types(table)
        if missing := [name for name in columns if name not in types]:
            self._add_columns(table, {name: columns[name] for name in missing})
            types = self._types(table)
        self._relax(table, columns)
        copied = CopiedTable(table)
        digest = self._fill(table, columns, types, copied)
        self._compare(table, columns, copied, digest)
        self._continue_numbers(table)
        self._report.tables.append(copied)

    def _columns_of_source(self, table: str) -> dict[str, str]:
        """The stored columns of a table and their declared types."""
        rows = self._source.execute(
            "SELECT lower(name), upper(type) FROM pragma_table_xinfo(?) WHERE hidden = 0", (table,)
        )
        return {str(name): str(declared) for name, declared in rows}

    def _types(self, table: str) -> dict[str, str]:
        rows = self._target.execute(
            "SELECT attname, format_type(atttypid, NULL) FROM pg_attribute"
            " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
            (table,),
        )
        return {str(name): str(kind) for name, kind in rows}

    def _add_columns(self, table: str, columns: Mapping[str, str]) -> None:
        for name, declared in columns.items():
            kind = _type_of(declared)
            statement = f"ALTER TABLE {table} ADD COLUMN {_quoted(name)} {kind}"
            self._target.execute(statement.encode())
            self._report.notes.append(f"{table} has the column {name} of another program")

    def _relax(self, table: str, columns: Mapping[str, str]) -> None:
        """Let NULL be stored where the source stores it."""
        required = self._target.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0"
            " AND attnotnull AND attidentity = '' AND attnum <> ALL (coalesce((SELECT conkey"
            " FROM pg_constraint WHERE conrelid = attrelid AND contype = 'p'), '{}'))",
            (table,),
        ).fetchall()
        for (name,) in required:
            query = f"SELECT 1 FROM {table} WHERE {_quoted(name)} IS NULL LIMIT 1"  # noqa: S608
            if name not in columns or self._source.execute(query).fetchone():
                statement = f"ALTER TABLE {table} ALTER {_quoted(name)} DROP NOT NULL"
                self._target.execute(statement.encode())

    def _fill(
        self,
        table: str,
        columns: Mapping[str, str],
        types: Mapping[str, str],
        copied: CopiedTable,
    ) -> int:
        """Send every row; returns the digest of what was sent."""
        names = ", ".join(map(_quoted, columns))
        absent = [name for name in types if name not in columns]
        listed = ", ".join(map(_quoted, (*columns, *absent)))
        converts = [_CONVERSIONS.get(types[name], _text) for name in columns]
        digest = 0
        query = f"SELECT {names} FROM {table}"  # noqa: S608 - quoted names
        statement = f"COPY {table} ({listed}) FROM STDIN"
        with self._target.cursor().copy(statement.encode()) as copy:
            for row in self._source.execute(query):
                values = []
                for name, convert, value in zip(columns, converts, row, strict=True):
                    converted = convert(value)
                    if converted != value and not _is_same(value, converted):
                        copied.changed_count += 1
                        if len(copied.changed) < _MAX_NAMED:
                            copied.changed.append(f"{name} of row {row[0]!r}")
                    values.append(converted)
                digest = (digest + _hash(values)) % _HASHES
                copy.write_row((*values, *(None for _ in absent)))
                copied.rows += 1
                if copied.rows % _REPORT_EVERY == 0:
                    self._on_progress(table, copied.rows)
        self._on_progress(table, copied.rows)
        return digest

    def _compare(
        self,
        table: str,
        columns: Mapping[str, str],
        copied: CopiedTable,
        digest: int,
    ) -> None:
        """Read every row back."""
        names = ", ".join(map(_quoted, columns))
        stored, count = 0, 0
        for row in self._stored(f"SELECT {names} FROM {table}"):  # noqa: S608 - quoted names
            stored = (stored + _hash(row)) % _HASHES
            count += 1
        if (count, stored) != (copied.rows, digest):
            raise RepositoryError(
                f"the copy of {table} in {self._address} differs from the source ({count} of"
                f" {copied.rows} rows); nothing was kept"
            )
        copied.digest = f"{digest:064x}"

    def _stored(self, query: str) -> Iterator[Sequence[object]]:
        with self._target.cursor(name="media_generator_copy") as cursor:
            cursor.itersize = 2_000
            cursor.execute(query.encode())
            yield from cursor

    def _continue_numbers(self, table: str) -> None:
        """Let new rows be numbered after the last one that there ever was."""
        identity = self._target.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attidentity <> ''",
            (table,),
        ).fetchall()
        for (column,) in identity:
            query = f"SELECT max({_quoted(column)}) FROM {table}"  # noqa: S608 - quoted names
            [(highest,)] = self._source.execute(query).fetchall()
            last = max(highest or 0, self._last_number(table))
            if last > 0:
                self._target.execute(
                    "SELECT setval(pg_get_serial_sequence(%s, %s), %s)", (table, column, last)
                )

    def _last_number(self, table: str) -> int:
        if "sqlite_sequence" not in _tables(self._source):
            return 0
        query = "SELECT max(seq) FROM sqlite_sequence WHERE name = ?"
        [(last,)] = self._source.execute(query, (table,)).fetchall()
        return last or 0


def _tables(driver: sqlite3.Connection) -> set[str]:
    """Tables and views, in lower case."""
    query = "SELECT lower(name) FROM sqlite_schema WHERE type IN ('table', 'view')"
    return {name for (name,) in driver.execute(query)}


def _quoted(name: str) -> str:
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


def _type_of(declared: str) -> str:
    """The type for a column of another program, after SQLite's rules of affinity."""
    if "INT" in declared:
        return "bigint"
    if any(word in declared for word in ("REAL", "FLOA", "DOUB")):
        return "double precision"
    return "bytea" if "BLOB" in declared else "text"


def _hash(values: Sequence[object]) -> int:
    """A number for a row, the same on both sides."""
    plain = [value.hex() if isinstance(value, bytes) else value for value in values]
    text = json.dumps(plain, ensure_ascii=False, separators=(",", ":"))
    return int.from_bytes(hashlib.sha256(text.encode()).digest())


def _is_same(value: object, converted: object) -> bool:
    """Whether only the type differs, as of a truth value or a number that was text."""
    if isinstance(converted, bool):
        return value in (0, 1)
    return str(value) == str(converted)


def _text(value: object) -> object:
    """Text that PostgreSQL can hold: UTF-8 without NUL."""
    if value is None:
        return None
    if isinstance(value, str):
        value = value.encode("utf-8", "surrogateescape")
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return text.replace("\0", "\N{SYMBOL FOR NULL}")


def _integer(value: object) -> object:
    try:
        number = int(value) if isinstance(value, int | float | str) else None
    except (ValueError, OverflowError):
        return None
    return number if number is not None and abs(number) <= _MAX_INTEGER else None


def _float(value: object) -> object:
    try:
        number = float(value) if isinstance(value, int | float | str) else None
    except (ValueError, OverflowError):
        return None
    return number if number is not None and math.isfinite(number) else None


def _boolean(value: object) -> object:
    return None if value is None else value not in (0, "0", "", "false")


def _bytes(value: object) -> object:
    if value is None or isinstance(value, bytes):
        return value
    return str(value).encode("utf-8", "surrogateescape")


_CONVERSIONS: Final[Mapping[str, Convert]] = {
    "bigint": _integer,
    "integer": _integer,
    "double precision": _float,
    "boolean": _boolean,
    "bytea": _bytes,
}
