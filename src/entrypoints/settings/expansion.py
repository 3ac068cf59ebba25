"""``~``, ``$VAR`` and ``${VAR}`` in paths, and the variables alone in other texts."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_REFERENCE = re.compile(r"\$(?:\$|(\w+)|\{([^{}]*)\})", re.ASCII)


class Unexpandable(Exception):  # noqa: N818 - the reason, which the caller makes an error of
    """Something is named that does not exist; the text says what.

    Attributes:
        fix: what to do, in whole sentences.
    """

    def __init__(self, reason: str, fix: str) -> None:
        super().__init__(reason)
        self.fix = fix


def expanded(path: str, environ: Mapping[str, str]) -> str:
    """The path with ``~``, ``~user`` and variables replaced, once; ``$$`` is a dollar sign.

    Raises:
        Unexpandable: a variable is not set or empty, or a user is unknown.
    """
    return _home(with_variables(path, environ), environ)


def with_variables(text: str, environ: Mapping[str, str]) -> str:
    """The text with its variables replaced, once; ``$$`` is a dollar sign.

    Raises:
        Unexpandable: a variable is not set or empty.
    """

    def value(reference: re.Match[str]) -> str:
        if reference[0] == "$$":
            return "$"
        name = reference[1] or reference[2]
        if found := environ.get(name):
            return found
        raise Unexpandable(
            f"the variable {name or '${}'} is not set, or empty",
            "Set it, or write its value out; a dollar sign itself is written $$.",
        )

    return _REFERENCE.sub(value, text) if "$" in text else text


def _home(path: str, environ: Mapping[str, str]) -> str:
    if not path.startswith("~"):
        return path
    user, _, rest = path.partition("/")
    home = environ.get("HOME") if user == "~" else None
    home = home or os.path.expanduser(user)  # noqa: PTH111 - Path.expanduser raises otherwise
    if home.startswith("~"):
        raise Unexpandable(f"{user} is nobody's home folder here", "Write the path out.")
    return f"{home}/{rest}" if rest else home
