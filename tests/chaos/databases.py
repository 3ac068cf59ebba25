"""The shared database as others see it: a SQLite file, or a PostgreSQL database by its URL."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import psycopg

from adapters.postgres.address import PostgresAddress, connect
from adapters.postgres.statements import for_driver
from application.ports.prompt_repository import RepositoryError

if TYPE_CHECKING:
    from collections.abc import Mapping

DatabaseLocation: TypeAlias = Path | str
"""The path of a file, or a URL."""

TRANSIENT_ERRORS = (sqlite3.OperationalError, psycopg.Error, RepositoryError)
ERRORS = (sqlite3.Error, psycopg.Error, RepositoryError)
POSTGRES = "postgres"
"""The mode of a database that is no file."""

# What others made must stay as it is: their tables, indexes and triggers.
_COLUMNS = """
SELECT table_name, column_name, data_type, column_default FROM information_schema.columns
WHERE table_schema = 'public' AND table_name NOT LIKE 'media_generator_%'
ORDER BY table_name, ordinal_position
"""
_INDEXES = """
SELECT indexdef FROM pg_indexes
WHERE
    schemaname = 'public' AND indexname NOT LIKE 'media_generator_%'
    AND tablename NOT LIKE 'media_generator_%'
ORDER BY indexname
"""
_THEIR_SCHEMA = (_COLUMNS, _INDEXES, "SELECT tgname FROM pg_trigger ORDER BY tgname")
_FOREIGN_KEYS = (("writings", "source_prompt_id"), ("prompt_artifacts", "prompt_id"))
_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
_BUSY = (
    "SELECT 1 FROM pg_stat_activity WHERE datname = current_database()"
    " AND pid <> pg_backend_pid() AND xact_start IS NOT NULL"
)


class Postgres:
    """A session with the methods of :mod:`sqlite3` that are used here.

    Args:
        url: of the database.
    """

    def __init__(self, url: str) -> None:
        self._driver = connect(PostgresAddress(url))

    def execute(self, statement: str, values: Mapping[str, Any] | None = None) -> Any:  # noqa: ANN401
        """Run a statement with ``:name`` parameters."""
        plain = statement.replace("BEGIN IMMEDIATE", "BEGIN")
        return self._driver.execute(for_driver(plain), values or {})

    def rollback(self) -> None:
        """End what was begun."""
        if not self._driver.closed:
            self._driver.rollback()

    def close(self) -> None:
        """End the session."""
        self._driver.close()


def open_database(where: DatabaseLocation, timeout: float = 60.0) -> Any:  # noqa: ANN401 - one of two drivers
    """A connection of others, which commits each statement that stands in no transaction."""
    if isinstance(where, str):
        return Postgres(where)
    return sqlite3.connect(
        f"{where.as_uri()}?mode=rw", uri=True, timeout=timeout, isolation_level=None
    )


def make_postgres(url: str, foreign: str) -> None:
    """The shared tables in an empty database, and rows and tables of others.

    Prompts of it may be deleted, as they may in the files.
    """
    from adapters.postgres.schema import create_tables  # noqa: PLC0415 - only where it is used

    create_tables(PostgresAddress(url))
    driver = Postgres(url)
    for table, column in _FOREIGN_KEYS:
        driver.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_{column}_fkey")
    for statement in foreign.split(";"):
        if statement.strip():
            driver.execute(statement)
    driver.close()


def their_schema(where: DatabaseLocation) -> tuple[str, ...] | None:
    """Statements that show what others made in PostgreSQL; None for a file."""
    return _THEIR_SCHEMA if isinstance(where, str) else None


def is_busy(url: str) -> bool:
    """Whether another session is in a transaction."""
    driver = Postgres(url)
    try:
        return bool(driver.execute(_BUSY).fetchall())
    finally:
        driver.close()


def all_rows(url: str) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table in PostgreSQL, by the name of its table."""
    driver = Postgres(url)
    try:
        tables = [name for (name,) in driver.execute(_TABLES).fetchall()]
        rows = {}
        for table in tables:
            cursor = driver.execute(f'SELECT * FROM "{table}"')  # noqa: S608 - its own names
            names = [column.name for column in cursor.description]
            rows[table] = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        return rows
    finally:
        driver.close()
