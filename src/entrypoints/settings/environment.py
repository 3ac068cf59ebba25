"""Values from the environment and from command-line options."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from entrypoints.settings import schema
from entrypoints.settings.discovery import VARIABLE
from entrypoints.settings.errors import Problem, SettingsError
from entrypoints.settings.layers import Entry, Layer, Source
from entrypoints.settings.reading import parse
from entrypoints.settings.suggestions import advice, key_like

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FOREIGN = {"MUSINGS_DB_PATH": "database.path", "COMFYUI_DIR": "comfyui.comfyui_directory"}


def environment_layer(environ: Mapping[str, str], cwd: Path) -> Layer:
    """What the environment sets; an empty value counts as not set.

    MEDIA_GENERATOR_<SECTION>__<KEY> outranks the variables of other programs in ``FOREIGN``,
    and a variable for a part (..._ARGUMENTS__IMAGE__PROMPT) outranks one for the whole.
    """
    layer = Layer()
    for variable, name in FOREIGN.items():
        if value := environ.get(variable):
            _put(layer, name, Entry(value, Source("environment", variable), cwd, textual=True))
    ours = (name for name, value in environ.items() if value and name.startswith(schema.PREFIX))
    for variable in sorted(ours, key=lambda name: (name.count("__"), name)):
        entry = Entry(environ[variable], Source("environment", variable), cwd, textual=True)
        name = variable.removeprefix(schema.PREFIX).lower().replace("__", ".")
        if _known(name) and schema.variable(name) == variable:
            _put(layer, name, entry)
        elif variable != VARIABLE:
            _unknown(layer, variable, entry)
    return layer


def option_layer(overrides: Mapping[str, object], cwd: Path) -> Layer:
    """What command-line options set, by dotted name; None counts as not given."""
    layer = Layer()
    for name, given in overrides.items():
        value = os.fspath(given) if isinstance(given, os.PathLike) else given
        entry = Entry(value, Source("option", name), cwd, textual=isinstance(value, str))
        if value is None:
            continue
        if _known(name):
            _put(layer, name, entry)
        else:
            meant = key_like(name)
            fix = f'Did you mean "{meant}"?' if meant else ""
            what = f'"{name}" is not a known setting'
            layer.problems.append(Problem(entry.where, what, fix, name))
    return layer


def _known(name: str) -> bool:
    whole = "." in name and name in schema.groups()
    return whole or schema.find(name) is not None


def _put(layer: Layer, name: str, entry: Entry) -> None:
    key = schema.find(name)
    if key is not None and key.entry:  # goes in by way of its mapping, which knows the fields
        mapping, _, field = name.rpartition(".")
        layer.put(mapping, replace(entry, value={field: entry.value}))
    elif isinstance(entry.value, str) and (key is None or key.base is dict):
        try:
            value = parse(entry.value, entry.where)
        except SettingsError as error:
            layer.problems.extend(error.problems)
        else:
            layer.put(name, replace(entry, value=value, textual=False))
    else:
        layer.put(name, entry)


def _unknown(layer: Layer, variable: str, entry: Entry) -> None:
    name = variable.removeprefix(schema.PREFIX).lower()
    ours = [section for section in schema.groups()[""] if f"{name}_".startswith(f"{section}_")]
    meant = key_like(name.replace("__", "."), ours[0] if ours else "")
    if ours or meant:
        what = "no such setting is known"
        fix = f"Did you mean {schema.variable(meant)}?" if meant else advice(ours[0], name)
        layer.problems.append(Problem(entry.where, what, fix))
    else:
        layer.notes.append(f"{entry.where} is unknown and ignored.")
