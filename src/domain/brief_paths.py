"""Any value in a brief's JSON, by its path: ``technical_params.lora``, ``loras[0].name``.

Briefs are written by language models, so a path is read as leniently as the fields of a brief:

- names match in any spelling (``technicalParams``, ``Technical Params``);
- an object for technical parameters is found under its other usual names, as for fields;
- ``[0]`` of a value that is no list is the value itself, and a name in a list with one element is
  looked up in that element;
- null, blank text and an empty list or object count as missing.

A value is never guessed: one that does not convert to the type that was asked for is refused.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias

from returns.pipeline import is_successful
from returns.result import Failure as Refused
from returns.result import Result, Success

from domain.brief import PICTURE_NAMES, TECHNICAL_NAMES
from domain.brief_values import canonical_name, described, is_blank, number_text, read_text

if TYPE_CHECKING:
    from domain.brief import Brief
    from domain.brief_values import Json

Scalar: TypeAlias = "str | int | float | bool"

_STEP: Final = re.compile(r"\[([0-9]{1,6})\]|\[\"([^\"\]]+)\"\]|\.?([^.\[\]\"]+)")
_MAX_LENGTH: Final = 200  # characters of a path
_MAX_SHOWN: Final = 60  # characters of a value in a message
_MAX_NUMBER: Final = 40  # characters of a number that is written as text
_UNUSABLE: Final = re.compile("[\x00\ud800-\udfff]")
_WHOLE: Final = re.compile(r"[-+]?[0-9]{1,20}(?:\.0{1,6})?")
_DECIMAL: Final = re.compile(
    r"[-+]?(?:[0-9]{1,20}(?:\.[0-9]{0,20})?|\.[0-9]{1,20})(?:e[-+]?\d{1,2})?"
)
_BOOLEANS: Final[Mapping[str, bool]] = {
    **dict.fromkeys(("true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0"), False),
}


class PathSyntaxError(ValueError):
    """Text that is not a path, with the reason as its message."""


class ValueType(StrEnum):
    """What a value in a brief's JSON must be, or convert to without guessing."""

    STRING = "string"  # text; a number, true or false as text; the texts of a list, joined
    INTEGER = "integer"  # a whole number, also written as 20.0 or "20"
    NUMBER = "number"  # a finite number, also written as "7.5"
    BOOLEAN = "boolean"  # true or false, also written as "yes", "off" or 1
    IMAGE = "image"  # an input picture: its path, or an artifact
    MASK = "mask"  # an input picture of which the transparent or bright part counts

    @property
    def is_picture(self) -> bool:
        """Whether the value names a file rather than being one itself."""
        return self in {ValueType.IMAGE, ValueType.MASK}


_EXPECTED: Final[Mapping[ValueType, str]] = {
    ValueType.STRING: "text",
    ValueType.INTEGER: "a whole number",
    ValueType.NUMBER: "a number",
    ValueType.BOOLEAN: "true or false",
    ValueType.IMAGE: 'the path of a picture, or an artifact such as "artifact:15"',
    ValueType.MASK: 'the path of a picture, or an artifact such as "artifact:15"',
}


@dataclass(frozen=True, slots=True)
class BriefPath:
    """A path to a value: names of members, and numbers of elements, counted from 0.

    Attributes:
        text: as it was written.
        steps: from the outermost object to the value; at least one.
    """

    text: str
    steps: tuple[str | int, ...]

    @classmethod
    def parse(cls, text: str) -> BriefPath:
        """The path that a text writes: ``a.b``, ``a[0].b``, ``a["b.c"]``.

        A number between dots is an element of a list or a member of that name.

        Raises:
            PathSyntaxError: it is blank, too long, or has an empty name.
        """
        written = text.strip()
        if not written:
            raise PathSyntaxError("a path names at least one member")
        if len(written) > _MAX_LENGTH:
            raise PathSyntaxError(f"a path has at most {_MAX_LENGTH} characters")
        steps: list[str | int] = []
        position = 0
        while position < len(written):
            step = _STEP.match(written, position)
            is_dotted = step is not None and step[0].startswith(".")
            # A name follows a dot unless it is the first; a dot never comes first.
            if step is None or (step[3] is not None and is_dotted != bool(steps)):
                rest = written[position : position + 20]
                raise PathSyntaxError(f"expected a name, a dot or an index at {rest!r}")
            if step[3] is not None and not step[3].strip():
                raise PathSyntaxError("a name between the dots is blank")
            steps.append(int(step[1]) if step[1] else (step[2] or step[3].strip()))
            position = step.end()
        if isinstance(steps[0], int):
            raise PathSyntaxError("a path begins with a name")
        return cls(written, tuple(steps))

    def __str__(self) -> str:
        return self.text

    def find(self, document: Mapping[str, Json]) -> Json:
        """The value in a brief's JSON; None where there is none, or a blank one.

        Args:
            document: of a brief (``ImageBrief.document``), with canonical names.
        """
        head = canonical_name(str(self.steps[0]))
        heads = [head]
        if head in TECHNICAL_NAMES and len(self.steps) > 1:
            heads += [name for name in TECHNICAL_NAMES if name != head]
        for name in heads:
            value = _named(document, name)
            for step in self.steps[1:]:
                value = _member(value, step)
            if not is_blank(value):
                return value
        return None


