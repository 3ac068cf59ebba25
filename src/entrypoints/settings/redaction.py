"""Values as people may see them: without secrets, control characters or endless lines."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from entrypoints.settings.model import Settings

HIDDEN = "***"
# Patterns are compiled when they are used: start-up is measured.
_SECRET_NAME: Final = r"(?i)token|secret|password|key"  # noqa: S105 - a pattern of names
_ASSIGNMENT: Final = r"(?i)((?:token|secret|password|key)[^\s=&]*=)[^\s&]+"
_USERINFO: Final = r"(?:(?<=://)\S*|[^\s/:@]+:(?!//)\S*)@"
_LOGIN: Final = r"://[^/@\s]*:[^/@\s]*@"
_MAX_LENGTH = 80
_MIN_SECRET = 6  # characters; a shorter variable may be part of a secret by chance


def secret_variables(settings: Settings, environ: Mapping[str, str]) -> frozenset[str]:
    """The names of environment variables from which secrets of the settings were read.

    Args:
        settings: in force; ``$NAME`` in them was replaced by the variable's value.
        environ: the environment that they were loaded with.
    """
    secrets = frozenset(_secrets("", msgspec.to_builtins(settings)))
    return frozenset(
        name
        for name, value in environ.items()
        if len(value) >= _MIN_SECRET and any(value in secret for secret in secrets)
    )


def _secrets(name: str, value: object) -> Iterator[str]:
    """The texts below a key that are hidden from people."""
    if isinstance(value, Mapping):
        is_secret = name == "headers"  # of a server, which identify mediagen to it
        for key, inner in value.items():
            # Names of arguments and of node inputs may contain such words.
            if key not in {"arguments", "inputs", "environments"}:
                yield from _secrets("token" if is_secret else str(key), inner)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _secrets(name, item)
    elif isinstance(value, str) and (
        re.search(_SECRET_NAME, name) or re.search(_LOGIN, value) or re.search(_ASSIGNMENT, value)
    ):
        yield value


def printable(text: str) -> str:
    """The text with control characters and the like written as escapes."""
    if text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii")
        for letter in text
    )


def display(name: str, value: object) -> str:
    """A value of a key in full for ``mediagen config``, its secrets replaced by ``***``.

    Args:
        name: dotted; a value is hidden if the last part holds "token", "secret", "password" or
            "key". Mappings of fields are exempt: "--key3" names an argument.
        value: anything that JSON can hold.
    """
    if isinstance(value, str):
        return printable(_text(name, value))
    if isinstance(value, list | tuple):
        return printable(json.dumps(_items(name, value), ensure_ascii=False))
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        return f"{value:.0f}"
    return printable(json.dumps(value, ensure_ascii=False))


def excerpt(name: str, value: object) -> str:
    """A wrong value, shortened for a message and without secrets."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, int) and value.bit_length() > _MAX_LENGTH:
        return "a very large number"
    if isinstance(value, str):
        text = _text(name, value[: 2 * _MAX_LENGTH])
        shown = text if len(text) <= _MAX_LENGTH else text[:_MAX_LENGTH] + "…"
        return printable(json.dumps(shown, ensure_ascii=False))
    return json.dumps(value)


def _text(name: str, value: str) -> str:
    mapped = name.startswith(("media.arguments.", "media.inputs."))
    if value and not mapped and re.search(_SECRET_NAME, name.rpartition(".")[2]):
        return HIDDEN
    return re.sub(_ASSIGNMENT, rf"\1{HIDDEN}", re.sub(_USERINFO, f"{HIDDEN}@", value))


def _field(name: str, value: object) -> object:
    """A field of an object; headers may be logins whatever they are called."""
    if name == "headers" and isinstance(value, dict):
        return dict.fromkeys(value, HIDDEN)
    return _text(name, value) if isinstance(value, str) else value


def _items(name: str, values: list[object] | tuple[object, ...]) -> list[object]:
    shown: list[object] = []
    hides_next = False
    for value in values:
        if isinstance(value, dict):
            shown.append({key: _field(key, content) for key, content in value.items()})
            continue
        text = str(value)
        is_option = text.startswith("-")
        shown.append(HIDDEN if hides_next and not is_option else _text(name, text))
        hides_next = is_option and "=" not in text and bool(re.search(_SECRET_NAME, text))
    return shown
