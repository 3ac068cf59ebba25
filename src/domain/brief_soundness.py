"""Whether everything in a brief can be passed on to another program."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import TYPE_CHECKING

from returns.result import Failure as Failed
from returns.result import Result, Success

from domain.brief import Brief, Section
from domain.failure import Failure, FailureCode

if TYPE_CHECKING:
    from collections.abc import Iterator

# NUL ends an argument in every operating system; a lone surrogate has no UTF-8.
_UNUSABLE = re.compile("[\x00\ud800-\udfff]")


def sound(brief: Brief) -> Result[Brief, Failure]:
    """The brief itself, or what makes it unusable: which field, which character, where."""
    for name, text in _texts(brief):
        if found := _UNUSABLE.search(text):
            what = "a NUL character" if found[0] == "\0" else "a lone surrogate (half a character)"
            message = f"the field '{name}' holds {what} at character {found.start() + 1}"
            return Failed(Failure(FailureCode.BRIEF_UNUSABLE, message))
    return Success(brief)


def _texts(brief: Brief) -> Iterator[tuple[str, str]]:
    for field in fields(brief):
        value = getattr(brief, field.name)
        parts = value if isinstance(value, tuple) else (value,)
        for index, part in enumerate(parts):
            name = f"{field.name}[{index}]" if isinstance(value, tuple) else field.name
            if isinstance(part, Section):
                yield f"structure[{index}].type", part.type
                yield f"structure[{index}].lyrics", part.lyrics
            elif isinstance(part, str):
                yield name, part
