"""Finding the JSON in whatever text a language model wrote around it."""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from domain.brief_json_reader import Allowance, JsonReader, JsonTrouble

if TYPE_CHECKING:
    from domain.brief_values import Json

# An object, or a list whose first element is one. A '{' that neither a name nor a comment
# follows is prose.
_START = re.compile(r'\{(?=[\s\ufeff\u200b]*+["}/])|\[(?=[\s\ufeff\u200b]*+\{)')
# One that is never closed reaches to the end, so that no search begins inside it.
_QUOTED = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_BRACKET = re.compile(r"[][{}]")
_MOST_ENCODINGS: Final = 3  # JSON in a string in a string in a string
MOST_OBJECTS: Final = 1_000  # in one writing
_MOST_STRINGS: Final = 1_000  # tried for JSON inside
_MOST_FAILED: Final = 20  # broken objects and prose in braces; each may cost a pass over the text
_MOST_BRACKETS: Final = 200_000  # looked at behind a broken object


@dataclass(frozen=True, slots=True)
class Findings:
    """The JSON that a text holds.

    Attributes:
        values: objects and lists that begin with an object, in order.
        trouble: where and why the first broken one is broken, or "" when none is.
    """

    values: tuple[Json, ...] = ()
    trouble: str = ""


def find_json(text: str, allowance: Allowance) -> Findings:
    """Every object in a text: bare, in code fences, between prose, or encoded as a JSON string.

    Nothing inside a broken object is taken for one of its own. The search ends behind the first
    ``MOST_OBJECTS`` and one more, and its time is linear in the length.
    """
    return _find(text, allowance, encodings=0)


def _find(text: str, allowance: Allowance, encodings: int) -> Findings:
    found, prose = _scan(text, allowance)
    if found.trouble or any(map(_says_something, found.values)):
        return found
    if encodings < _MOST_ENCODINGS:
        inner = [_find(decoded, allowance, encodings + 1) for decoded in _decoded_strings(text)]
        values = tuple(itertools.chain.from_iterable(each.values for each in inner))
        trouble = next((each.trouble for each in inner if each.trouble), "")
        if values or trouble:
            return Findings(
                values, trouble and f"in the JSON text that is encoded as text: {trouble}"
            )
    return found if found.values else Findings(trouble=prose)


def _says_something(value: Json) -> bool:
    """Whether a value is more than the ``{}`` that may stand in JSON that is encoded as text."""
    return any(value) if isinstance(value, list) else bool(value)


def _scan(text: str, allowance: Allowance) -> tuple[Findings, str]:
    """What stands in the text as it is, and what is wrong with the first '{' of mere prose."""
    reader = JsonReader(text, allowance)
    values: list[Json] = []
    trouble = ""
    prose = ""
    failed = 0
    start = _START.search(text)
    while start and failed < _MOST_FAILED and len(values) <= MOST_OBJECTS:
        position = start.start()
        try:
            values.append(reader.read(position))
            resume = reader.position
        except JsonTrouble as error:
            failed += 1
            if reader.named:
                trouble = trouble or _located(text, position, error)
                resume = _behind_broken(text, error)
            else:
                prose = prose or _located(text, position, error)
                resume = position + 1
        start = _START.search(text, resume)
    return Findings(tuple(values), trouble), prose or _about_prose(text)


def _behind_broken(text: str, error: JsonTrouble) -> int:
    """Where a broken object ends: its brackets are counted without regard to strings."""
    depth = error.depth
    for bracket in itertools.islice(_BRACKET.finditer(text, error.position), _MOST_BRACKETS):
        depth += 1 if bracket[0] in "{[" else -1
        if depth <= 0:
            return bracket.end()
    return len(text)


def _decoded_strings(text: str) -> list[str]:
    """The JSON strings in a text that may themselves hold an object, decoded."""
    if "{" not in text or "\\" not in text:
        return []
    strings = (each[0] for each in _QUOTED.finditer(text) if "{" in each[0] and "\\" in each[0])
    decoder = json.JSONDecoder(strict=False)
    decoded: list[str] = []
    for string in itertools.islice(strings, _MOST_STRINGS):
        try:
            decoded.append(str(decoder.decode(string)))
        except json.JSONDecodeError:
            continue
    return decoded


def _located(text: str, start: int, error: JsonTrouble) -> str:
    state = "broken" if error.position < len(text) else "cut off"
    return (
        f"the JSON that begins at {place(text, start)} is {state} at"
        f" {place(text, error.position)}: {error.reason}"
    )


def _about_prose(text: str) -> str:
    brace = text.find("{")
    if brace < 0:
        return "no JSON object: the text holds no '{'"
    reason = "no name in double quotes follows"
    if text.startswith("\\", brace + 1):
        reason = "a backslash follows: JSON that was encoded as text, and cut off or damaged"
    return f"no JSON object: behind the '{{' at {place(text, brace)} {reason}"


def place(text: str, position: int) -> str:
    """A position as a person finds it: line and column, counted from 1."""
    line = text.count("\n", 0, position) + 1
    column = position - text.rfind("\n", 0, position)
    return f"line {line}, column {column}"
