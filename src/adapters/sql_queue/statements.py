"""SQL statements by name, from files that may be shared by the databases, and values of columns."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

SHARED_FOLDER = Path(__file__).with_name("sql")
"""The statements that every database understands, once the words of its dialect are filled in."""

# A later render ends the wait for good, even if the clock is set back. A time that lies further
# ahead than any wait was written while the clock ran ahead, and holds nothing.
_SHARED_WORDS = {
    "waits_for_retry": """EXISTS (
        SELECT 1 FROM media_generator_renders AS r
        WHERE
            r.prompt_id = {p}id AND r.retry_at > :now AND r.retry_at <= :latest
            AND NOT EXISTS (
                SELECT 1 FROM media_generator_renders AS n
                WHERE n.prompt_id = r.prompt_id AND n.render_id > r.render_id
            )
    )"""
}

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)
_COMMENT = re.compile(r"^--.*$", re.MULTILINE)  # about the next statement
_MAX_MESSAGE = 8000  # characters


class StatementFiles:
    """The statements of one SQL dialect.

    A word of the dialect is written ``{now}``, or ``{ids:only}`` where it contains a parameter
    (``:only``), or ``{p.shown_status}`` where it contains columns of the alias ``p``.

    Args:
        folder: of the dialect's own statements, which replace shared ones of the same name.
        words: of the dialect, by name; ``{p}`` in one stands for the alias and its point, and
            ``{name}`` for the name of the parameter.
    """

    def __init__(self, folder: Path, words: Mapping[str, str]) -> None:
        self._folders = (folder, SHARED_FOLDER)
        self._words = {**_SHARED_WORDS, **words}
        self._word = re.compile(rf"\{{(p\.)?({'|'.join(self._words)})(?::(\w+))?\}}")

    def read(self, subject: str) -> dict[str, str]:
        """The statements of ``{subject}.sql`` by name.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: two statements of a file have the same name.
        """
        files = [folder / f"{subject}.sql" for folder in self._folders]
        present = [file for file in files if file.exists()]
        if not present:
            message = f"there are no statements about {subject}"
            raise FileNotFoundError(message)
        by_name: dict[str, str] = {}
        for file in present:
            for name, statement in self._of_file(file).items():
                by_name.setdefault(name, statement)
        return by_name

    def _of_file(self, file: Path) -> dict[str, str]:
        text = self._word.sub(self._filled_in, file.read_text("utf-8"))
        pieces = _NAME.split(text)[1:]
        by_name: dict[str, str] = {}
        for name, statement in zip(pieces[::2], pieces[1::2], strict=True):
            if name in by_name:
                message = f"{file.name} names two statements {name!r}"
                raise ValueError(message)
            by_name[name] = _COMMENT.sub("", statement).strip().rstrip(";")
        return by_name

    def _filled_in(self, match: re.Match[str]) -> str:
        word = self._words[match[2]]
        return word.replace("{p}", match[1] or "").replace("{name}", match[3] or "")


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