def _member(value: Json, step: str | int) -> Json:
    is_index = isinstance(step, int) or step.isdecimal()
    if isinstance(value, list):
        if is_index:
            return value[int(step)] if int(step) < len(value) else None
        return _member(value[0], step) if len(value) == 1 else None
    if isinstance(value, Mapping):
        member = _named(value, str(step))
        return value if member is None and step == 0 else member
    return value if step == 0 else None


def _named(members: Mapping[str, Json], written: str) -> Json:
    """The member with a name; "LoRA" and "lora" have different words, but the same letters."""
    name = canonical_name(written)
    if name in members:
        return members[name]
    letters = name.replace("_", "")
    return next((members[key] for key in members if key.replace("_", "") == letters), None)


def read_scalar(value: Json, type_: ValueType | None) -> Scalar | None:
    """A value as a type; None if it does not convert. A list with one element counts as that.

    Args:
        value: of a brief's JSON; not blank.
        type_: the type; None for whatever simple value is there.
    """
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if type_ in _READERS:
        return _READERS[type_](value)
    if type_ is None and isinstance(value, bool | int | float):
        return value if isinstance(value, bool) else _number(value)
    return _text(value)


def _text(value: Json) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list) and not all(isinstance(part, str | int | float) for part in value):
        return None  # what cannot be part of a text must not be left out
    return read_text(value) or number_text(value)


def _picture(value: Json) -> str | None:
    """The path of a picture, or ``artifact:15``, from text or ``{"artifact": 15}``."""
    if isinstance(value, Mapping):
        if len(value) != 1:
            return None
        name, inner = next(iter(value.items()))
        if name == "artifact":
            number = _number(inner, whole=True)
            return f"artifact:{number}" if number is not None and number > 0 else None
        return _picture(inner) if name in {"path", "file"} and isinstance(inner, str) else None
    return read_text(value) if isinstance(value, str) else None


def _boolean(value: Json) -> bool | None:
    if isinstance(value, bool):
        return value
    text = number_text(value) or (value if isinstance(value, str) else "")
    return _BOOLEANS.get(text.strip().lower())


def _number(value: Json, *, whole: bool = False) -> int | float | None:
    if isinstance(value, str):
        text = value.strip().lower()
        pattern = _WHOLE if whole else _DECIMAL
        if len(text) > _MAX_NUMBER or not pattern.fullmatch(text):
            return None
        return int(text.partition(".")[0]) if _WHOLE.fullmatch(text) else float(text)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if whole:
        return int(value) if value == int(value) else None
    return value


_READERS: Final[Mapping[ValueType | None, Callable[[Json], Scalar | None]]] = {
    ValueType.INTEGER: partial(_number, whole=True),
    ValueType.NUMBER: _number,
    ValueType.BOOLEAN: _boolean,
    ValueType.IMAGE: _picture,
    ValueType.MASK: _picture,
}


@dataclass(frozen=True, slots=True)
class PathField:
    """A value that a workflow takes from a brief's JSON.

    Attributes:
        path: where it is.
        type: what it must be; None for any text, number, true or false.
        default: for briefs without it; None to leave the workflow's own.
        low: the smallest number that is allowed; None for no limit.
        high: the largest one.
    """

    path: BriefPath
    type: ValueType | None = None
    default: Scalar | None = None
    low: float | None = None
    high: float | None = None

    def describe(self) -> str:
        """What it takes, for people: "a whole number from 1 to 50, 20 if the brief has none"."""
        text = _EXPECTED[self.type] if self.type else "any text, number, true or false"
        if self.low is not None and self.high is not None:
            text += f" from {self.low:.12g} to {self.high:.12g}"
        elif self.low is not None:
            text += f", at least {self.low:.12g}"
        elif self.high is not None:
            text += f", at most {self.high:.12g}"
        if self.default is not None:
            text += f", {_shown(self.default)} if the brief has none"
        return text

    def read(self, document: Mapping[str, Json]) -> Result[Scalar | None, str]:
        """The value in a brief's JSON, or the default; a sentence where it cannot be used.

        Args:
            document: of a brief, with canonical names.
        """
        value = self.path.find(document)
        if value is None:
            return Success(self.default)
        return self.convert(value)

    def convert(self, value: Json) -> Result[Scalar, str]:
        """A value that is not blank, as the type and within the bounds; or why it is not."""
        scalar = read_scalar(value, self.type)
        if scalar is None:
            expected = _EXPECTED[self.type] if self.type else "text, a number, true or false"
            return Refused(f"{self.path} is {_shown(value)}, which is not {expected}")
        return self.checked(scalar)

    def checked(self, value: Scalar) -> Result[Scalar, str]:
        """A value of the type; a sentence where it is out of bounds or has a bad character."""
        if isinstance(value, str):
            if _UNUSABLE.search(value):
                what = "a NUL character or half a character"
                return Refused(f"{self.path} holds {what}, which no workflow takes")
        elif not isinstance(value, bool):
            if self.low is not None and value < self.low:
                return Refused(
                    f"{self.path} is {_shown(value)}, less than {self.low:.12g}, the least"
                )
            if self.high is not None and value > self.high:
                return Refused(
                    f"{self.path} is {_shown(value)}, more than {self.high:.12g}, the most"
                )
        return Success(value)


