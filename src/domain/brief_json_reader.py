"""Reading one JSON value that a language model wrote, without recursion and without surprise.

More than RFC 8259 is understood: raw line ends and tabs in strings, trailing commas, comments
(``//`` and ``/* */``), NaN and Infinity, Python's True, False and None.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Final

from domain.brief_values import Json, Members

DEEPEST: Final = 64  # levels; what is nested deeper is no brief
MOST_VALUES: Final = 20_000  # in one writing, the JSON that is encoded as text included

_SPACE = re.compile(r"[\s\ufeff\u200b]*+")
_COMMENTS = {"//": "\n", "/*": "*/"}
_NUMBER = re.compile(r"[-+]?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][-+]?[0-9]++)?")
_WORD = re.compile(r"[-+]?[A-Za-z]{1,9}+")
_WORDS: dict[str, Json] = {
    "true": True,
    "True": True,
    "false": False,
    "False": False,
    "null": None,
    "None": None,
    "NaN": math.nan,
    "Infinity": math.inf,
    "+Infinity": math.inf,
    "-Infinity": -math.inf,
}
_LONGEST_INTEGER = 25  # characters; no field of a brief is that large
_LONGEST_NUMBER = 400  # characters; converting millions of digits takes minutes
_STRINGS = json.JSONDecoder(strict=False)
_LONGEST_PLAIN = 20_000  # characters


class JsonTrouble(Exception):  # noqa: N818 -- expected, and never leaves the reading of briefs
    """Text that is not JSON, or more of it than any brief holds.

    Attributes:
        position: of the character that does not fit, counted from 0.
        reason: what was expected there.
        depth: how many containers were open.
    """

    def __init__(self, position: int, reason: str, depth: int = 0) -> None:
        super().__init__(reason)
        self.position = position
        self.reason = reason
        self.depth = depth


@dataclass(slots=True)
class Allowance:
    """How many values may still be read from one writing, however many texts it holds."""

    values: int = MOST_VALUES


@dataclass(slots=True)
class _Frame:
    """A container that is still open, and the name that its next value gets."""

    container: Members | list[Json]
    name: str = ""

    @property
    def closer(self) -> str:
        return "}" if isinstance(self.container, Members) else "]"

    def add(self, value: Json) -> None:
        if isinstance(self.container, Members):
            self.container.put(self.name, value)
        else:
            self.container.append(value)


class JsonReader:
    """Reads values from one text.

    Attributes:
        position: where the next value is read, counted from 0.
        named: whether the value read last had at least one ``"name":``, so that it was meant
            as JSON and is not prose in braces.
    """

    def __init__(self, text: str, allowance: Allowance) -> None:
        self.position = 0
        self.named = False
        self._text = text
        self._allowance = allowance
        self._stack: list[_Frame] = []

    def read(self, start: int) -> Json:
        """The value that begins at a position; afterwards ``position`` is behind it.

        Raises:
            JsonTrouble: the text is not JSON there, ends too early, or exceeds a bound.
        """
        self.position = start
        self.named = False
        self._stack.clear()
        if (plain := self._read_plain(start)) is not None:
            return plain
        value, complete = self._begin()
        while self._stack:
            if complete:
                self._stack[-1].add(value)
                value, complete = self._go_on(first=False)
            else:
                value, complete = self._go_on(first=True)
        return value

    def _read_plain(self, start: int) -> Json:
        """The object or list at a position if it is RFC 8259's JSON, shallow and short; or None.

        Almost every writing is, and the standard library reads it ten times as fast.
        """
        text = self._text
        if len(text) > _LONGEST_PLAIN or text.count("{") + text.count("[") > DEEPEST:
            return None
        if self._allowance.values < _LONGEST_PLAIN:
            return None
        try:
            value, end = _PLAIN.raw_decode(text, start)
        except ValueError:
            return None
        # Each value stands at the start or behind one of these.
        self._allowance.values -= 1 + sum(text.count(mark, start, end) for mark in "[,:")
        self.position = end
        return value  # type: ignore[no-any-return]

    def _go_on(self, *, first: bool) -> tuple[Json, bool]:
        """What follows in the innermost container: its end, or its next member begun."""
        frame = self._stack[-1]
        char = self._peek()
        if not first and char == ",":
            self.position += 1
            char = self._peek()
        elif not first and char != frame.closer:
            raise self._trouble(f"',' or '{frame.closer}' must stand here")
        if char == frame.closer:
            self.position += 1
            self._stack.pop()
            return frame.container, True
        if isinstance(frame.container, Members):
            frame.name = self._name(char)
        return self._begin()

    def _begin(self) -> tuple[Json, bool]:
        """A scalar, complete; or a container opened, whose members are still to come."""
        char = self._peek()
        self._allowance.values -= 1
        if self._allowance.values < 0:
            raise self._trouble(f"the writing holds more than {MOST_VALUES:,} values")
        if char not in ("{", "["):
            return self._scalar(char), True
        if len(self._stack) >= DEEPEST:
            raise self._trouble(f"it is nested deeper than {DEEPEST} levels")
        self._stack.append(_Frame(Members() if char == "{" else []))
        self.position += 1
        return None, False

    def _name(self, char: str) -> str:
        if char != '"':
            raise self._trouble("a name in double quotes must stand here")
        name = self._string()
        if self._peek() != ":":
            raise self._trouble("':' must stand behind the name")
        self.position += 1
        self.named = True
        return name

    def _scalar(self, char: str) -> Json:
        if char == '"':
            return self._string()
        if number := _NUMBER.match(self._text, self.position):
            self.position = number.end()
            return _number(number[0])
        word = _WORD.match(self._text, self.position)
        if word is None or word[0] not in _WORDS:
            raise self._trouble("a value must stand here (text stands in double quotes)")
        self.position = word.end()
        return _WORDS[word[0]]

    def _string(self) -> str:
        try:
            value, self.position = _STRINGS.raw_decode(self._text, self.position)
        except json.JSONDecodeError as error:
            if error.pos == self.position:
                raise self._trouble("the text that begins here is never closed") from None
            self.position = error.pos
            raise self._trouble("a backslash must begin one of JSON's escapes") from None
        return str(value)

    def _peek(self) -> str:
        """The next character that is neither white space nor comment, or ""."""
        while True:
            if space := _SPACE.match(self._text, self.position):
                self.position = space.end()
            ahead = self._text[self.position : self.position + 2]
            if ahead not in _COMMENTS:
                return ahead[:1]
            self._skip_comment(_COMMENTS[ahead])

    def _skip_comment(self, closer: str) -> None:
        end = self._text.find(closer, self.position + 2)
        if end < 0 and closer != "\n":
            raise self._trouble("the comment that begins here is never closed")
        self.position = end + len(closer) if end >= 0 else len(self._text)

    def _trouble(self, reason: str) -> JsonTrouble:
        return JsonTrouble(self.position, reason, len(self._stack))


def _number(written: str) -> int | float:
    """A number of any length; what no field can use comes out as a float, or as NaN."""
    if len(written) > _LONGEST_NUMBER:
        return math.nan
    if len(written) > _LONGEST_INTEGER or not written.lstrip("+-").isdigit():
        return float(written)
    return int(written)


def _members(pairs: list[tuple[str, Json]]) -> Members:
    members = Members()
    for name, value in pairs:
        members.put(name, value)
    return members


_PLAIN = json.JSONDecoder(
    strict=False, object_pairs_hook=_members, parse_int=_number, parse_float=_number
)
