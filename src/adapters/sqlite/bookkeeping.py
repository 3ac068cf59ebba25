"""Our own tables in the shared file: made when first needed, with a version of their own."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from adapters.sqlite.claim_order import MOST_URGENT, OLDEST, has_priority
from adapters.sqlite.statements import statements
from application.ports.prompt_repository import RepositoryError
from domain.kind import Kind

if TYPE_CHECKING:
    from adapters.sqlite.claim_order import ClaimOrder
    from adapters.sqlite.connection import Connection

SCHEMA_VERSION = 1
_OWN_TABLES = {"media_generator_state", "media_generator_renders"}
_OWN_OBJECTS = ("state", "renders", "live_render_index", "history_index", "retry_index")
_LISTED = {
    Kind.IMAGE: "media_generator_listed_image",
    Kind.AUDIO: "media_generator_listed_audio",
}
_NOTICES = "media_generator_notices"
_SERVER_JOBS = "media_generator_server_jobs"


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


def prepare_bookkeeping(
    connection: Connection,
    *,
    create_indexes: bool,
    by_priority: bool = False,
    by_age: bool = False,
) -> str:
    """Make what is missing of our tables and indexes; gives the database's random id.

    Args:
        connection: to the database.
        create_indexes: whether the partial indexes on ``prompts`` are wanted.
        by_priority: those by priority too, where prompts have one.
        by_age: those on all prompts by their age too, for long lists.
    """
    sql = statements("bookkeeping")
    if not has_bookkeeping(connection):
        with connection.writing():
            for name in _OWN_OBJECTS:
                connection.change(sql[f"create_{name}"])
            first = {"schema_version": SCHEMA_VERSION, "database_id": secrets.token_hex(8)}
            connection.change(sql["first_state"], first)
    if create_indexes:
        _prepare_indexes(connection, by_priority=by_priority, by_age=by_age)
    return str(connection.rows(sql["state"])[0][1])


def has_notices(connection: Connection) -> bool:
    """Whether the table of what hooks are to be told is there."""
    return _NOTICES in _names(connection, "table")


def prepare_notices(connection: Connection) -> None:
    """Make the table of what hooks are to be told; only those who have hooks need it.

    Raises:
        RepositoryError: a newer Media Generator made our tables.
    """
    has_bookkeeping(connection)
    if has_notices(connection):
        return
    with connection.writing():
        for name in ("notices", "due_index"):
            connection.change(statements("notices")[f"create_{name}"])


def prepare_server_jobs(connection: Connection) -> None:
    """Make the table of jobs on render servers; only those who render there need it.

    Raises:
        RepositoryError: a newer Media Generator made our tables.
    """
    prepare_bookkeeping(connection, create_indexes=False)
    if _SERVER_JOBS in _names(connection, "table"):
        return
    with connection.writing():
        for name in ("server_jobs", "server_jobs_index"):
            connection.change(statements("server_jobs")[f"create_{name}"])


def index_hint(connection: Connection, kind: Kind, order: ClaimOrder = OLDEST) -> str:
    """What names our index on the pending prompts of a kind in a statement, if it is there."""
    return _hint(connection, order.indexes[kind])


def listed_hint(connection: Connection, kind: Kind) -> str:
    """The same for our index on all prompts of a kind, which stand in it by their age."""
    return _hint(connection, _LISTED[kind])


def _hint(connection: Connection, name: str) -> str:
    return f"INDEXED BY {name}" if name in _names(connection, "index") else ""


def _prepare_indexes(connection: Connection, *, by_priority: bool, by_age: bool) -> None:
    if "prompts" not in _names(connection, "table"):
        return
    wanted = {name: f"create_pending_{kind}_index" for kind, name in OLDEST.indexes.items()}
    if by_age:
        wanted |= {name: f"create_listed_{kind}_index" for kind, name in _LISTED.items()}
    if by_priority and has_priority(connection):
        urgent = MOST_URGENT.indexes.items()
        wanted |= {name: f"create_urgent_{kind}_index" for kind, name in urgent}
    if wanted.keys() <= _names(connection, "index"):
        return
    with connection.writing():
        for statement in wanted.values():
            connection.change(statements("bookkeeping")[statement])


def _names(connection: Connection, kind: str) -> set[str]:
    found = connection.rows("SELECT name FROM sqlite_schema WHERE type = :kind", {"kind": kind})
    return {name for (name,) in found}
