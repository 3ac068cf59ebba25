"""Variables and home folders in the values of settings."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_REFERENCE = re.compile(r"\$(?:\$|(\w+)|\{([^{}]*)\})", re.ASCII)


class ExpansionError(Exception):
    """A variable or home folder that a text names does not exist; the text says which.

    Attributes:
        fix: what to do, in whole sentences.
    """

    def __init__(self, reason: str, fix: str) -> None:
        super().__init__(reason)
        self.fix = fix


def expand_path(path: str, environ: Mapping[str, str]) -> str:
    """The path with ``~``, ``~user`` and variables replaced, once; ``$$`` is a dollar sign.

    Raises:
        ExpansionError: a variable is not set or empty, or a user is unknown.
    """
    path = expand_variables(path, environ)
    if not path.startswith("~"):
        return path
    user, _, rest = path.partition("/")
    home = environ.get("HOME") if user == "~" else None
    home = home or os.path.expanduser(user)  # noqa: PTH111 - Path.expanduser raises otherwise
    if home.startswith("~"):
        raise ExpansionError(f"{user} is not a home folder on this machine", "Write out the path.")
    return f"{home}/{rest}" if rest else home


def expand_variables(text: str, environ: Mapping[str, str]) -> str:
    """The text with ``$VAR`` and ``${VAR}`` replaced, once; ``$$`` is a dollar sign.

    Raises:
        ExpansionError: a variable is not set or empty.
    """

    def value(reference: re.Match[str]) -> str:
        if reference[0] == "$$":
            return "$"
        name = reference[1] or reference[2]
        if value := environ.get(name):
            return value
        raise ExpansionError(
            f"the variable {name or '${}'} is not set, or empty",
            "Set it, or write out its value; a dollar sign itself is written $$.",
        )

    return _REFERENCE.sub(value, text) if "$" in text else text
