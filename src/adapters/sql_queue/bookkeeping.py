"""Our own tables and indexes in the shared database, created when first needed, with a version."""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from adapters.sql_queue.statements import storable_text
from application.ports.prompt_repository import RepositoryError
from domain.prompt import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.sql_queue.connection import Connection
    from domain.failure import Failure

# The statements that lead from each version of our tables to the next, from nothing to the newest.
# Steps that are released never change. All of them together run in one transaction, and again
# where a table was dropped; so each must allow that what it makes exists.
_STEPS: Final = (
    (
        "create_state",
        "create_renders",
        "create_live_render_index",
        "create_history_index",
        "create_retry_index",
    ),
    ("create_retry_times_index", "add_token", "create_pauses", "end_old_pause"),
    ("create_priorities", "create_requests", "create_requests_index"),
    (
        "create_curation",
        "create_favourites_index",
        "create_ratings_index",
        "create_hidden_index",
        "create_wastebasket_index",
        "create_removed_index",
        "create_tags",
        "create_tags_index",
        "create_files",
        "create_workflows_index",
        "create_seeds_index",
        "create_sizes_index",
        "create_pixels_index",
        *("create_choices", "create_render_workflows", "create_render_workflows_index"),
        *("create_workers", "create_plans"),
        *("create_labels", "create_labels_index", "create_reuse", "create_holds"),
    ),
)
# The tables that each step creates.
_TABLES: Final[tuple[set[str], ...]] = (
    {"media_generator_state", "media_generator_renders"},
    {"media_generator_pauses"},
    {"media_generator_priorities", "media_generator_requests"},
    {
        *("media_generator_curation", "media_generator_tags", "media_generator_files"),
        *("media_generator_choices", "media_generator_render_workflows"),
        *("media_generator_workers", "media_generator_plans"),
        *("media_generator_labels", "media_generator_reuse", "media_generator_holds"),
    },
)
SCHEMA_VERSION = len(_STEPS)
_LIST_INDEXES = {
    Kind.IMAGE: "media_generator_listed_image",
    Kind.AUDIO: "media_generator_listed_audio",
}
_STATE_INDEXES = {
    Kind.IMAGE: "media_generator_state_image",
    Kind.AUDIO: "media_generator_state_audio",
}
_FAILURES = "media_generator_failures"
_HOOK_OUTBOX = "media_generator_notices"
_SERVER_JOBS = "media_generator_server_jobs"


@dataclass(frozen=True, slots=True)
class ClaimOrder:
    """An order in which prompts are claimed, as SQL over ``prompts AS p``, and our indexes for it.

    Attributes:
        urgency: expression that is compared first, the greatest first; the same as a person's
            priorities.
        first: terms of ORDER BY before the age, with a comma after each.
        indexes: names of the partial indexes, by kind.
    """

    urgency: str
    first: str
    indexes: Mapping[Kind, str]


OLDEST_FIRST: Final = ClaimOrder(
    "5",
    "",
    {
        Kind.IMAGE: "media_generator_pending_image",
        Kind.AUDIO: "media_generator_pending_audio",
    },
)
# The same expressions as in the indexes, or SQLite could not use them. 5 is the column's default.
URGENT_FIRST: Final = ClaimOrder(
    "coalesce(p.priority, 5)",
    "coalesce(p.priority, 5) DESC, ",
    {
        Kind.IMAGE: "media_generator_urgent_image",
        Kind.AUDIO: "media_generator_urgent_audio",
    },
)


def creations() -> tuple[str, ...]:
    """The names of the statements that create our tables in a new database, in their order."""
    return tuple(name for step in _STEPS for name in step)


def sort_key(value: object) -> tuple[int, Any]:
    """A key that sorts column values as SQLite does: NULL, numbers, text, bytes."""
    if value is None:
        return 0, 0
    if isinstance(value, str):
        return 2, value.encode("utf-8", "surrogateescape")
    return (3 if isinstance(value, bytes) else 1), value


def bookkeeping_version(connection: Connection) -> int:
    """The version of our tables; 0 if they do not exist.

    Raises:
        RepositoryError: a newer Media Generator created them, or the version is no number.
    """
    tables = connection.names("table")
    if "media_generator_state" not in tables:
        return 0
    for version, _ in connection.rows(connection.statements("bookkeeping")["state"]):
        if not isinstance(version, int) or version < 1:
            message = (
                f"media_generator_state in the database {connection.path} has the schema_version"
                f" {version!r}, which no Media Generator wrote; restore the database from a backup"
            )
            raise RepositoryError(message)
        if version > SCHEMA_VERSION:
            message = (
                f"the database {connection.path} was used by a newer Media Generator (its tables"
                f" have version {version}, this one supports {SCHEMA_VERSION}); update this one,"
                " or restore the backup from before the update"
            )
            raise RepositoryError(message)
        # What was dropped is created again.
        whole = itertools.takewhile(lambda made: tables >= made, _TABLES[:version])
        return sum(1 for _ in whole)
    return 0


def prepare_bookkeeping(
    connection: Connection,
    *,
    create_indexes: bool,
    by_priority: bool = False,
    by_age: bool = False,
) -> str:
    """Create or migrate our tables and indexes, and return the database's random id.

    Args:
        connection: the connection to the database.
        create_indexes: whether to create the partial indexes on pending prompts and by state.
        by_priority: whether to create those by priority too, if prompts have one.
        by_age: whether to create those on all prompts by age too, for long lists.

    Raises:
        RepositoryError: a newer Media Generator created our tables.
    """
    sql = connection.statements("bookkeeping")
    if bookkeeping_version(connection) < SCHEMA_VERSION:
        _migrate(connection)
    if create_indexes:
        _prepare_indexes(connection, by_priority=by_priority, by_age=by_age)
    return str(connection.rows(sql["state"])[0][1])


