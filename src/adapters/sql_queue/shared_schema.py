"""The shared tables: the columns that they must have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from application.ports.prompt_repository import RepositoryError

if TYPE_CHECKING:
    from adapters.sql_queue.connection import Connection

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
        columns = connection.columns(table, generated=True)
        if not columns:
            message = (
                f"the database {connection.path} has no table {table}; is it the one that the"
                " Poets Service uses? ('mediagen init' creates a new one)"
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
    for column, must_have_value in connection.columns(table).items():
        if must_have_value and column not in known:
            message = (
                f"column {column} of table {table} in {connection.path} is NOT NULL without a"
                " default, and Media Generator has no value for it; give it a default"
            )
            raise RepositoryError(message)


def has_junction(connection: Connection) -> bool:
    """Whether the database links several writings to one prompt (``prompt_writings``)."""
    columns = connection.columns("prompt_writings")
    return all(column in columns for column in _JUNCTION)
