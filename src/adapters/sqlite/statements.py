"""The statements in SQLite's dialect."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from adapters.sql_queue.statements import StatementFiles

if TYPE_CHECKING:
    from collections.abc import Mapping

_FILES = StatementFiles(
    Path(__file__).with_name("sql"),
    {
        "now": "CURRENT_TIMESTAMP",
        "days_ago": "datetime('now', '-{name} days')",
        "is": "IS",
        "greater": "max",
        "like": "LIKE",
        "unindexed": "NOT INDEXED",
        "by_failure": "INDEXED BY media_generator_failures",
        "now_precise": "strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now')",
        "longest_wait": "strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now', '+90 minutes')",
        "epoch": "CAST(strftime('%s', {name}) AS INTEGER)",
        "ordered": "CROSS",  # keeps the order of the tables
        "token": "lower(hex(randomblob(8)))",
        "oldest_first": "p.created_at, p.id",
        "newest_first": "p.created_at DESC, p.id DESC",
        "locked": "",
        "ids": "(SELECT value FROM json_each(:{name}))",
        "texts": "(SELECT value FROM json_each(:{name}))",
        # Expressions of several statements and of an index, which SQLite uses only for the same
        # words.
        "shown_status": (
            "CASE WHEN {p}artifact_status = 'error' AND (CAST({p}error_message AS TEXT) ="
            " 'cancelled' OR substr(CAST({p}error_message AS TEXT), 1, 10) = 'cancelled:')"
            " THEN 'cancelled' ELSE {p}artifact_status END"
        ),
        "is_completed": "coalesce({p}status = 'completed', 0)",
    },
)


@cache
def statements(subject: str) -> Mapping[str, str]:
    """The statements about a subject by name.

    Raises:
        FileNotFoundError: there are none.
        ValueError: two statements of a file have the same name.
    """
    return _FILES.read(subject)
