"""Variations: many briefs from one, which differ in the values at some paths of its JSON."""

from __future__ import annotations

import copy
import csv
import itertools
import json
import math
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from domain.brief import BRIEF_FIELDS, PROMPT_FIELDS
from domain.brief_paths import BriefPath, PathSyntaxError
from domain.brief_song import SOURCES
from domain.brief_values import canonical_name, is_blank
from domain.prompt import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

MAX_VARIATIONS: Final = 1_000
"""Prompts that one submission may make of one brief."""

MAX_LABEL: Final = 200  # characters
MAX_PATH: Final = 200  # characters
MAX_AXES: Final = 8
SEED: Final = "seed"

_RANGE_PART: Final = r"(-?[0-9]{1,18}(?:\.[0-9]{1,9})?)"
_RANGE: Final = re.compile(rf"\s*{_RANGE_PART}\.\.{_RANGE_PART}(?:\.\.{_RANGE_PART})?\s*")
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?")
_WORDS: Final[Mapping[str, object]] = {"true": True, "false": False, "null": None}
_MAX_DIGITS: Final = 25
_ID_WORDS: Final = 5  # of the text, in a label that is made up


class VariationError(ValueError):
    """Variations that cannot be made; the message says of what and why."""


@dataclass(frozen=True, slots=True)
class Axis:
    """One path of the brief, and the values that it takes in turn.

    Attributes:
        path: a field of the brief (``seed``), or names of members with dots between them
            (``technical_params.steps``); a whole number is a place in a list.
        values: as JSON values, at least one, each once.
    """

    path: str
    values: tuple[Any, ...]

    def __post_init__(self) -> None:
        try:
            BriefPath.parse(self.path)
        except PathSyntaxError as error:
            raise VariationError(f"{self.path[:MAX_PATH]!r} is no path: {error}") from None
        if not self.values:
            raise VariationError(f"{self.path} has no values")
        seen: set[str] = set()
        for value in self.values:
            try:
                text = json.dumps(value, sort_keys=True, allow_nan=False)
            except ValueError:
                message = f"{self.path} has the value {shown(value)}, which is no number"
                raise VariationError(message) from None
            if text in seen:
                raise VariationError(f"{self.path} has the value {shown(value)} twice")
            seen.add(text)


def read_axis(written: str) -> Axis:
    """An axis as a person types it: ``path=10,20,30``.

    Values are numbers, true, false, null, or texts; a text with a comma stands in double quotes.
    ``1..4`` means 1,2,3,4, and ``10..30..5`` goes in steps of 5, ``0.2..1..0.2`` in steps of 0.2. A
    JSON array gives them exactly.

    Raises:
        VariationError: it is not of that form.
    """
    path, equals, values = written.partition("=")
    if not equals:
        message = f"{written[:MAX_PATH]!r} has no '='; write it like technical_params.steps=10,20"
        raise VariationError(message)
    return Axis(path.strip(), read_values(path.strip(), values))


def read_values(path: str, written: str) -> tuple[Any, ...]:
    """The values of an axis as a person types them; see ``read_axis``.

    Raises:
        VariationError: they cannot be read.
    """
    if written.lstrip().startswith("["):
        try:
            values = json.loads(written)
        except (ValueError, RecursionError):
            raise VariationError(f"the values of {path} are no JSON array") from None
        return tuple(values)
    try:
        [words] = csv.reader([written], skipinitialspace=True, strict=True)
    except (csv.Error, ValueError):
        message = f"the values of {path} cannot be read; a text with a comma stands in quotes"
        raise VariationError(message) from None
    values = []
    for word in words:
        if span := _RANGE.fullmatch(word):
            values += _range(path, [part for part in span.groups() if part])
        elif word.strip():
            values.append(_value(word.strip()))
        else:
            raise VariationError(f"a value of {path} is blank")
    return tuple(values)


def _range(path: str, parts: Sequence[str]) -> list[int] | list[float]:
    """The numbers of a range: from the first part to the second, which is included, by the third.

    Whole numbers if all parts are.
    """
    first, last, step = (*map(Decimal, parts), Decimal(1))[:3]
    step = abs(step) if first <= last else -abs(step)
    if not step:
        raise VariationError(f"the range of {path} has a step of 0")
    number = int((last - first) / step) + 1
    if number > MAX_VARIATIONS:
        message = f"{path} has {number:,} values; at most {MAX_VARIATIONS:,} are allowed"
        raise VariationError(message)
    numbers = [first + step * index for index in range(number)]
    return [*map(float, numbers)] if "." in "".join(parts) else [*map(int, numbers)]


def _value(word: str) -> object:
    if word in _WORDS:
        return _WORDS[word]
    if _NUMBER.fullmatch(word):
        if word.lstrip("-").isdigit() and len(word) <= _MAX_DIGITS:
            return int(word)
        if math.isfinite(value := float(word)):
            return value
    return word


