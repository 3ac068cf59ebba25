r"""One JSON value from the middle of a text, read without recursion and without guessing.

More than RFC 8259 is understood, as far as it has one reading only:

- raw line ends and tabs in strings, trailing commas, comments (``//``, ``/* */``, ``#``), NaN and
  Infinity;
- Python's ``str(dict)`` and JavaScript's literals: True, False, None, undefined, tuples, texts in
  single or triple quotes, names without quotes;
- curly, angle and full-width quotation marks, and full-width brackets, colons and commas;
- a needless backslash before punctuation (``\'``, ``\_``).

A value without quotes (``16:9``), a text that contains its own quotation mark, and ``\(``, which
is an escape of ComfyUI's prompts as well as of Markdown, stay errors.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from typing import Final

from domain.brief_values import Json, Members

MAX_DEPTH: Final = 64  # levels; anything nested deeper is not a brief
MAX_VALUES: Final = 20_000  # in one writing, including JSON that is encoded as text

_SPACE = re.compile(r"[\s\ufeff\u200b]*+")
_COMMENT = re.compile(r"//|/\*|#")
_COMMENT_ENDS = {"//": "\n", "#": "\n", "/*": "*/"}
_NUMBER = re.compile(r"[-+]?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][-+]?[0-9]++)?")
_WORD = re.compile(r"[-+]?[A-Za-z]{1,9}+")
_WORDS: dict[str, Json] = {
    "true": True,
    "false": False,
    "null": None,
    "none": None,
    "undefined": None,
    "nan": math.nan,
    "inf": math.inf,
    "infinity": math.inf,
    "+infinity": math.inf,
    "-inf": -math.inf,
    "-infinity": -math.inf,
}
_NAME = re.compile(r"[A-Za-z_$][\w$-]{0,60}+")  # without quotes, as in JavaScript
_PYTHON_2 = re.compile(r"u(?=['\"])")  # texts were u'...'
_MAX_INTEGER = 25  # characters; no field of a brief is that large
_MAX_NUMBER = 400  # characters; converting millions of digits takes minutes
_MAX_PLAIN = 20_000  # characters that the standard library may read

_PUNCTUATION = dict(zip("｛｝［］（）：，、", "{}[]():,,", strict=True))  # noqa: RUF001
_CLOSERS = {"{": "}", "[": "]", "(": ")"}

# Opening quotation marks, and what may close a text that begins with one. Whatever stands in a
# text is no quotation mark of its own sort, so that it has one end.
_DOUBLE, _SINGLE = "“”„‟＂", "‘’‚‛＇"  # noqa: RUF001
_MARKS: dict[str, str] = {
    '"': '"',
    "'": "'",
    **dict.fromkeys(_DOUBLE, f'{_DOUBLE}"'),
    **dict.fromkeys(_SINGLE, f"{_SINGLE}'"),
    "«": "»",
    "「": "」",
    "『": "』",
}
OPENING_MARKS: Final = "".join(_MARKS)
"""The characters with which a text may begin."""

_TEXTS = {
    mark: re.compile(rf"[{mark}]([^{ends}\\]*+(?:\\.[^{ends}\\]*+)*+)[{ends}]", re.DOTALL)
    for mark, ends in _MARKS.items()
}
_LONG_TEXTS = {
    mark * 3: re.compile(
        rf"{mark * 3}((?:[^\\{mark}]|\\.|{mark}(?!{mark * 2}))*+){mark * 3}", re.DOTALL
    )
    for mark in ('"', "'")
}
_ESCAPE = re.compile(
    r"\\(?:u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})|u([0-9a-fA-F]{4})"
    r"|x([0-9a-bA-B][0-9a-fA-F])|U([0-9a-fA-F]{8})|([bfnrt])|([^\w\s()]|_)|(.?))",
    re.DOTALL,
)
_CONTROLS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_STRINGS = json.JSONDecoder(strict=False)


@dataclass(slots=True)
class ValueBudget:
    """Number of values that may still be read from one writing, over all of its texts."""

    values: int = MAX_VALUES


class JsonError(Exception):
    """Text that is not JSON, or more JSON than any brief holds.

    Attributes:
        position: of the offending character, counted from 0.
        reason: what was expected there.
        depth: number of containers that were open.
    """

    def __init__(self, position: int, reason: str, depth: int = 0) -> None:
        super().__init__(reason)
        self.position = position
        self.reason = reason
        self.depth = depth


def unescaped(text: str) -> str:
    r"""A text with its escapes resolved once: ``\"``, ``\n``, ``\u00e9``, and ``\'`` or ``\_``.

    Raises:
        JsonError: a backslash begins no escape, or one with two readings.
    """

    def character(escape: re.Match[str]) -> str:
        high, low, four, two, eight, control, sign, other = escape.groups()
        if other is not None:
            raise JsonError(escape.start(), "this backslash does not begin a JSON escape")
        if high:
            return (bytes.fromhex(high) + bytes.fromhex(low)).decode("utf-16-be")
        if four or two or eight:
            code = int(four or two or eight, 16)
            if code > 0x10FFFF:  # noqa: PLR2004 -- the last character of Unicode
                raise JsonError(escape.start(), "this backslash does not begin a JSON escape")
            return chr(code)
        return _CONTROLS.get(control, sign or "")

    return _ESCAPE.sub(character, text)


@dataclass(slots=True)
class _Frame:
    """A container that is still open, its last character, and the name of its next value."""

    container: Members | list[Json]
    closer: str
    name: str = ""

    def add(self, value: Json) -> None:
        if isinstance(self.container, Members):
            self.container.put(self.name, value)
        else:
            self.container.append(value)


@dataclass(slots=True)
class JsonReader:
    """Reads values from one text.

    Attributes:
        text: the text.
        budget: the number of values that may still be read.
        position: of the next character, counted from 0.
        named: whether the last value had at least one name with a colon; otherwise it may be prose
            in braces.
    """

    text: str
    budget: ValueBudget
    position: int = 0
    named: bool = False
    _stack: list[_Frame] = field(default_factory=list)

    def read(self, start: int) -> Json:
        """Read the value that begins at a position; afterwards ``position`` is just after it.

        Args:
            start: of the value, counted from 0.

        Raises:
            JsonError: the text there is not JSON, is cut off, or exceeds a limit.
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
                value, complete = self._continue(first=False)
            else:
                value, complete = self._continue(first=True)
        return value

    def _read_plain(self, start: int) -> Json:
        """The object or list at a position if it is short, shallow RFC 8259 JSON; otherwise None.

        Almost every writing is, and the standard library reads it ten times as fast.
        """
        text = self.text
        if len(text) > _MAX_PLAIN or text.count("{") + text.count("[") > MAX_DEPTH:
            return None
        if self.budget.values < _MAX_PLAIN:
            return None
        try:
            value, end = _PLAIN.raw_decode(text, start)
        except ValueError:
            return None
        # Each value is at the start or follows one of these.
        self.budget.values -= 1 + sum(text.count(mark, start, end) for mark in "[,:")
        self.position = end
        return value  # type: ignore[no-any-return]

    def _continue(self, *, first: bool) -> tuple[Json, bool]:
        """Read on in the innermost container: its end, or the start of its next member."""
        frame = self._stack[-1]
        char = self._peek()
        if not first and char == ",":
            self.position += 1
            char = self._peek()
        elif not first and char != frame.closer:
            raise self._error(f"expected ',' or '{frame.closer}'")
        if char == frame.closer:
            self.position += 1
            self._stack.pop()
            return frame.container, True
        if isinstance(frame.container, Members):
            frame.name = self._name(char)
        return self._begin()

    def _begin(self) -> tuple[Json, bool]:
        """Read a scalar, which is complete, or the start of a container, which is not."""
        char = self._peek()
        self.budget.values -= 1
        if self.budget.values < 0:
            raise self._error(f"the writing holds more than {MAX_VALUES:,} values")
        if char not in _CLOSERS:
            return self._scalar(char), True
        if len(self._stack) >= MAX_DEPTH:
            raise self._error(f"it is nested deeper than {MAX_DEPTH} levels")
        self._stack.append(_Frame(Members() if char == "{" else [], _CLOSERS[char]))
        self.position += 1
        return None, False

    def _name(self, char: str) -> str:
        if char in _MARKS:
            name = self._string(char)
        elif plain := _NAME.match(self.text, self.position):
            name = plain[0]
            self.position = plain.end()
        else:
            raise self._error("expected a name in double quotes")
        if self._peek() != ":":
            raise self._error("expected ':' after the name")
        self.position += 1
        self.named = True
        return name

    def _scalar(self, char: str) -> Json:
        if char in _MARKS:
            return self._string(char)
        if number := _NUMBER.match(self.text, self.position):
            self.position = number.end()
            return _number(number[0])
        word = _WORD.match(self.text, self.position)
        if word is None or word[0].lower() not in _WORDS:
            raise self._error("expected a value (text needs double quotes)")
        self.position = word.end()
        return _WORDS[word[0].lower()]

    def _string(self, mark: str) -> str:
        """The text that begins with a quotation mark here."""
        long_text = _LONG_TEXTS.get(self.text[self.position : self.position + 3])
        if long_text is None and mark == '"':
            try:
                value, self.position = _STRINGS.raw_decode(self.text, self.position)
            except json.JSONDecodeError:
                pass
            else:
                return str(value)
        written = (long_text or _TEXTS[mark]).match(self.text, self.position)
        if written is None:
            raise self._error("the text that starts here is never closed")
        try:
            value = unescaped(written[1])
        except JsonError as error:
            self.position = written.start(1) + error.position
            raise self._error(error.reason) from None
        self.position = written.end()
        return value

    def _peek(self) -> str:
        """The next character that is neither white space nor comment, in ASCII, or ""."""
        while True:
            if space := _SPACE.match(self.text, self.position):
                self.position = space.end()
            if _PYTHON_2.match(self.text, self.position):
                self.position += 1
            comment = _COMMENT.match(self.text, self.position)
            if comment is None:
                char = self.text[self.position : self.position + 1]
                return _PUNCTUATION.get(char, char)
            self._skip_comment(_COMMENT_ENDS[comment[0]])

    def _skip_comment(self, closer: str) -> None:
        end = self.text.find(closer, self.position + len(closer))
        if end < 0 and closer != "\n":
            raise self._error("the comment that starts here is never closed")
        self.position = end + len(closer) if end >= 0 else len(self.text)

    def _error(self, reason: str) -> JsonError:
        return JsonError(self.position, reason, len(self._stack))


def _number(written: str) -> int | float:
    """A number of any length; one that no field can use becomes a float or NaN."""
    if len(written) > _MAX_NUMBER:
        return math.nan
    if len(written) > _MAX_INTEGER or not written.lstrip("+-").isdigit():
        return float(written)
    return int(written)


_PLAIN = json.JSONDecoder(
    strict=False, object_pairs_hook=Members, parse_int=_number, parse_float=_number
)
