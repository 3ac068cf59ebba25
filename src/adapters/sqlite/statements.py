"""SQL, kept in files and found by name."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


@cache
def statements(subject: str) -> Mapping[str, str]:
    """The statements of ``sql/{subject}.sql`` by name.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: two statements of the file have the same name.
    """
    text = resources.files(__package__).joinpath("sql", f"{subject}.sql").read_text("utf-8")
    pieces = _NAME.split(text)[1:]
    found: dict[str, str] = {}
    for name, statement in zip(pieces[::2], pieces[1::2], strict=True):
        if name in found:
            message = f"{subject}.sql names two statements {name!r}"
            raise ValueError(message)
        found[name] = statement.strip().rstrip(";")
    return found
