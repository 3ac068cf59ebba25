"""The keys of the model by their dotted names."""

from __future__ import annotations

import types
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Annotated, Literal, Union, get_args, get_origin

import msgspec
from msgspec.structs import fields

from entrypoints.settings.model import Section, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PREFIX = "MEDIA_GENERATOR_"
ARGUMENT = 'an argument name such as "--text4", or null'
INPUT = 'an input of a node such as "6.text", a list of them, or null'
INPUTS = "media.inputs"


@dataclass(frozen=True, slots=True)
class Key:
    """One setting.

    Attributes:
        name: dotted, such as "comfyui.queue_size".
        annotation: what msgspec converts to.
        base: the bare type: str, int, float, bool, tuple, dict or Literal.
        nullable: whether null is a value.
        default: of the value.
        expected: in words.
        path: "own", "program", "comfyui" (see the model), or "" when it is no path.
        entry: whether it is one field of a mapping.
        variables: whether ``$VAR`` and ``${VAR}`` are replaced, as they are in a path.
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

    @property
    def variable(self) -> str:
        """The environment variable for it."""
        return variable(self.name)


def variable(name: str) -> str:
    """The environment variable of a dotted name."""
    return PREFIX + name.upper().replace(".", "__")


@cache
def keys() -> Mapping[str, Key]:
    """Every key in the order of the model."""
    return {key.name: key for key in _walk(Settings, "")}


@cache
def groups() -> Mapping[str, tuple[str, ...]]:
    """The names inside every object: "" holds the sections, "media" its keys, and so on."""
    return dict(_groups(Settings, ""))


def find(name: str) -> Key | None:
    """The key of a dotted name; an entry of a mapping of fields counts as one."""
    if key := keys().get(name):
        return key
    mapping = keys().get(name.rpartition(".")[0])
    if mapping is None or mapping.base is not dict:
        return None
    if name.startswith(INPUTS):
        kinds: object = str | tuple[str, ...] | None
        return Key(name, kinds, str, nullable=True, default=None, expected=INPUT, entry=True)
    return Key(name, str | None, str, nullable=True, default=None, expected=ARGUMENT, entry=True)


def _walk(section: type[Section], prefix: str) -> Iterator[Key]:
    for item in fields(section):
        name = prefix + item.name
        if _is_section(item.type):
            yield from _walk(item.type, name + ".")
        else:
            default = item.default_factory() if item.default is msgspec.NODEFAULT else item.default
            yield _key(name, item.type, default)


def _groups(section: type[Section], name: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    yield name, tuple(item.name for item in fields(section))
    for item in fields(section):
        if _is_section(item.type):
            yield from _groups(item.type, f"{name}.{item.name}".lstrip("."))


def _is_section(annotation: object) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Section)


def _key(name: str, annotation: object, default: object) -> Key:
    meta = get_args(annotation)[1]
    bare, nullable = _bare(annotation)
    extra = meta.extra or {}
    return Key(
        name,
        annotation,
        bare,
        nullable,
        default,
        meta.description,
        path=extra.get("path", ""),
        variables=extra.get("variables", False),
    )


def _bare(annotation: object) -> tuple[object, bool]:
    origin = get_origin(annotation)
    if origin is Annotated:
        return _bare(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        inner = next(part for part in get_args(annotation) if part is not types.NoneType)
        return _bare(inner)[0], True
    return (Literal if origin is Literal else origin or annotation), False
