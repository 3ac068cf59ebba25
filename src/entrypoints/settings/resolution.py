"""From settings to absolute paths, each demanded only by those who need it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from domain.kind import Kind
from entrypoints.settings.arguments import default_names
from entrypoints.settings.consistency import joined_output_root
from entrypoints.settings.errors import Problem, SettingsError
from entrypoints.settings.schema import variable
from entrypoints.settings.servers import server_hosts
from entrypoints.settings.suggestions import written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from entrypoints.settings.loading import LoadedSettings
    from entrypoints.settings.model import RendererName
    from entrypoints.settings.servers import ServerHost

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Installation:
    """What the workflow scripts run with; absolute paths that need not exist.

    Attributes:
        interpreter: never resolved, since a virtual environment's Python is a link.
        directory: of ComfyUI; the scripts' working folder.
        scripts: for each kind that a script renders.
    """

    interpreter: Path
    directory: Path
    scripts: Mapping[Kind, Path]


@dataclass(frozen=True, slots=True)
class Locations:
    """Everything that rendering needs.

    Attributes:
        database: absolute path of the database file.
        output_root: absolute.
        installation: None when no kind is rendered by a script.
    """

    database: Path
    output_root: Path
    installation: Installation | None


def locations(
    loaded: LoadedSettings, kinds: Iterable[Kind] = tuple(Kind), search: str | None = None
) -> Locations:
    """The paths for rendering these kinds.

    Args:
        loaded: the settings.
        kinds: that are to be rendered.
        search: PATH for an interpreter that is only named; by default the process's own.

    Raises:
        SettingsError: keys are missing; it names all of them.
    """
    problems: dict[str, Problem] = {}
    database = _attempt(lambda: database_path(loaded), problems)
    root = _attempt(lambda: output_root(loaded), problems)
    scripted = [kind for kind in kinds if renderer(loaded, kind) == "script"]
    python = _attempt(lambda: interpreter(loaded, search), problems) if scripted else None
    directory = _attempt(lambda: comfyui_directory(loaded), problems) if scripted else None
    if problems or database is None or root is None:
        raise SettingsError(list(problems.values()))
    if python is None or directory is None:
        return Locations(database, root, None)
    scripts = {kind: script(loaded, kind) for kind in scripted}
    return Locations(database, root, Installation(python, directory, scripts))


def database_path(loaded: LoadedSettings) -> Path:
    """The database file. Raises SettingsError when database.path is not set."""
    return Path(_demand(loaded, "database.path", loaded.settings.database.path))


def comfyui_directory(loaded: LoadedSettings) -> Path:
    """The ComfyUI directory. Raises SettingsError when it is not set."""
    value = loaded.settings.comfyui.comfyui_directory
    return Path(_demand(loaded, "comfyui.comfyui_directory", value))


def output_root(loaded: LoadedSettings) -> Path:
    """The output root. Raises SettingsError when it is relative to no known directory."""
    root = joined_output_root(loaded.settings)
    if root is None:
        raise _missing(
            loaded,
            "comfyui.comfyui_directory",
            f'comfyui.output_directory, "{loaded.settings.comfyui.output_directory}", is '
            "relative to comfyui.comfyui_directory, which is not set",
            "Or make comfyui.output_directory absolute.",
        )
    return root


def interpreter(loaded: LoadedSettings, search: str | None = None) -> Path:
    """The ComfyUI environment's Python; a bare name is looked up on PATH.

    Raises:
        SettingsError: comfyui.python is not set, or its bare name is not on PATH.
    """
    from shutil import which  # brings along every kind of archive

    name = "comfyui.python"
    python = _demand(loaded, name, loaded.settings.comfyui.python)
    if "/" in python:
        return Path(python)
    if found := which(python, path=search):
        return Path(os.path.abspath(found))  # noqa: PTH100 - resolve() would follow links
    what = f'{name} is "{python}", and no folder on PATH has an executable of that name'
    fix = "Give the whole path of the interpreter of ComfyUI's environment."
    raise SettingsError([Problem(str(loaded.provenance[name]), what, fix, name)])


def script(loaded: LoadedSettings, kind: Kind) -> Path:
    """The workflow script. Raises SettingsError when it is relative to no known directory."""
    scripts = loaded.settings.media.scripts
    path = Path(scripts.image if kind is Kind.IMAGE else scripts.music)
    return path if path.is_absolute() else comfyui_directory(loaded) / path


def renderer(loaded: LoadedSettings, kind: Kind) -> RendererName:
    """What renders a kind."""
    chosen = loaded.settings.media.renderer
    return chosen.image if kind is Kind.IMAGE else chosen.audio


def workflow_file(loaded: LoadedSettings, kind: Kind) -> Path:
    """The graph that a server renders. Raises SettingsError when it is not set."""
    files = loaded.settings.media.workflows
    value = files.image if kind is Kind.IMAGE else files.audio
    return Path(_demand(loaded, f"media.workflows.{kind.value}", value))


def workflow_inputs(
    loaded: LoadedSettings, kind: Kind
) -> Mapping[str, str | tuple[str, ...] | None]:
    """Inputs of nodes for fields, over those that the graph suggests."""
    chosen = loaded.settings.media.inputs
    return chosen.image if kind is Kind.IMAGE else chosen.audio


def servers(loaded: LoadedSettings, kind: Kind | None = None) -> tuple[ServerHost, ...]:
    """The ComfyUI servers, or those that render a kind."""
    hosts = server_hosts(loaded.settings.comfyui)
    return tuple(host for host in hosts if kind is None or kind in host.kinds)


def arguments(loaded: LoadedSettings, kind: Kind) -> dict[str, str]:
    """The argument for each field that is passed on: the seed's first, then those given."""
    chosen = loaded.settings.media.arguments
    given = chosen.image if kind is Kind.IMAGE else chosen.audio
    merged: dict[str, str | None] = {**default_names(kind), **given}
    return {field: name for field, name in merged.items() if name is not None}


def extra_arguments(loaded: LoadedSettings, kind: Kind) -> tuple[str, ...]:
    """The fixed arguments that stand last."""
    extras = loaded.settings.media.extra_arguments
    return extras.image if kind is Kind.IMAGE else extras.audio


def _attempt(find: Callable[[], T], problems: dict[str, Problem]) -> T | None:
    try:
        return find()
    except SettingsError as error:
        for problem in error.problems:
            problems.setdefault(problem.key, problem)
        return None


def _demand(loaded: LoadedSettings, name: str, value: str | None) -> str:
    if value is None:
        raise _missing(loaded, name, f"{name} is not set")
    return value


def _missing(loaded: LoadedSettings, name: str, what: str, instead: str = "") -> SettingsError:
    where = str(loaded.config_file or "settings (there is no configuration file)")
    snippet = written(name, '"..."')
    fix = f"Add {snippet} to the file, or set {variable(name)}."
    return SettingsError([Problem(where, what, f"{fix} {instead}".rstrip(), name)])
