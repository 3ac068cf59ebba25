"""The settings of the model by their dotted names, and guesses at misspelt names."""

from __future__ import annotations

import types
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
from msgspec.structs import fields

from domain.prompt import Kind
from entrypoints.settings.model import Section, Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

PREFIX = "MEDIA_GENERATOR_"
FILE_VARIABLE = "MEDIA_GENERATOR_CONFIG"  # names the file; not a setting
INPUTS = "media.inputs"
ARGUMENTS = "media.arguments"
WORKFLOWS = "media.workflows"
AUTO = "auto"
"""The value of a mapping of arguments that names none: the default."""

_INPUT = (
    'an input of a node such as "6.text", a list of them, null, or an object such as'
    ' {"input": "3.steps", "type": "integer", "default": 20}'
)
_ARGUMENT = (
    'an argument name such as "--text4", a list of them, null, or an object such as'
    ' {"argument": "--steps3", "type": "integer", "default": 20}'
)
_ALIKE = 0.75  # "databse" and "comfy" are ours, misspelt; "meta" and "poets" need not be
_LIKELY = 0.5  # within a known section a guess costs nothing


@dataclass(frozen=True, slots=True)
class Key:
    """One setting.

    Attributes:
        name: dotted, such as "comfyui.queue_size".
        annotation: the type that msgspec converts to.
        base: the bare type: str, int, float, bool, tuple, dict or Literal.
        nullable: whether null is a value.
        default: the default value.
        expected: a description of the expected value, for messages.
        path: "own", "program", "comfyui" (see the model), or "" when it is no path.
        entry: whether it is one field of a mapping.
        variables: whether ``$VAR`` and ``${VAR}`` are replaced, as they are in a path.
        file: whether ``@path`` stands for what a file holds.
    """

    name: str
    annotation: object
    base: object
    nullable: bool
    default: object
    expected: str
    path: str = ""
    entry: bool = False
    variables: bool = False
    file: bool = False


def variable(name: str) -> str:
    """The environment variable of a dotted name."""
    return PREFIX + name.upper().replace(".", "__")


@cache
def keys() -> Mapping[str, Key]:
    """Every setting by its dotted name, in the order of the model."""
    return {key.name: key for key in _keys_of(Settings, "")}


@cache
def groups() -> Mapping[str, tuple[str, ...]]:
    """The names inside every object: "" holds the sections, "media" its settings, and so on."""
    return dict(_groups_of(Settings, ""))


def find(name: str) -> Key | None:
    """The setting with a dotted name; an entry of a mapping of fields counts as one."""
    if key := keys().get(name):
        return key
    if mapping_entry(name) is None:
        return None
    annotation: object = str | tuple[str, ...] | dict[str, Any] | None
    expected = _INPUT if name.startswith(INPUTS) else _ARGUMENT
    return Key(name, annotation, str, nullable=True, default=None, expected=expected, entry=True)


def mapping_entry(name: str) -> tuple[str, str] | None:
    """The mapping and the field of a dotted name; None if it names no field of a mapping.

    The field may have dots of its own: it may be a path in the brief's JSON.
    """
    for mapping, key in keys().items():
        if key.base is dict and name.startswith(f"{mapping}."):
            return mapping, name.removeprefix(f"{mapping}.")
    return None


def place_name(mapping: str) -> str:
    """What an entry of a mapping calls the place that its value goes to, in an object."""
    return "input" if mapping.startswith(INPUTS) else "argument"


def names_path(name: str, value: object) -> bool:
    """Whether an entry of a mapping is meant as a path in the brief's JSON."""
    from domain.brief import PICTURE_NAMES

    return isinstance(value, dict) or "." in name or "[" in name or name in PICTURE_NAMES


