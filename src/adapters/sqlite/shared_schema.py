"""The shared tables: the columns that they must have, and a new database with them."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from adapters.sqlite.statements import statements
from application.ports.prompt_repository import RepositoryError

if TYPE_CHECKING:
    from pathlib import Path

    from adapters.sqlite.connection import Connection

# Contract, section 1: the columns that are always there.
REQUIRED = {
    "prompts": (
        "id",
        "prompt_text",
        "prompt_type",
        "status",
        "artifact_status",
        "output_reference",
        "created_at",
        "error_message",
    ),
    "writings": ("id", "content_type", "content", "source_prompt_id"),
    "prompt_artifacts": (
        "id",
        "prompt_id",
        "artifact_type",
        "file_path",
        "preview_path",
        "metadata",
        "created_at",
        "updated_at",
    ),
}
_JUNCTION = ("prompt_id", "writing_id", "writing_order")


def check_shared_tables(connection: Connection) -> None:
    """Check that the shared tables have every column that is read and written.

    Raises:
        RepositoryError: a table or column is missing, or a column of prompt_artifacts requires
            an unknown value; the message names it.
    """
    for table, required in REQUIRED.items():
        columns = columns_of(connection, table, generated=True)
        if not columns:
            message = (
                f"the database {connection.path} has no table {table}; is database.path the"
                " file that the Poets Service uses? ('mediagen init' creates a new one)"
            )
            raise RepositoryError(message)
        for column in required:
            if column not in columns:
                message = (
                    f"table {table} in {connection.path} has no column {column}; add it, or"
                    " update the Poets Service"
                )
                raise RepositoryError(message)
    check_insertable(connection, "prompt_artifacts", frozenset(REQUIRED["prompt_artifacts"]))


def check_insertable(connection: Connection, table: str, known: frozenset[str]) -> None:
    """Check that a row with only the known columns would be accepted.

    Args:
        connection: to the database.
        table: to insert into.
        known: the columns that are written.

    Raises:
        RepositoryError: another column requires a value; the message names it.
    """
    for column, must_have_value in columns_of(connection, table).items():
        if must_have_value and column not in known:
            message = (
                f"column {column} of table {table} in {connection.path} is NOT NULL without a"
                " default, and Media Generator has no value for it; give it a default"
            )
            raise RepositoryError(message)


def columns_of(connection: Connection, table: str, *, generated: bool = False) -> dict[str, bool]:
    """The columns of a table, in order; True for those that require a value.

    Names are in lower case because SQLite ignores their case.

    Args:
        connection: to the database.
        table: its name.
        generated: whether to include generated columns, which can only be read.
    """
    rows = connection.rows(
        # hidden: 2 and 3 are generated columns; 1 is hidden in a virtual table.
        'SELECT lower(name), "notnull" AND dflt_value IS NULL AND NOT pk AND NOT hidden'
        " FROM pragma_table_xinfo(:table) WHERE hidden = 0 OR (:generated AND hidden > 1)",
        {"table": table, "generated": generated},
    )
    return {str(name): bool(must) for name, must in rows}


def has_junction(connection: Connection) -> bool:
    """Whether the database links several writings to one prompt (``prompt_writings``)."""
    columns = columns_of(connection, "prompt_writings")
    return all(column in columns for column in _JUNCTION)


def create_database(path: Path) -> None:
    """Create a database with the three shared tables and the junction table.

    It has every column of the databases seen in practice, so that other programs find theirs.

    Raises:
        RepositoryError: the file exists already, or cannot be created.
    """
    try:
        # O_EXCL: only one process creates the file, and an existing one is never overwritten.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
    except FileExistsError:
        message = f"{path} exists already and was left as it is; name a new file"
        raise RepositoryError(message) from None
    except OSError as error:
        message = f"the database {path} cannot be made: {error.strerror}"
        raise RepositoryError(message) from error
    with closing(sqlite3.connect(path, isolation_level=None)) as driver:
        driver.execute("PRAGMA journal_mode = WAL")
        driver.execute("BEGIN")
        for statement in statements("schema").values():
            driver.execute(statement)
        driver.execute("COMMIT")
