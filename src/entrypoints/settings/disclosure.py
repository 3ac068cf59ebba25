"""Showing values to people: no secrets, no control characters, no endless lines."""

from __future__ import annotations

import json
import math
import re

HIDDEN = "***"
_TELLING = re.compile(r"token|secret|password|key", re.IGNORECASE)
_ASSIGNMENT = re.compile(r"((?:token|secret|password|key)[^\s=&]*=)[^\s&]+", re.IGNORECASE)
_USERINFO = re.compile(r"(?:(?<=://)\S*|[^\s/:@]+:(?!//)\S*)@")
_LONGEST = 80


def printable(text: str) -> str:
    """The text with everything that a terminal would act on written as an escape."""
    if text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii")
        for letter in text
    )


def display(name: str, value: object) -> str:
    """A value of a key in full for ``mediagen config``, its secrets replaced by ``***``.

    Args:
        name: dotted; a last part with token, secret, password or key in it hides the value.
            Mappings of fields are exempt: "--key3" names an argument.
        value: what JSON can hold.
    """
    if isinstance(value, str):
        return printable(_text(name, value))
    if isinstance(value, list | tuple):
        return printable(json.dumps(_items(name, value), ensure_ascii=False))
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        return f"{value:.0f}"
    return printable(json.dumps(value, ensure_ascii=False))


def found(name: str, value: object) -> str:
    """A wrong value in a few words for a message."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, int) and value.bit_length() > _LONGEST:
        return "a very large number"
    if isinstance(value, str):
        text = _text(name, value[: 2 * _LONGEST])
        shown = text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
        return printable(json.dumps(shown, ensure_ascii=False))
    return json.dumps(value)


def _text(name: str, value: str) -> str:
    mapped = name.startswith(("media.arguments.", "media.inputs."))
    if value and not mapped and _TELLING.search(name.rpartition(".")[2]):
        return HIDDEN
    return _ASSIGNMENT.sub(rf"\1{HIDDEN}", _USERINFO.sub(f"{HIDDEN}@", value))


def _item(key: str, item: object) -> object:
    return _text(key, item) if isinstance(item, str) else item


def _items(name: str, values: list[object] | tuple[object, ...]) -> list[object]:
    shown: list[object] = []
    follows = False
    for value in values:
        if isinstance(value, dict):
            shown.append({key: _item(key, item) for key, item in value.items()})
            continue
        text = str(value)
        option = text.startswith("-")
        shown.append(HIDDEN if follows and not option else _text(name, text))
        follows = option and "=" not in text and bool(_TELLING.search(text))
    return shown
