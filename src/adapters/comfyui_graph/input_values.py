"""A field's value in the form that an input takes: a number, one of its choices, or text."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeAlias

from returns.pipeline import is_successful
from returns.result import Failure as Refused
from returns.result import Result, Success

from adapters.comfyui_graph.graph import link_of
from adapters.comfyui_graph.node_types import (
    UPLOADS,
    describe_choices,
    describe_missing_model,
    file_name,
    is_model_input,
    number_problem,
)
from domain.brief_paths import ValueType

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from adapters.comfyui_graph.graph import Node, Target
    from adapters.comfyui_graph.node_types import InputType
    from domain.brief_paths import PathField

Value: TypeAlias = str | int | float | bool

_NUMBER: Final = re.compile(r"(?<![\w.])[0-9]{1,9}(?:\.[0-9]{1,6})?(?![\w.])")
_METRE: Final = re.compile(r"(?<!\d)(\d{1,2})\s*/\s*\d{1,2}(?!\d)")
_COMMON_TIME: Final = frozenset({"common time", "common", "c"})
_KEY: Final = re.compile(
    r"\s*([A-G])[\s-]*(♯|#|sharp\b|♭|b(?![a-z])|flat\b)?[\s-]*"
    r"(?:(major|minor|maj|min|m|dur|moll|[a-z]+ian)\b|(?![a-z]))",
    re.IGNORECASE,
)
_MINOR_MODES: Final = frozenset(
    ("minor", "min", "moll", "aeolian", "dorian", "phrygian", "locrian")
)
_SIGNS: Final = {"♯": "#", "sharp": "#", "#": "#", "♭": "b", "flat": "b", "b": "b"}
# The same key on a piano.
_SHARPS_AND_FLATS: Final = (("C#", "Db"), ("D#", "Eb"), ("F#", "Gb"), ("G#", "Ab"), ("A#", "Bb"))
_ENHARMONIC: Final[Mapping[str, str]] = dict(
    (*_SHARPS_AND_FLATS, *((flat, sharp) for sharp, flat in _SHARPS_AND_FLATS))
) | {"E#": "F", "B#": "C", "Fb": "E", "Cb": "B"}
_CODE: Final = re.compile(r"([a-z]{2,3})(?:[-_][a-z0-9]+)*\Z")
# The codes of ISO 639 that models for songs use, and names of the languages.
_NAMES: Final = (
    "ar arabic; az azerbaijani; bg bulgarian; bn bengali; ca catalan; cs czech; "
    "da danish; de german deutsch; el greek; en english; es spanish español; "
    "fa persian farsi; fi finnish; fr french français; he hebrew; hi hindi; "
    "hr croatian; ht haitian; hu hungarian; id indonesian; is icelandic; "
    "it italian italiano; ja japanese; ko korean; la latin; lt lithuanian; ms malay; "
    "ne nepali; nl dutch; no norwegian; pa punjabi; pl polish; "
    "pt portuguese português; ro romanian; ru russian; sa sanskrit; sk slovak; "
    "sr serbian; sv swedish; sw swahili; ta tamil; te telugu; th thai; "
    "tl tagalog filipino; tr turkish; uk ukrainian; ur urdu; vi vietnamese; "
    "yue cantonese; zh chinese mandarin"
)
_LANGUAGES: Final[Mapping[str, str]] = {
    name: code for code, *names in map(str.split, _NAMES.split(";")) for name in names
}


_VALUE_TYPES: Final[Mapping[str, ValueType]] = {
    "INT": ValueType.INTEGER,
    "FLOAT": ValueType.NUMBER,
    "BOOLEAN": ValueType.BOOLEAN,
    "STRING": ValueType.STRING,
}


@dataclass(frozen=True, slots=True)
class FittedValue:
    """A value for an input.

    Attributes:
        value: what to set; None to leave the workflow's own value.
        note: what was changed about it, or why it is left out; "" if there is nothing to say.
    """

    value: Value | None
    note: str = ""


def fit(
    field: str, value: Value, current: object, expected: InputType | None = None
) -> FittedValue:
    """The value of a field as an input takes it.

    Args:
        field: the name of the field.
        value: its value.
        current: what the workflow has there: a number, text, or a link, which says nothing.
        expected: what the server's node type says of the input, if that is known.
    """
    if expected is not None and expected.choices:
        return _chosen(field, value, expected.choices)
    if expected is not None and expected.type in {"INT", "FLOAT"}:
        return _bounded(field, value, expected)
    if link_of(current) is not None:
        return FittedValue(value)
    if isinstance(current, str):
        return _text(field, value, current)
    if isinstance(value, str) and isinstance(current, int | float):
        return FittedValue(_number(value))
    return FittedValue(value)


def fit_exactly(
    field: PathField, value: Value, target: Target, node: Node, expected: InputType | None = None
) -> Result[Value, str]:
    """A value of the brief's JSON as an input takes it, or why it does not take it.

    Other than a field of a brief, it is never changed to suit the input: a person who names a
    LoRA that is not installed wants no other one.

    Args:
        field: the path, its type and its bounds.
        value: what was read there.
        target: the input.
        node: the node that has it, as the workflow has it.
        expected: what the server's node type says of the input, if that is known.
    """
    current, name = node["inputs"][target.input], target.input
    if field.type is not None and field.type.is_picture:
        return Success(value)
    is_upload = expected is not None and any(expected.options.get(flag) for flag in UPLOADS)
    if expected is not None and expected.choices is not None and not is_upload:
        return _choose(field, value, node["class_type"], name, expected.choices)
    type_ = _VALUE_TYPES.get(expected.type) if expected is not None else None
    if type_ is None:
        return fit_to_value(field, value, current)
    converted = replace(field, type=type_).convert(value)
    if is_successful(converted) and expected is not None and expected.type in {"INT", "FLOAT"}:
        words = number_problem(converted.unwrap(), expected)
        return Refused(f"{field.path}: {words} by {name}") if words else converted
    return converted


def fit_to_value(field: PathField, value: Value, current: object) -> Result[Value, str]:
    """A value of the brief's JSON in the type of what stands where it goes, or why it has none.

    Args:
        field: the path, its type and its bounds.
        value: what was read there.
        current: the value of the workflow's author; a link, a list or None allows anything.
    """
    if isinstance(current, bool):
        type_ = ValueType.BOOLEAN
    elif isinstance(current, int | float):
        type_ = ValueType.NUMBER  # a node may have been saved with 7 where it takes 7.5
    elif isinstance(current, str):
        type_ = ValueType.STRING
    else:
        return Success(value)
    return replace(field, type=type_).convert(value)


def _choose(
    field: PathField, value: Value, class_type: str, name: str, choices: Sequence[object]
) -> Result[Value, str]:
    """The choice that a value names, or what there is instead."""
    choice = offered(value, choices)
    if choice is not None:
        return Success(choice)
    if is_model_input(class_type, name, value):
        words = describe_missing_model(class_type, name, value, choices)
    elif choices:
        words = f"{name} is one of {describe_choices(value, choices)}"
    else:
        return Success(value)  # the server tells none of the choices
    return Refused(f"{field.path} is {value!r}, which the server does not offer: {words}")


def offered(value: Value, choices: Sequence[object]) -> Value | None:
    """The choice that a value names: itself, or the only one that it can mean.

    Case does not matter, nor do folders and the suffix of a file: "Ink" is "styles/ink.safetensors"
    where there is no other "ink".
    """
    named = [choice for choice in choices if isinstance(choice, str | int | float)]
    text = str(value).lower()
    readings: tuple[Callable[[Value], bool], ...] = (
        lambda choice: choice == value and isinstance(choice, bool) == isinstance(value, bool),
        lambda choice: str(choice).lower() == text,
        lambda choice: file_name(str(choice).lower()).name == text,
        lambda choice: file_name(str(choice).lower()).stem == text,
    )
    for is_meant in readings:
        matching = [choice for choice in named if is_meant(choice)]
        if len(matching) == 1:
            return matching[0]
    return None


def _number(value: Value) -> int | float | None:
    """The one number in a text ("92 BPM"); None if there are none or several."""
    if not isinstance(value, str):
        return value
    numbers = _NUMBER.findall(value)
    if len(numbers) != 1:
        return None
    return float(numbers[0]) if "." in numbers[0] else int(numbers[0])


def _bounded(field: str, value: Value, expected: InputType) -> FittedValue:
    number = _number(value)
    if number is None:
        return FittedValue(None)
    if expected.type == "INT":
        number = round(number)
    low, high = expected.options.get("min"), expected.options.get("max")
    if isinstance(high, int | float) and number > high:
        note = f"the {field} {number:g} is more than the workflow takes; {high:g} is used"
        return FittedValue(type(number)(high), note)
    if isinstance(low, int | float) and number < low:
        note = f"the {field} {number:g} is less than the workflow takes; {low:g} is used"
        return FittedValue(type(number)(low), note)
    return FittedValue(number)


def _text(field: str, value: Value, current: str) -> FittedValue:
    """Text, in the notation of what stands there: a bare "4" for a metre, "en" for a language."""
    if not isinstance(value, str):
        return FittedValue(f"{value:.12g}" if isinstance(value, float) else str(value))
    if field == "time_signature" and current.strip().isdigit():
        return FittedValue(_metre(value))
    if field == "key" and (key := _key(current)) and key == current.strip():
        return FittedValue(_key(value))
    if field == "language" and _CODE.match(current.strip()):
        return FittedValue(_language(value))
    return FittedValue(value)


def _chosen(field: str, value: Value, choices: Sequence[object]) -> FittedValue:
    """The choice that means the value."""
    text = str(value).strip()
    meant = {
        "time_signature": lambda: [_metre(text)],
        "key": lambda: [_key(text), _other_name(_key(text))],
        "language": lambda: [_language(text)],
    }.get(field, list)()
    for name in (text, *meant):
        for choice in choices:
            if name and str(choice).lower() == str(name).lower():
                return FittedValue(choice if isinstance(choice, int | float) else str(choice))
    note = (
        f"the {field.replace('_', ' ')} {text!r} is none of the workflow's choices; its own stays"
    )
    return FittedValue(None, note)


def _metre(text: str) -> str | None:
    """The upper number of a time signature: "4" for "4/4"."""
    if text.strip().lower() in _COMMON_TIME:
        return "4"
    match = _METRE.search(text)
    return match[1] if match else text.strip() if text.strip().isdigit() else None


def _key(text: str) -> str | None:
    """A key as "C# minor"."""
    match = _KEY.match(text)
    if not match:
        return None
    note = match[1].upper() + _SIGNS.get((match[2] or "").lower(), "")
    mode = match[3] or ""
    is_minor = mode == "m" or mode.lower() in _MINOR_MODES
    return f"{note} {'minor' if is_minor else 'major'}"


def _other_name(key: str | None) -> str | None:
    """The same key under its other name: "Db minor" for "C# minor"."""
    note, _, mode = (key or "").partition(" ")
    return f"{_ENHARMONIC[note]} {mode}" if note in _ENHARMONIC else None


def _language(text: str) -> str | None:
    """The code of a language: "en" for "English" and for "en-GB"."""
    words = re.findall(r"[^\W\d_]+", text.lower())
    named = next((_LANGUAGES[word] for word in words if word in _LANGUAGES), None)
    code = _CODE.match(text.strip().lower())
    return named or (code[1] if code else None)
