"""Putting the layers together: default, file, environment, options."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from entrypoints.settings.consistency import contradictions
from entrypoints.settings.discovery import find_file
from entrypoints.settings.environment import environment_layer, option_layer
from entrypoints.settings.errors import Problem, SettingsError
from entrypoints.settings.file import file_layer
from entrypoints.settings.layers import Entry, Layer, Source
from entrypoints.settings.model import Settings
from entrypoints.settings.schema import find, keys
from entrypoints.settings.validation import checked

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class LoadedSettings:
    """Settings that passed every check, and where they come from.

    Attributes:
        settings: all sections.
        provenance: for every dotted name; of argument mappings only the entries that were given.
        config_file: absolute, or None when there is none.
        notes: whole sentences worth printing.
    """

    settings: Settings
    provenance: Mapping[str, Source]
    config_file: Path | None
    notes: tuple[str, ...]


def load_settings(
    *,
    config_file: Path | None = None,
    overrides: Mapping[str, object] | None = None,
    environ: Mapping[str, str],
    cwd: Path,
) -> LoadedSettings:
    """Load the settings (contract, section 6).

    Args:
        config_file: as given on the command line, or None to look for one.
        overrides: by dotted name, from the command line; text is read as the key's type, None
            counts as not given.
        environ: the environment.
        cwd: the working folder.

    Raises:
        SettingsError: anything at all is wrong; it holds every problem that there is.
    """
    loaded, problems = inspect_settings(
        config_file=config_file, overrides=overrides, environ=environ, cwd=cwd
    )
    if problems:
        raise SettingsError(problems)
    return loaded


def inspect_settings(
    *,
    config_file: Path | None = None,
    overrides: Mapping[str, object] | None = None,
    environ: Mapping[str, str],
    cwd: Path,
) -> tuple[LoadedSettings, list[Problem]]:
    """The settings and every problem with them; a bad value counts as not given.

    Arguments as for ``load_settings``.
    """
    here = Path(os.path.abspath(cwd))  # noqa: PTH100 - resolve() would follow links
    file, file_values, problems = _file(config_file, environ, here)
    layers = [file_values, environment_layer(environ, here), option_layer(overrides or {}, here)]
    entries = {name: entry for layer in layers for name, entry in layer.entries.items()}
    values = {name: _checked(name, entry, environ) for name, entry in entries.items()}
    good = {name: value for name, value in values.items() if not isinstance(value, Problem)}
    settings = msgspec.convert(_tree(good), Settings)
    problems += [problem for layer in layers for problem in layer.problems]
    problems += [value for value in values.values() if isinstance(value, Problem)]
    problems += contradictions(settings, entries)
    notes = tuple(note for layer in layers for note in layer.notes)
    return LoadedSettings(settings, _provenance(entries), file, notes), problems


def _file(
    config_file: Path | None, environ: Mapping[str, str], here: Path
) -> tuple[Path | None, Layer, list[Problem]]:
    """The file that counts and what it says; one that cannot be read says nothing."""
    file = None
    try:
        file = find_file(config_file, environ, here)
        return file, file_layer(file) if file else Layer(), []
    except SettingsError as error:
        return file, Layer(), list(error.problems)


def _checked(name: str, entry: Entry, environ: Mapping[str, str]) -> object:
    key = find(name)
    if key is None:
        raise AssertionError(f"the layers let an unknown key pass: {name}")
    return checked(key, entry, environ)


def _tree(values: Mapping[str, object]) -> dict[str, object]:
    tree: dict[str, object] = {}
    for name, value in values.items():
        *groups, last = name.split(".")
        inner = tree
        for group in groups:
            inner = inner.setdefault(group, {})  # type: ignore[assignment]
        inner[last] = value
    return tree


def _provenance(entries: Mapping[str, Entry]) -> dict[str, Source]:
    defaults = {name: Source("default") for name, key in keys().items() if key.base is not dict}
    return defaults | {name: entry.source for name, entry in entries.items()}