def _keys_of(section: type[Section], prefix: str) -> Iterator[Key]:
    for item in fields(section):
        name = prefix + item.name
        if _is_section(item.type):
            yield from _keys_of(item.type, name + ".")
            continue
        meta = get_args(item.type)[1] if get_origin(item.type) is Annotated else msgspec.Meta()
        base, nullable = _bare(item.type)
        expected = meta.description or "true or false"
        if base is Literal:
            expected = alternatives(get_args(item.type))
        default = item.default_factory() if item.default is msgspec.NODEFAULT else item.default
        yield Key(name, item.type, base, nullable, default, expected, **(meta.extra or {}))


def _groups_of(section: type[Section], name: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    yield name, tuple(item.name for item in fields(section))
    for item in fields(section):
        if _is_section(item.type):
            yield from _groups_of(item.type, f"{name}.{item.name}".lstrip("."))


def _is_section(annotation: object) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Section)


def _bare(annotation: object) -> tuple[object, bool]:
    origin = get_origin(annotation)
    if origin is Annotated:
        return _bare(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        inner = next(part for part in get_args(annotation) if part is not types.NoneType)
        return _bare(inner)[0], True
    return (Literal if origin is Literal else origin or annotation), False


# The adapters know the fields. They are imported only if the settings map one, since every command
# imports this module.


def kind_of(name: str) -> Kind:
    """The kind in which a dotted name ends, as in "media.arguments.image"."""
    return Kind(name.rpartition(".")[2])


def field_names(mapping: str) -> frozenset[str]:
    """The fields that may stand in "media.arguments.image", "media.inputs.audio" and so on."""
    if mapping.startswith(INPUTS):
        from adapters.comfyui_graph.fields import FIELDS as SERVER_FIELDS

        return SERVER_FIELDS[kind_of(mapping)]
    from adapters.comfyui_script.workflow import FIELDS

    return FIELDS[kind_of(mapping)]


def default_arguments(kind: Kind) -> Mapping[str, str]:
    """The default argument name of each field that is passed unless the settings say otherwise."""
    from adapters.comfyui_script.workflow import DEFAULT_ARGUMENTS

    return {field: names[0] for field, names in DEFAULT_ARGUMENTS[kind].items()}


def alternatives(values: Iterable[object]) -> str:
    """The values in quotes, as people list a choice: '"a", "b" or "c"'."""
    *first, last = (f'"{value}"' for value in values)
    return f"{', '.join(first)} or {last}" if first else last


def similar_section(name: str) -> str | None:
    """The section that a top-level name is a likely misspelling of, or None."""
    return name if find(name) else _nearest(name, groups()[""], _ALIKE)


def similar_key(name: str, section: str = "") -> str | None:
    """The setting, of a section or of all, that a dotted name is a likely misspelling of."""
    known = [key for key in keys() if not section or key.startswith(f"{section}.")]
    return _nearest(name, known, _LIKELY if section else _ALIKE)


def suggestion(name: str, known: Iterable[str]) -> str:
    """A sentence: the known name that was probably meant, or all of them."""
    near = _nearest(name, known, _LIKELY)
    return f'Did you mean "{near}"?' if near else f"Known here: {', '.join(known)}."


def suggestion_in(group: str, name: str) -> str:
    """A sentence: what to write instead of an unknown name in a group."""
    if find(f"{group}.{name}"):
        return f"Write {nested_json(f'{group}.{name}')}."
    elsewhere = [key for key in keys() if key.endswith(f".{name}")]
    if len(elsewhere) == 1:
        return f'Did you mean "{elsewhere[0]}"?'
    return suggestion(name, groups()[group])


def nested_json(name: str, value: str = "...") -> str:
    """A dotted name as it stands in the file: objects inside one another."""
    for part in reversed(name.split(".")):
        value = f'{{"{part}": {value}}}'
    return value


def _nearest(name: str, known: Iterable[str], cutoff: float) -> str | None:
    from difflib import get_close_matches  # only mistakes need it

    return next(iter(get_close_matches(name.lower(), list(known), n=1, cutoff=cutoff)), None)