_UNUSED: Final = "not used: "


def without_taken_notes(brief: Brief, paths: Callable[[], Iterable[BriefPath]]) -> Brief:
    """A brief without its notes on members that a workflow takes by their paths.

    Args:
        brief: the brief.
        paths: returns what the workflows of its kind take; called only if there are notes.
    """
    return replace(brief, notes=notes_without(brief.notes, paths())) if brief.notes else brief


def notes_without(notes: Iterable[str], paths: Iterable[BriefPath]) -> tuple[str, ...]:
    """The notes on a brief without the members that a workflow takes by their paths.

    Args:
        notes: of a brief.
        paths: that the workflows of its kind take.
    """
    taken = [".".join(map(str, path.steps)) for path in paths]
    kept = []
    for text in notes:
        names = text.removeprefix(_UNUSED).split(", ") if text.startswith(_UNUSED) else []
        unused = [name for name in names if not any(_covers(name, path) for path in taken)]
        if not names or unused:
            kept.append(_UNUSED + ", ".join(unused) if names else text)
    return tuple(kept)


def _covers(name: str, path: str) -> bool:
    """Whether a member in a note is a value that a path names, or holds it."""
    member, taken = ([canonical_name(part) for part in text.split(".")] for text in (name, path))
    if len(taken) > 1 and {member[0], taken[0]} <= set(TECHNICAL_NAMES):
        member, taken = member[1:], taken[1:]
    return taken[: len(member)] == member


_SPEC: Final = ("type", "default", "min", "max")
_NUMBERS: Final = frozenset({None, ValueType.INTEGER, ValueType.NUMBER})


def path_field(name: str, spec: Mapping[str, object]) -> PathField:  # noqa: C901 - one check each
    """The field that an entry of the configuration describes.

    Args:
        name: the path.
        spec: "type", "default", "min" and "max", each of which may be missing; the type of
            ``PICTURE_NAMES`` is their name then.

    Raises:
        PathSyntaxError: the path or one of these cannot be used; the message says why.
    """
    path = BriefPath.parse(name)
    if unknown := sorted(spec.keys() - set(_SPEC)):
        known = ", ".join(f'"{key}"' for key in _SPEC)
        raise PathSyntaxError(f'"{unknown[0]}" is not known; besides the place there are {known}')
    kind = spec.get("type", name if name in PICTURE_NAMES else None)
    if kind is not None and kind not in tuple(ValueType):
        raise PathSyntaxError(f"the type {kind!r} is none of {', '.join(ValueType)}")
    type_ = None if kind is None else ValueType(str(kind))
    bounds = [spec.get(key) for key in ("min", "max")]
    for key, bound in zip(("min", "max"), bounds, strict=True):
        if bound is not None and (isinstance(bound, bool) or not isinstance(bound, int | float)):
            raise PathSyntaxError(f"{key} is {bound!r}, which is not a number")
        if bound is not None and type_ not in _NUMBERS:
            raise PathSyntaxError(f"{key} is of no use for the type {type_}")
    low, high = (bound if isinstance(bound, int | float) else None for bound in bounds)
    if low is not None and high is not None and low > high:
        raise PathSyntaxError(f"min is {low:.12g}, more than max, {high:.12g}")
    field, default = PathField(path, type_, None, low, high), spec.get("default")
    if default is None:
        return field
    if not isinstance(default, str | int | float):
        raise PathSyntaxError("the default is not a text, a number, true or false")
    scalar = read_scalar(default, type_)
    if scalar is None or is_blank(default):
        expected = _EXPECTED[type_] if type_ else "a value"
        raise PathSyntaxError(f"the default is {_shown(default)}, which is not {expected}")
    checked = field.checked(scalar)
    if not is_successful(checked):
        raise PathSyntaxError(f"the default does not fit: {checked.failure()}")
    return replace(field, default=scalar)


def _shown(value: Json) -> str:
    """A value for a message: short text in quotes, a number, or what it is."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        text = _UNUSABLE.sub("\ufffd", " ".join(value.split()))
        return repr(text if len(text) <= _MAX_SHOWN else f"{text[: _MAX_SHOWN - 1]}…")
    if isinstance(value, list):
        return f"a list of {len(value)} values"
    return number_text(value) or described(value)
