"""From what a database column holds to text."""

from __future__ import annotations

import codecs
import re
from typing import Final

from returns.result import Failure as Failed
from returns.result import Result, Success

from domain.brief_values import shows_nothing
from domain.failure import Failure, FailureCode

Content = str | bytes | int | float | None

_SURROGATE = re.compile("[\ud800-\udfff]")
# SQLite keeps whatever bytes a program bound as a BLOB; Windows programs bind UTF-16.
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8", "UTF-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16-be", "UTF-16"),
)


def text_of_content(content: Content) -> Result[str, Failure]:
    """The text of a writing's content; it has no lone surrogates and is not blank.

    Args:
        content: as ``writings.content`` holds it (contract, sections 1 and 2). Bytes are UTF-8, or
            UTF-16 behind a byte-order mark. In ``str`` a lone surrogate stands for a byte that
            was not UTF-8 (Python's ``surrogateescape``).
    """
    if content is None:
        return _failed(FailureCode.BRIEF_MISSING, "the writing holds NULL")
    if isinstance(content, str):
        return _whole(content).bind(_not_blank)
    if isinstance(content, bytes):
        return _decoded(content).bind(_not_blank)
    return _failed(FailureCode.BRIEF_NOT_JSON, "the writing holds a number, no text with an object")


def _decoded(content: bytes) -> Result[str, Failure]:
    marks = (each for each in _MARKS if content.startswith(each[0]))
    mark, encoding, name = next(marks, (b"", "utf-8", "UTF-8"))
    try:
        return Success(content[len(mark) :].decode(encoding))
    except UnicodeDecodeError as error:
        return _not_text(name, len(mark) + error.start)


def _whole(text: str) -> Result[str, Failure]:
    lone = _SURROGATE.search(text)
    if lone is None:
        return Success(text)
    return _not_text("UTF-8", len(text[: lone.start()].encode()))


def _not_blank(text: str) -> Result[str, Failure]:
    if shows_nothing(text):
        return _failed(FailureCode.BRIEF_MISSING, "the writing is blank")
    return Success(text)


def _not_text(encoding: str, offset: int) -> Result[str, Failure]:
    return _failed(
        FailureCode.BRIEF_NOT_TEXT,
        f"the writing is not valid {encoding}: the first wrong byte is at byte offset {offset}",
    )


def _failed(code: FailureCode, message: str) -> Result[str, Failure]:
    return Failed(Failure(code, message))
