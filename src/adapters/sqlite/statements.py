"""SQL statements by name, from files, and conversions of column values."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_FOLDER = Path(__file__).with_name("sql")
# Expressions of several statements and of an index, which SQLite uses only for the same words. They
# are written {shown_status} and {is_completed}; {p.shown_status} has an alias before each column.
_EXPRESSIONS = {
    "shown_status": (
        "CASE WHEN {p}artifact_status = 'error' AND (CAST({p}error_message AS TEXT) = 'cancelled'"
        " OR substr(CAST({p}error_message AS TEXT), 1, 10) = 'cancelled:')"
        " THEN 'cancelled' ELSE {p}artifact_status END"
    ),
    "is_completed": "coalesce({p}status = 'completed', 0)",
}
_EXPRESSION = re.compile(rf"\{{(p\.)?({'|'.join(_EXPRESSIONS)})\}}")
_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


@cache
def statements(subject: str) -> Mapping[str, str]:
    """The statements of ``sql/{subject}.sql`` by name.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: two statements of the file have the same name.
    """
    text = _FOLDER.joinpath(f"{subject}.sql").read_text("utf-8")
    text = _EXPRESSION.sub(
        lambda match: _EXPRESSIONS[match[2]].replace("{p}", match[1] or ""), text
    )
    pieces = _NAME.split(text)[1:]
    by_name: dict[str, str] = {}
    for name, statement in zip(pieces[::2], pieces[1::2], strict=True):
        if name in by_name:
            message = f"{subject}.sql names two statements {name!r}"
            raise ValueError(message)
        by_name[name] = statement.strip().rstrip(";")
    return by_name


_MAX_MESSAGE = 8000  # characters


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


def storable_text(text: str) -> str:
    """A text that every program can read: no lone surrogates, no NUL, not too long."""
    whole = text.encode("utf-8", "replace").decode("utf-8").replace("\x00", "\N{SYMBOL FOR NULL}")
    if len(whole) <= _MAX_MESSAGE:
        return whole
    half = _MAX_MESSAGE // 2
    return f"{whole[:half]}\n[...]\n{whole[-half:]}"
