"""The statements in SQLite's dialect, and conversions of column values."""

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
        "token": "lower(hex(randomblob(8)))",
        "oldest_first": "p.created_at, p.id",
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


def column_text(value: object) -> str | None:
    """The value of a column as printable text; None for NULL.

    Invalid UTF-8, which is read as lone surrogates, becomes replacement characters.
    """
    if value is None:
        return None
    if isinstance(value, str):
        if value.isascii():
            return value
        value = value.encode("utf-8", "surrogateescape")
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def like_pattern(text: str | None) -> str | None:
    r"""The pattern of ``LIKE ... ESCAPE '\'`` for columns that contain a text; None for None."""
    if text is None:
        return None
    plain = text.encode("utf-8", "replace").decode("utf-8")
    escaped = plain.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
