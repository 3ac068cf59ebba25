"""Whether the value that won is one that its key can have."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from entrypoints.settings.disclosure import display, found
from entrypoints.settings.errors import Problem
from entrypoints.settings.expansion import Unexpandable, expanded, with_variables
from entrypoints.settings.schema import INPUTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from entrypoints.settings.layers import Entry
    from entrypoints.settings.schema import Key

_TRUTH = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
_ARGUMENT = re.compile(r"--?[^\s=-][^\s=]*")
_INPUT = re.compile(r".*[^\s.]\s*\.[^\s.]+")
_NUMBER = re.compile(r"[+-]?([0-9]{1,20}\.?[0-9]{0,20}|\.[0-9]{1,20})(e[+-]?[0-9]{1,3})?")


def checked(key: Key, entry: Entry, environ: Mapping[str, str]) -> object:
    """The value as the model wants it, its path expanded; a ``Problem`` where that cannot be."""
    given = _read(key, str(entry.value)) if entry.textual else entry.value
    try:
        value = msgspec.convert(given, key.annotation)
    except (msgspec.ValidationError, UnicodeError):
        return _problem(key, entry, given)
    if (key.path or key.variables) and isinstance(value, str):
        try:
            value = expanded(value, environ) if key.path else with_variables(value, environ)
        except Unexpandable as reason:
            what = f"{key.name} is {found(key.name, given)}, but {reason}"
            return Problem(entry.where, what, reason.fix, key.name)
    for text in _texts(value):
        if complaint := _complaint(key, text):
            what = f"{key.name} is {found(key.name, given)}, which {complaint}"
            return Problem(entry.where, what, f"Write {key.expected}.", key.name)
    return _anchored(key, entry, value) if key.path and isinstance(value, str) else value


def _read(key: Key, text: str) -> object:
    """The text as the key's type; text that is none stays as it is, for the check to refuse."""
    word = text.strip().lower()
    if key.nullable and word == "null":
        return None
    if key.base is bool:
        return _TRUTH.get(word, text)
    if key.base in (int, float) and _NUMBER.fullmatch(word):
        return float(word) if key.base is float or not word.lstrip("+-").isdigit() else int(word)
    if key.base is tuple:
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text
    return text


def _problem(key: Key, entry: Entry, given: object) -> Problem:
    what = f"{key.name} is {found(key.name, given)}, but must be {key.expected}"
    if isinstance(given, str) and not entry.textual and key.base in (int, float, bool):
        fix = "Write it without quotes."
    elif isinstance(given, list) and "strings" in key.expected:
        wrong = next((item for item in given if not isinstance(item, str)), None)
        fix = f"This item is not a string: {found(key.name, wrong)}."
    else:
        default = display(key.name, key.default)
        fix = f"Leave it out for the default, {default}." if key.default is not None else ""
    return Problem(entry.where, what, fix, key.name)


def _texts(value: object) -> Iterator[str]:
    """Every text in a value, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        for pair in value.items():
            yield from _texts(pair)


def _complaint(key: Key, text: str) -> str | None:
    if "\0" in text:
        return "holds a NUL character"
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        return "holds a character that cannot be passed on"
    if key.base is tuple:
        return None
    if not text.strip():
        return "is empty"
    return _misnamed(key.name, text) if key.entry else None


def _misnamed(name: str, text: str) -> str | None:
    """Why a text names no argument of a script, or no input of a node."""
    if name.startswith(INPUTS):
        return None if _INPUT.fullmatch(text) else "is no node and input joined by a dot"
    if _ARGUMENT.fullmatch(text):
        return None
    return 'is not the name of an argument ("-" or "--" in front, no "=", no spaces)'


def _anchored(key: Key, entry: Entry, path: str) -> str:
    if key.path == "own" or (key.path == "program" and "/" in path):
        return str(entry.anchor / path)
    return str(Path(path))
