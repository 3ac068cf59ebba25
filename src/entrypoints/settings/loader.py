"""Loading the settings: default, file, environment and options, each over the one before."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from entrypoints.settings.errors import Problem, SettingsError
from entrypoints.settings.expansion import ExpansionError, expand_path
from entrypoints.settings.hosts import HOSTS
from entrypoints.settings.layers import (
    Layer,
    Source,
    environment_layer,
    file_layer,
    option_layer,
    outranked_database,
)
from entrypoints.settings.model import Settings
from entrypoints.settings.redaction import display
from entrypoints.settings.schema import (
    FILE_VARIABLE,
    default_arguments,
    find,
    keys,
    kind_of,
    mapping_entry,
)
from entrypoints.settings.validation import checked_value, cross_check

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FILE_NAME = "media_generator_config.json"


@dataclass(frozen=True, slots=True)
class LoadedSettings:
    """Settings that passed every check, and where they come from.

    Attributes:
        settings: all sections.
        provenance: the source of every setting, by dotted name; of the mappings of fields only
            the entries that were set.
        config_file: the absolute path of the configuration file, or None if there is none.
        notes: whole sentences worth printing.
    """

    settings: Settings
    provenance: Mapping[str, Source]
    config_file: Path | None
    notes: tuple[str, ...]


class Row(NamedTuple):
    """One setting as ``mediagen config`` shows it; secrets are hidden."""

    key: str
    value: str
    source: str


def load_settings(
    *,
    config_file: Path | None = None,
    overrides: Mapping[str, object] | None = None,
    environ: Mapping[str, str],
    cwd: Path,
) -> LoadedSettings:
    """Load the settings.

    Args:
        config_file: the file named on the command line, or None to look for one.
        overrides: values by dotted name, from the command line; text is read as the key's type,
            None counts as not given.
        environ: the environment.
        cwd: the working folder.

    Raises:
        SettingsError: there are problems; it holds all of them.
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
    """The settings and every problem with them; a wrong value counts as not given.

    Takes the arguments of ``load_settings``.
    """
    here = Path(os.path.abspath(cwd))  # noqa: PTH100 - resolve() would follow links
    file, file_values = None, Layer()
    problems: list[Problem] = []
    try:
        if file := find_file(config_file, environ, here):
            file_values = file_layer(file)
    except SettingsError as error:
        problems += error.problems
    layers = [file_values, environment_layer(environ, here), option_layer(overrides or {}, here)]
    entries = {name: entry for layer in layers for name, entry in layer.entries.items()}
    for outranked in outranked_database(entries):
        del entries[outranked]
    problems += [problem for layer in layers for problem in layer.problems]
    tree: dict[str, Any] = {}
    for name, entry in entries.items():
        key = find(name)
        if key is None:
            raise AssertionError(f"the layers let an unknown key pass: {name}")
        value = checked_value(key, entry, environ)
        if isinstance(value, Problem):
            problems.append(value)
            continue
        mapping, last = mapping_entry(name) or name.rpartition(".")[::2]
        groups = mapping.split(".")
        reduce(lambda group, part: group.setdefault(part, {}), groups, tree)[last] = value
    settings = msgspec.convert(tree, Settings)
    invalid = {problem.key for problem in problems}  # the settings have its default instead
    crossed = list(cross_check(settings, entries))
    for wrong in {problem.key for problem in crossed} & {"comfyui.host", HOSTS}:
        del tree["comfyui"][wrong.partition(".")[2]]  # no address could be made of it
        settings = msgspec.convert(tree, Settings)
    problems += [problem for problem in crossed if problem.key not in invalid]
    provenance = {name: Source("default") for name, key in keys().items() if key.base is not dict}
    provenance |= {name: entry.source for name, entry in entries.items()}
    notes = tuple(note for layer in layers for note in layer.notes)
    return LoadedSettings(settings, provenance, file, notes), problems


def find_file(config_file: Path | None, environ: Mapping[str, str], cwd: Path) -> Path | None:
    """The absolute path of the configuration file, or None if there is none.

    A file that is named need not exist: reading it raises the error.

    Args:
        config_file: the file named on the command line, or None.
        environ: the environment; ``MEDIA_GENERATOR_CONFIG`` may name a file.
        cwd: the working folder, absolute.

    Raises:
        SettingsError: the name cannot be expanded.
    """
    if config_file is not None:
        named, where = str(config_file), "command line"
    else:
        named, where = environ.get(FILE_VARIABLE, ""), f"environment variable {FILE_VARIABLE}"
    if named:
        try:
            return cwd / expand_path(named, environ)
        except ExpansionError as error:
            what = f"the configuration file cannot be found: {error}"
            raise SettingsError([Problem(where, what, error.fix)]) from None
    in_folder = cwd / FILE_NAME
    if os.path.lexists(in_folder):
        return in_folder
    for_user = user_file()
    return for_user if os.path.lexists(for_user) else None


def user_file() -> Path:
    """Where the configuration file of this user lies, or would lie: found from every folder."""
    from platformdirs import user_config_path  # only without a named file

    return user_config_path("media-generator", appauthor=False) / FILE_NAME


def describe(loaded: LoadedSettings) -> list[Row]:
    """Every setting in force, with the fields of the mappings one by one."""
    return [
        Row(name, display(name, value), str(loaded.provenance.get(name, Source("default"))))
        for name, value in _values(loaded)
    ]


def _values(loaded: LoadedSettings) -> Iterator[tuple[str, object]]:
    for name, key in keys().items():
        value: object = reduce(getattr, name.split("."), loaded.settings)
        if key.base is dict and isinstance(value, dict):
            is_arguments = name.startswith("media.arguments.")
            defaults = default_arguments(kind_of(name)) if is_arguments else {}
            for field, target in {**defaults, **value}.items():
                yield f"{name}.{field}", target
        else:
            yield name, value