def has_outbox(connection: Connection) -> bool:
    """Whether the table of the hook outbox exists."""
    return _HOOK_OUTBOX in connection.names("table")


def prepare_outbox(connection: Connection) -> None:
    """Create the table of the hook outbox; only installations with hooks need it.

    Raises:
        RepositoryError: a newer Media Generator created our tables.
    """
    bookkeeping_version(connection)
    if has_outbox(connection):
        return
    with connection.writing():
        for name in ("table", "due_index"):
            connection.change(connection.statements("hook_outbox")[f"create_{name}"])


def prepare_server_jobs(connection: Connection) -> None:
    """Create the table of jobs on ComfyUI servers; only installations with servers need it.

    Raises:
        RepositoryError: a newer Media Generator created our tables.
    """
    prepare_bookkeeping(connection, create_indexes=False)
    if _SERVER_JOBS in connection.names("table"):
        return
    with connection.writing():
        for name in ("server_jobs", "server_jobs_index"):
            connection.change(connection.statements("server_jobs")[f"create_{name}"])


def failure_columns(failure: Failure | None) -> dict[str, str | None]:
    """The columns of a render's record that say why it ended."""
    return {
        "failure_code": failure.code.value if failure else None,
        "failure_message": storable_text(failure.summary) if failure else None,
    }


def has_priority(connection: Connection) -> bool:
    """Whether prompts have a priority in this database."""
    return "priority" in connection.columns("prompts")


def has_config_name(connection: Connection) -> bool:
    """Whether prompts have the name of a configuration in this database."""
    return "config_name" in connection.columns("prompts")


def index_hint(connection: Connection, kind: Kind, order: ClaimOrder = OLDEST_FIRST) -> str:
    """The INDEXED BY clause for the pending prompts of a kind, or "" without our index."""
    return connection.hint(order.indexes[kind])


def state_hint(connection: Connection, kind: Kind) -> str:
    """The INDEXED BY clause for all prompts of a kind by state, or "" without our index."""
    return connection.hint(_STATE_INDEXES[kind])


def shown_statuses(connection: Connection, kind: Kind, index: str, limit: int = -1) -> list[object]:
    """The different statuses of a kind's prompts, in the words that people see, and None.

    Args:
        connection: to the database.
        kind: the kind.
        index: the INDEXED BY clause of the index by state.
        limit: the most that are wanted; -1 for all.

    """
    statement = connection.statements("bookkeeping")["shown_statuses"].format(
        index=index, prompt_type=kind.prompt_type
    )
    return [status for (status,) in connection.rows(statement, {"limit": limit})]


def status_term(status: object) -> tuple[str, dict[str, object]]:
    """A status as a term of SQL, and the value for it."""
    if isinstance(status, str):
        # The driver refuses text that is no UTF-8, and a column may hold such. The + keeps SQLite
        # from converting what it is compared with, which would rule out the index.
        return "+CAST(:state AS TEXT)", {"state": status.encode("utf-8", "surrogateescape")}
    return ":state", {"state": status}


def has_count_indexes(connection: Connection) -> bool:
    """Whether our indexes by state and on pending prompts exist."""
    names = connection.names("index")
    return names.issuperset([*_STATE_INDEXES.values(), *OLDEST_FIRST.indexes.values()])


def has_failure_index(connection: Connection) -> bool:
    """Whether our index on failed renders exists."""
    return _FAILURES in connection.names("index")


def listed_hint(connection: Connection, kind: Kind) -> str:
    """The INDEXED BY clause for all prompts of a kind by age, or "" without our index."""
    return connection.hint(_LIST_INDEXES[kind])


def _migrate(connection: Connection) -> None:
    """Bring our tables to the newest version, in one transaction."""
    sql = connection.statements("bookkeeping")
    with connection.writing():
        # Another process may have been faster.
        for step in _STEPS[bookkeeping_version(connection) :]:
            for name in step:
                renders = "media_generator_renders"
                if name != "add_token" or "token" not in connection.columns(renders):
                    connection.change(sql[name])
        row = {"schema_version": SCHEMA_VERSION, "database_id": os.urandom(8).hex()}
        connection.change(sql["record_version"], row)


def _prepare_indexes(connection: Connection, *, by_priority: bool, by_age: bool) -> None:
    if "prompts" not in connection.names("table"):
        return
    creations = {
        name: f"create_pending_{kind}_index" for kind, name in OLDEST_FIRST.indexes.items()
    }
    creations |= {name: f"create_state_{kind}_index" for kind, name in _STATE_INDEXES.items()}
    creations[_FAILURES] = "create_failures_index"
    if by_age:
        creations |= {name: f"create_listed_{kind}_index" for kind, name in _LIST_INDEXES.items()}
    if by_priority and has_priority(connection):
        urgent = URGENT_FIRST.indexes.items()
        creations |= {name: f"create_urgent_{kind}_index" for kind, name in urgent}
    if creations.keys() <= connection.names("index"):
        return
    sql = connection.statements("bookkeeping")
    connection.build_indexes([sql[statement] for statement in creations.values()])
