"""Text of columns, whatever they hold, and text to look for in them."""

from __future__ import annotations


def column_text(value: object) -> str | None:
    """Whatever a column holds, as text that can be printed; None for NULL.

    What was no UTF-8 arrives as lone surrogates and leaves as replacement characters.
    """
    if value is None:
        return None
    if isinstance(value, str):
        if value.isascii():
            return value
        value = value.encode("utf-8", "surrogateescape")
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def like_pattern(text: str | None) -> str | None:
    r"""The pattern of ``LIKE ... ESCAPE '\'`` for columns that contain a text."""
    if text is None:
        return None
    plain = text.encode("utf-8", "replace").decode("utf-8")
    escaped = plain.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
