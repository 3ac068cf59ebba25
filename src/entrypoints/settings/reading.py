"""The configuration file's text and what it holds."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING

from entrypoints.settings.errors import Problem, SettingsError

if TYPE_CHECKING:
    from pathlib import Path

LARGEST = 1024 * 1024  # bytes; a real file has a few thousand


class _Object(dict[str, object]):
    """A JSON object that remembers the names that it was given twice."""

    repeated: tuple[str, ...] = ()


def read_file(path: Path) -> dict[str, object]:
    """The JSON object in a file: UTF-8 with or without a byte-order mark.

    Raises:
        SettingsError: there is no such file, it cannot be read, or it holds anything else.
    """
    text = _text(path)
    where = str(path)
    tree = parse(text, where)
    if not isinstance(tree, dict):
        raise _error(where, "this is not a JSON object", 'Put everything between "{" and "}".')
    return tree


def parse(text: str, where: str) -> object:
    """Any JSON value. NaN and Infinity are read, for the checks to refuse them by key.

    Raises:
        SettingsError: it is not JSON, or an object names a key twice.
    """
    try:
        tree = json.loads(text, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise _error(
            where, f"this is not valid JSON: {error.msg} ({place})", _advice(text)
        ) from None
    except RecursionError:
        raise _error(where, "the JSON is nested too deeply", "No setting needs that.") from None
    except ValueError:  # an integer of more digits than Python converts
        raise _error(
            where, "there is an absurdly long number in it", "Write a shorter one."
        ) from None
    if problems := [_twice(where, name) for name in _repeated(tree)]:
        raise SettingsError(problems)
    return tree


def _text(path: Path) -> str:
    where = str(path)
    try:
        content = _content(path)
    except FileNotFoundError:
        raise _error(where, "there is no such file", "Correct the path or make the file.") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise _error(
            where, f"it cannot be read ({reason})", "Check the path and its rights."
        ) from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _error(where, f"this is not UTF-8 text (line {line})", "Save it as UTF-8.") from None


def _content(path: Path) -> bytes:
    status = path.stat()
    where = str(path)
    if stat.S_ISDIR(status.st_mode):
        raise _error(where, "this is a directory", "Name the file in it.")
    if not stat.S_ISREG(status.st_mode):  # opening a pipe could wait for ever
        raise _error(where, "this is not a regular file", "Name a regular file.")
    with path.open("rb") as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        what = f"this is too large for a configuration file (more than {LARGEST} bytes)"
        raise _error(where, what, "Is it the right file?")
    return content


def _object(pairs: list[tuple[str, object]]) -> _Object:
    made = _Object(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        made.repeated = tuple(name for name in made if names.count(name) > 1)
    return made


def _repeated(tree: object) -> list[str]:
    """Dotted names given twice; a loop, since a tree may be deeper than calls may."""
    names: list[str] = []
    waiting: list[tuple[str, object]] = [("", tree)]
    while waiting:
        prefix, node = waiting.pop()
        if isinstance(node, list):
            waiting += [(prefix, item) for item in node]
        elif isinstance(node, _Object):
            names += [prefix + name for name in node.repeated]
            waiting += [(f"{prefix}{name}.", value) for name, value in node.items()]
    return names


def _twice(where: str, name: str) -> Problem:
    return Problem(where, f'"{name}" is given more than once', "Leave one of them.", name)


def _advice(text: str) -> str:
    if not text.strip():
        return "The file is empty: write at least {}."
    return (
        'Names and strings stand in double quotes ("), there is a comma between two entries and '
        "none after the last, and there are no comments."
    )


def _error(where: str, what: str, fix: str) -> SettingsError:
    return SettingsError([Problem(where, what, fix)])
