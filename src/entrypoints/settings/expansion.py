"""Variables and home folders in the values of settings."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_MAX_SECRET_BYTES: Final = 16_384  # most servers take 8 KB of headers
_REFERENCE: Final = r"(?a)\$(?:\$|(\w+)|\{([^{}]*)\})"


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

    return re.sub(_REFERENCE, value, text) if "$" in text else text


def expand_secret(text: str, anchor: Path, environ: Mapping[str, str]) -> str:
    """What a secret stands for: a variable, the file behind an ``@``, or itself.

    Args:
        text: as the settings have it.
        anchor: the folder that a relative path starts from.
        environ: the environment.

    Raises:
        ExpansionError: a variable is not set, or the file cannot be read.
    """
    if text.startswith("@@") or not text.startswith("@"):
        return expand_variables(text.removeprefix("@"), environ)
    path = anchor / expand_path(text[1:], environ)
    try:
        with path.open("rb") as file:
            return file.read(_MAX_SECRET_BYTES).decode().strip()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        fix = "Check the path and its permissions; a value that begins with @ is written @@."
        raise ExpansionError(f"the file {path} cannot be read ({reason})", fix) from None
