"""What the three shared tables must have for us to work with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from application.ports.prompt_repository import RepositoryError

if TYPE_CHECKING:
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


def check_shape(connection: Connection) -> None:
    """Make sure that the shared tables have what we read and write.

    Raises:
        RepositoryError: names the table and the column that is missing, or a column of
            prompt_artifacts that wants a value which we do not know.
    """
    for table, required in REQUIRED.items():
        columns = columns_of(connection, table)
        if not columns:
            message = (
                f"the database {connection.path} has no table {table}; is database.path the"
                " file that the Poets Service uses? ('mediagen init' makes a new one)"
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
    """Make sure that a row with only the known columns would be accepted.

    Raises:
        RepositoryError: names a column that must have a value which we do not know.
    """
    for column, must_have_value in columns_of(connection, table).items():
        if must_have_value and column not in known:
            message = (
                f"column {column} of table {table} in {connection.path} is NOT NULL without a"
                " default, and nothing is known to put there; give it a default"
            )
            raise RepositoryError(message)


def columns_of(connection: Connection, table: str) -> dict[str, bool]:
    """The columns of a table, in order; True where a row must bring a value of its own.

    Names are in lower case: SQLite does not tell ``ID`` from ``id`` either.
    """
    found = connection.rows(
        'SELECT lower(name), "notnull" AND dflt_value IS NULL AND NOT pk'
        " FROM pragma_table_info(:table)",
        {"table": table},
    )
    return {str(name): bool(must) for name, must in found}


def has_junction(connection: Connection) -> bool:
    """Whether the database links several writings to one prompt (``prompt_writings``)."""
    columns = columns_of(connection, "prompt_writings")
    return all(column in columns for column in _JUNCTION)
