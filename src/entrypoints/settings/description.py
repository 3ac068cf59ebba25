"""The settings as rows for ``mediagen config``."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, NamedTuple

from domain.kind import Kind
from entrypoints.settings.arguments import default_names
from entrypoints.settings.disclosure import display
from entrypoints.settings.layers import Source
from entrypoints.settings.schema import keys

if TYPE_CHECKING:
    from collections.abc import Iterator

    from entrypoints.settings.loading import LoadedSettings


class Row(NamedTuple):
    """One setting in words; secrets are hidden."""

    key: str
    value: str
    source: str


def describe(loaded: LoadedSettings) -> list[Row]:
    """Every setting in effect, the fields of the argument mappings one by one."""
    return [
        Row(name, display(name, value), str(loaded.provenance.get(name, Source("default"))))
        for name, value in _effective(loaded)
    ]


def _effective(loaded: LoadedSettings) -> Iterator[tuple[str, object]]:
    for name, key in keys().items():
        value: object = reduce(getattr, name.split("."), loaded.settings)
        if key.base is dict and isinstance(value, dict):
            mapped = name.startswith("media.arguments.")
            defaults = default_names(Kind(name.rpartition(".")[2])) if mapped else {}
            yield from ((f"{name}.{field}", word) for field, word in {**defaults, **value}.items())
        else:
            yield name, value
