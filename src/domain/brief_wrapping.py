"""Unwrapping: the objects that may be a brief, out of lists, wrapper objects and JSON in text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from domain.brief_json import find_json
from domain.brief_sections import SOURCES
from domain.brief_values import Json, Members, is_blank
from domain.kind import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from domain.brief_json_reader import Allowance

_REQUIRED: Final[dict[Kind, tuple[str, ...]]] = {Kind.IMAGE: ("prompt",), Kind.AUDIO: SOURCES}
_OF_A_SONG: Final = frozenset({"structure", "sections", "title", "genre", "metadata"})
_MOST_WRAPPERS: Final = 8


def documents(
    kind: Kind, value: Json, allowance: Allowance, wrappers: int = 0
) -> Iterator[Members]:
    """The objects in a value that may be a brief.

    A wrapper is an object with one member (``{"result": {...}}``, ``{"result": "{...}"}``) that
    lacks what the kind requires, or whose one member holds that in turn.
    """
    if isinstance(value, list):
        yield from _of_list(kind, value, allowance, wrappers)
    elif isinstance(value, Members):
        inner = _wrapped(kind, value, allowance) if wrappers < _MOST_WRAPPERS else None
        unwrapped = [] if inner is None else list(documents(kind, inner, allowance, wrappers + 1))
        yield from unwrapped or [value]


def is_meant(kind: Kind, document: Members) -> bool:
    """Whether an object names what the kind requires, with whatever value."""
    return any(name in document for name in _REQUIRED[kind])


def _of_list(
    kind: Kind, values: list[Json], allowance: Allowance, wrappers: int
) -> Iterator[Members]:
    if kind is Kind.AUDIO and values and all(_is_section(value) for value in values):
        song = Members()
        song.put("structure", values)
        yield song
        return
    for value in values:
        if isinstance(value, Members):
            yield from documents(kind, value, allowance, wrappers)


def _wrapped(kind: Kind, wrapper: Members, allowance: Allowance) -> Json:
    """What a wrapper holds, or None when the object is none."""
    if len(wrapper) != 1 or wrapper.conflicts:
        return None
    value = next(iter(wrapper.values()))
    if is_meant(kind, wrapper):
        return value if isinstance(value, Members) and is_meant(kind, value) else None
    if isinstance(value, str):
        return list(find_json(value, allowance).values)
    return value


def _is_section(value: Json) -> bool:
    """Whether an object is one part of a song, and not a song of its own."""
    if not isinstance(value, Members) or is_blank(value.get("type")):
        return False
    return not value.keys() & _OF_A_SONG
