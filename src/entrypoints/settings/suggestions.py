"""Guessing what a misspelt name was meant to be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from entrypoints.settings.schema import find, groups, keys

if TYPE_CHECKING:
    from collections.abc import Iterable

_ALIKE = 0.75  # "databse" and "comfy" are meant to be ours; "meta" and "poets" need not be
_LIKELY = 0.5  # inside our own sections a guess costs nothing


def section_like(name: str) -> str | None:
    """The section of ours that a top-level name is a likely misspelling of."""
    if find(name):
        return name
    return _nearest(name, groups()[""], _ALIKE)


def advice(group: str, name: str) -> str:
    """What to write instead of an unknown name in a group: a sentence."""
    if find(f"{group}.{name}"):
        return f"Write {written(f'{group}.{name}')}."
    known = groups()[group]
    elsewhere = [key for key in keys() if key.endswith(f".{name}")]
    if len(elsewhere) == 1:
        return f'Did you mean "{elsewhere[0]}"?'
    return choose(name, known)


def written(name: str, value: str = "...") -> str:
    """A dotted name as it stands in the file: objects inside one another."""
    for part in reversed(name.split(".")):
        value = f'{{"{part}": {value}}}'
    return value


def key_like(name: str, section: str = "") -> str | None:
    """The dotted name that another one is a likely misspelling of, within a section or at all."""
    known = [key for key in keys() if not section or key.startswith(f"{section}.")]
    return _nearest(name, known, _LIKELY if section else _ALIKE)


def choose(name: str, known: Iterable[str]) -> str:
    """Which of the known names is meant: a sentence."""
    near = _nearest(name, known, _LIKELY)
    return f'Did you mean "{near}"?' if near else f"Known here: {', '.join(known)}."


def _nearest(name: str, known: Iterable[str], cutoff: float) -> str | None:
    from difflib import get_close_matches  # only mistakes need it

    return next(iter(get_close_matches(name.lower(), list(known), n=1, cutoff=cutoff)), None)
