"""Our own tables in the shared file: made when first needed, with a version of their own."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from adapters.sqlite.statements import statements
from application.ports.prompt_repository import RepositoryError
from domain.kind import Kind

if TYPE_CHECKING:
    from adapters.sqlite.connection import Connection

SCHEMA_VERSION = 1
_OWN_TABLES = {"media_generator_state", "media_generator_renders"}
_OWN_OBJECTS = ("state", "renders", "live_render_index", "history_index", "retry_index")
_PENDING_INDEXES = {
    Kind.IMAGE: "media_generator_pending_image",
    Kind.AUDIO: "media_generator_pending_audio",
}


def has_bookkeeping(connection: Connection) -> bool:
    """Whether our tables are there.

    Raises:
        RepositoryError: a newer Media Generator made them.
    """
    if not _names(connection, "table") >= _OWN_TABLES:
        return False
    for version, _ in connection.rows(statements("bookkeeping")["state"]):
        if version > SCHEMA_VERSION:
            message = (
                f"the database {connection.path} was used by a newer Media Generator (its tables"
                f" have version {version}, this program knows {SCHEMA_VERSION}); update this one"
            )
            raise RepositoryError(message)
    return True


def prepare_bookkeeping(connection: Connection, *, create_indexes: bool) -> str:
    """Make what is missing of our tables and indexes; gives the database's random id.

    Args:
        connection: to the database.
        create_indexes: whether the partial indexes on ``prompts`` are wanted.
    """
    sql = statements("bookkeeping")
    if not has_bookkeeping(connection):
        with connection.writing():
            for name in _OWN_OBJECTS:
                connection.change(sql[f"create_{name}"])
            first = {"schema_version": SCHEMA_VERSION, "database_id": secrets.token_hex(8)}
            connection.change(sql["first_state"], first)
    if create_indexes:
        _prepare_indexes(connection)
    return str(connection.rows(sql["state"])[0][1])


def index_hint(connection: Connection, kind: Kind) -> str:
    """What names our index on the pending prompts of a kind in a statement, if it is there."""
    name = _PENDING_INDEXES[kind]
    return f"INDEXED BY {name}" if name in _names(connection, "index") else ""


def _prepare_indexes(connection: Connection) -> None:
    all_there = set(_PENDING_INDEXES.values()) <= _names(connection, "index")
    if all_there or "prompts" not in _names(connection, "table"):
        return
    with connection.writing():
        for kind in _PENDING_INDEXES:
            connection.change(statements("bookkeeping")[f"create_pending_{kind}_index"])


def _names(connection: Connection, kind: str) -> set[str]:
    found = connection.rows("SELECT name FROM sqlite_schema WHERE type = :kind", {"kind": kind})
    return {name for (name,) in found}
