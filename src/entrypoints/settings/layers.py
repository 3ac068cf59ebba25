"""Values by dotted name, each with where it comes from."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from entrypoints.settings.arguments import field_names
from entrypoints.settings.disclosure import found, printable
from entrypoints.settings.errors import Problem
from entrypoints.settings.schema import find, groups
from entrypoints.settings.suggestions import advice, choose

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Source:
    """Where a value comes from.

    Attributes:
        kind: one of four, from the weakest to the strongest.
        name: of the file, the variable or the overridden key; "" for a default.
    """

    kind: Literal["default", "file", "environment", "option"]
    name: str = ""

    def __str__(self) -> str:
        match self.kind:
            case "default":
                return "default"
            case "file":
                return printable(self.name)
            case "environment":
                return printable(f"environment variable {self.name}")
            case "option":
                return "command line"


@dataclass(frozen=True, slots=True)
class Entry:
    """One value that somebody set.

    Attributes:
        value: as found.
        source: of it.
        anchor: the absolute folder that a relative path in it starts from.
        textual: whether it is text to be read according to the key's type.
    """

    value: object
    source: Source
    anchor: Path
    textual: bool = False

    @property
    def where(self) -> str:
        """The place to name in a message."""
        return str(self.source)


@dataclass(slots=True)
class Layer:
    """All values from one place, with what was wrong or worth a word there."""

    entries: dict[str, Entry] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def put(self, name: str, entry: Entry) -> None:
        """Take the value of a group, a mapping or a key; objects are taken apart."""
        key = find(name)
        if key is not None and key.base is not dict:
            self.entries[name] = entry
        elif not isinstance(entry.value, dict):
            self._refuse(name, entry, expected=key.expected if key else "an object {...}")
        else:
            known = sorted(field_names(name)) if key else groups()[name]
            for inner, value in entry.value.items():
                if inner in known:
                    self.put(f"{name}.{inner}", replace(entry, value=value))
                else:
                    fix = choose(inner, known) if key else advice(name, inner)
                    self._unknown(f"{name}.{inner}", entry, fix)

    def _refuse(self, name: str, entry: Entry, expected: str) -> None:
        what = f"{name} is {found(name, entry.value)}, but must be {expected}"
        self.problems.append(Problem(entry.where, what, key=name))

    def _unknown(self, name: str, entry: Entry, fix: str) -> None:
        self.problems.append(Problem(entry.where, f'"{name}" is not a known setting', fix, name))
