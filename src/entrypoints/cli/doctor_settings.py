"""Settings for the doctor: what is sound of them, and what is wrong with the rest."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from entrypoints.settings.errors import Problem, SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entrypoints.cli.invocation import Invocation
    from entrypoints.settings.layers import Entry
    from entrypoints.settings.loading import LoadedSettings


def sound_settings(invocation: Invocation) -> tuple[LoadedSettings, tuple[Problem, ...]]:
    """The settings and every problem with them; a bad value counts as not given.

    Every other command refuses settings with a problem. Here the rest still tells where the
    parts are that want to be examined.
    """
    try:
        return invocation.settings(quietly=True), ()
    except SettingsError as error:
        return _sound_part(invocation), error.problems


def _sound_part(invocation: Invocation) -> LoadedSettings:
    import msgspec

    from entrypoints.settings.layers import Source
    from entrypoints.settings.loading import LoadedSettings
    from entrypoints.settings.model import Settings
    from entrypoints.settings.schema import keys

    file = _file(invocation)
    entries = _entries(invocation, file)
    tree: dict[str, Any] = {}
    for name, value in _values(entries).items():
        *groups, last = name.split(".")
        inner = tree
        for group in groups:
            inner = inner.setdefault(group, {})
        inner[last] = value
    provenance = {name: Source("default") for name in keys()}
    provenance |= {name: entry.source for name, entry in entries.items()}
    return LoadedSettings(msgspec.convert(tree, Settings), provenance, file, ())


def _file(invocation: Invocation) -> Path | None:
    from entrypoints.settings.discovery import find_file

    try:
        return find_file(invocation.config_file, os.environ, Path.cwd())
    except SettingsError:
        return None


def _entries(invocation: Invocation, file: Path | None) -> dict[str, Entry]:
    from entrypoints.settings.environment import environment_layer, option_layer
    from entrypoints.settings.file import file_layer

    here = Path.cwd()
    layers = [file_layer(file)] if file else []
    layers += [environment_layer(os.environ, here), option_layer(invocation.overrides, here)]
    return {name: entry for layer in layers for name, entry in layer.entries.items()}


def _values(entries: Mapping[str, Entry]) -> dict[str, object]:
    from entrypoints.settings.schema import find
    from entrypoints.settings.validation import checked

    found = {
        name: checked(key, entry, os.environ)
        for name, entry in entries.items()
        if (key := find(name))
    }
    return {name: value for name, value in found.items() if not isinstance(value, Problem)}