def grid(axes: Sequence[Axis]) -> list[dict[str, Any]]:
    """Every combination of the axes' values, by path; the last axis changes fastest.

    Raises:
        VariationError: there are more than ``MAX_VARIATIONS``, or a path occurs twice.
    """
    paths = [axis.path for axis in axes]
    if twice := [path for path in paths if paths.count(path) > 1]:
        raise VariationError(f"{twice[0]} is varied twice; give all its values at once")
    if len(axes) > MAX_AXES:
        raise VariationError(f"at most {MAX_AXES} things can be varied at once")
    number = math.prod(len(axis.values) for axis in axes)
    if number > MAX_VARIATIONS:
        product = " × ".join(f"{len(axis.values):,}" for axis in axes)
        total = f"{product} are {number:,}" if len(axes) > 1 else f"these are {number:,}"
        message = (
            f"{total} prompts; at most {MAX_VARIATIONS:,} can be made of one"
            " brief. Vary fewer things, or submit them in parts under the same label"
        )
        raise VariationError(message)
    return [
        dict(zip(paths, values, strict=True))
        for values in itertools.product(*(axis.values for axis in axes))
    ]


def with_values(kind: Kind, document: Mapping[str, Any], values: Mapping[str, Any]) -> Any:  # noqa: ANN401 - JSON
    """A copy of a brief's JSON with a value at each path; everything else stays.

    A field of the brief gets it where the JSON holds that field, so that its former value is gone.

    Args:
        kind: of the brief.
        document: the brief as a JSON object.
        values: by path.

    Raises:
        VariationError: a path leads through something that is neither an object nor a list.
    """
    varied: dict[str, Any] = copy.deepcopy(dict(document))
    for path, value in values.items():
        names = place_of(kind, path)
        if kind is Kind.AUDIO and names == (PROMPT_FIELDS[kind],):
            for source in SOURCES:  # the lyrics may stand in any of them
                varied.pop(source, None)
        _set(varied, _place_now(kind, path, varied) or names, value, path)
    return varied


def _place_now(kind: Kind, path: str, document: Mapping[str, Any]) -> tuple[str | int, ...] | None:
    """Where a brief's JSON holds a field first; None if it does not, or if the path is of none."""
    field = next((field for field in BRIEF_FIELDS[kind] if field.name == path), None)
    if field is None:
        return None
    objects = {canonical_name(key): value for key, value in document.items()} | {"": document}
    for name, holder in itertools.product(field.names, field.objects):
        members = objects.get(holder)
        if isinstance(members, dict) and any(
            canonical_name(key) == name and not is_blank(value) for key, value in members.items()
        ):
            return (holder, name) if holder else (name,)
    return None


def place_of(kind: Kind, path: str) -> tuple[str | int, ...]:
    """The steps that lead to a path; of a field that a brief lacks, to where it is read first.

    Raises:
        VariationError: the field is computed from others.
    """
    field = next((field for field in BRIEF_FIELDS[kind] if field.name == path), None)
    if field is None:
        return BriefPath.parse(path).steps
    if not field.names:
        raise VariationError(f"{path} follows from other fields and cannot be varied itself")
    outer = field.objects[0] if field.objects else ""
    return (outer, field.names[0]) if outer else (field.names[0],)


def _set(document: dict[str, Any], steps: Sequence[str | int], value: object, path: str) -> None:
    place: Any = document
    for depth, step in enumerate(steps):
        name = str(step)
        before = ".".join(map(str, steps[:depth]))
        if isinstance(place, list):
            key: Any = int(name) if name.isascii() and name.isdigit() else len(place)
            if key >= len(place):
                raise VariationError(f"{path}: {before} is a list without the place {name}")
        elif isinstance(place, dict):
            spelling = canonical_name(name)
            key = next((one for one in place if canonical_name(one) == spelling), name)
        else:
            raise VariationError(f"{path}: {before} is {shown(place)}, not an object")
        if depth == len(steps) - 1:
            place[key] = value
            return
        if isinstance(place, dict) and place.get(key) is None:
            place[key] = {}
        place = place[key]


def shown(value: object) -> str:
    """A varied value for people: texts as they are, other values as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def caption(varied: Mapping[str, Any]) -> str:
    """What was varied, on one line: "steps 10, seed 3"."""
    return ", ".join(f"{path.rpartition('.')[2]} {shown(value)}" for path, value in varied.items())


def label_of(text: str, token: str) -> str:
    """A label for variations that were given none: "a-lake-at-dawn-3f9c".

    Args:
        text: of the prompt.
        token: makes it unique.
    """
    words = re.findall(r"\w+", text.lower())[:_ID_WORDS]
    return "-".join((*(word[:20] for word in words), token))


def check_label(label: str) -> str:
    """The label without white space around it.

    Raises:
        VariationError: it is blank, too long, or has control characters.
    """
    label = label.strip()
    if not label:
        raise VariationError("the label is blank")
    if len(label) > MAX_LABEL:
        raise VariationError(f"the label has more than {MAX_LABEL} characters")
    if not label.isprintable():
        raise VariationError("the label contains a character that cannot be shown")
    return label


def axes_of(varied: Iterable[Mapping[str, Any]]) -> list[Axis]:
    """The paths that were varied and their values, in the order in which they first occur."""
    values: dict[str, dict[str, Any]] = {}
    for cell in varied:
        for path, value in cell.items():
            values.setdefault(path, {}).setdefault(json.dumps(value, sort_keys=True), value)
    return [Axis(path, tuple(distinct.values())) for path, distinct in values.items()]
