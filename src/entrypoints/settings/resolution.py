"""From settings to what the program works with: absolute paths, servers, arguments, hooks.

Nothing is required until it is asked for: a command that only looks at the queue needs no ComfyUI.
"""

from __future__ import annotations

import os
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, TypeVar, cast

from domain.prompt import Kind
from entrypoints.settings.errors import Problem, SettingsError
from entrypoints.settings.schema import (
    default_arguments,
    mapping_entry,
    names_path,
    nested_json,
    place_name,
    variable,
)
from entrypoints.settings.validation import joined_output_root
from entrypoints.settings.workflows import named_workflows, takes_graph, workflow_rules

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from adapters.postgres.address import PostgresAddress
    from domain.brief_paths import BriefPath, PathField
    from domain.hook_delivery import Subscription
    from entrypoints.settings.loader import LoadedSettings
    from entrypoints.settings.workflows import NamedWorkflow

_MINIMAL_FILE: Final = (
    '{"database": {"path": "..."}, "comfyui": {"python": "...", "comfyui_directory": "..."}}'
)

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class _ByKind(Protocol[T_co]):
    @property
    def image(self) -> T_co: ...
    @property
    def audio(self) -> T_co: ...


def database_path(loaded: LoadedSettings) -> Path:
    """The database file. Raises SettingsError if database.path is not set."""
    return _required_path(loaded, "database.path", loaded.settings.database.path)


def is_postgres(loaded: LoadedSettings) -> bool:
    """Whether the shared database is in PostgreSQL."""
    return loaded.settings.database.url is not None


def database_address(loaded: LoadedSettings, *, listening: bool = False) -> PostgresAddress:
    """The address of the PostgreSQL database, with its login.

    Args:
        loaded: the settings.
        listening: whether the session waits for notifications, which PgBouncer does not pass on.

    Raises:
        SettingsError: database.url is not set.
    """
    from adapters.postgres.address import PostgresAddress

    database = loaded.settings.database
    if database.url is None:
        raise _missing(loaded, "database.url", "database.url is not set")
    url = (database.listen_url or database.url) if listening else database.url
    return PostgresAddress(url, database.password, database.sslmode, database.ca_file)


def database_name(loaded: LoadedSettings) -> str:
    """The shared database in messages: its path, or its URL without the password.

    Raises:
        SettingsError: neither database.path nor database.url is set.
    """
    if is_postgres(loaded):
        return str(database_address(loaded))
    if loaded.settings.database.path is None:
        alternative = " For PostgreSQL, set database.url instead."
        raise _missing(loaded, "database.path", "database.path is not set", alternative)
    return str(database_path(loaded))


def database_folders(loaded: LoadedSettings) -> list[Path]:
    """The folder of the database, if it is a file of this machine."""
    return [] if is_postgres(loaded) else [database_path(loaded).resolve().parent]


def comfyui_directory(loaded: LoadedSettings) -> Path:
    """The ComfyUI directory. Raises SettingsError if it is not set."""
    directory = loaded.settings.comfyui.comfyui_directory
    return _required_path(loaded, "comfyui.comfyui_directory", directory)


def output_root(loaded: LoadedSettings) -> Path:
    """The output root. Raises SettingsError if it is relative to a directory that is not set."""
    root = joined_output_root(loaded.settings)
    if root is None:
        what = (
            f'comfyui.output_directory, "{loaded.settings.comfyui.output_directory}", is relative'
            " to comfyui.comfyui_directory, which is not set"
        )
        alternative = " Or make comfyui.output_directory absolute."
        raise _missing(loaded, "comfyui.comfyui_directory", what, alternative)
    return root


def storage_address(loaded: LoadedSettings) -> str | None:
    """The bucket of published files, ``s3://bucket/prefix``; None if they are in a folder."""
    url = loaded.settings.media.storage.url
    return url and url.rstrip("/")


def published_root(loaded: LoadedSettings) -> str:
    """The path or address below which the paths of artifact rows are.

    Raises:
        SettingsError: it is a folder relative to a directory that is not set.
    """
    return storage_address(loaded) or str(output_root(loaded))


def interpreter(loaded: LoadedSettings, search: str | None = None) -> Path:
    """The Python of ComfyUI's environment; a bare name is looked up on PATH.

    Links are not followed: a virtual environment's Python is one.

    Args:
        loaded: the settings.
        search: the PATH to search; None for that of this process.

    Raises:
        SettingsError: comfyui.python is not set, or its bare name is not on PATH.
    """
    from shutil import which  # imports every kind of archive

    key = "comfyui.python"
    python = str(_required_path(loaded, key, loaded.settings.comfyui.python))
    if "/" in python:
        return Path(python)
    if path := which(python, path=search):
        return Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links
    what = f'{key} is "{python}", and no folder on PATH has an executable of that name'
    fix = "Write the whole path of the interpreter of ComfyUI's environment."
    raise SettingsError([Problem(str(loaded.provenance[key]), what, fix, key)])


def script(loaded: LoadedSettings, workflow: NamedWorkflow) -> Path:
    """The workflow script. Raises SettingsError if it is relative to a directory not set."""
    path = Path(workflow.script)
    return path if path.is_absolute() else comfyui_directory(loaded) / path


def is_script_set(loaded: LoadedSettings, workflow: NamedWorkflow) -> bool:
    """Whether the user has named a workflow, or its script."""
    name = f"media.scripts.{'image' if workflow.kind is Kind.IMAGE else 'music'}"
    return bool(workflow.name) or loaded.provenance[name].kind != "default"


def of_kind(section: _ByKind[T], kind: Kind) -> T:
    """The value for a kind in a section that has one for each."""
    return section.image if kind is Kind.IMAGE else section.audio


def workflows(loaded: LoadedSettings, kinds: Iterable[Kind] = Kind) -> list[NamedWorkflow]:
    """The workflows of some kinds, in the order of their rules; at least one of each kind."""
    media = loaded.settings.media
    return [workflow for kind in kinds for workflow in named_workflows(media, kind)]


def workflow_file(loaded: LoadedSettings, workflow: NamedWorkflow) -> Path:
    """The graph that a server renders. Raises SettingsError if it is not set."""
    return _required_path(loaded, workflow.setting, str(workflow.file) if workflow.file else None)


def state_root(loaded: LoadedSettings) -> Path:
    """The folder for the state of all databases; it may not exist yet."""
    if chosen := loaded.settings.paths.state:
        return Path(chosen)
    from platformdirs import user_state_path

    return user_state_path("mediagen", appauthor=False)


def arguments(workflow: NamedWorkflow) -> dict[str, tuple[str, ...]]:
    """The script arguments of each field that is passed: defaults first, then those set."""
    merged = {**default_arguments(workflow.kind), **workflow.arguments}
    names = {
        field: entry.get("argument") if isinstance(entry, dict) else entry
        for field, entry in merged.items()
    }
    return {
        field: (options,) if isinstance(options, str) else tuple(options)
        for field, options in names.items()
        if options
    }


def mapped_paths(workflow: NamedWorkflow, mapping: str) -> Mapping[str, PathField]:
    """The values of a brief's JSON that a workflow takes, and the defaults of its fields.

    Args:
        workflow: of the settings.
        mapping: "inputs" or "arguments".
    """
    setting = f"media.{mapping}.{workflow.kind.value}"
    place = place_name(setting)
    named = {
        name: entry if isinstance(entry, dict) else {}
        for name, entry in getattr(workflow, mapping).items()
        if isinstance(entry, dict) or names_path(name, entry)
    }
    if not named:
        return {}
    from domain.brief_paths import path_field

    return {
        name: path_field(name, {key: value for key, value in spec.items() if key != place})
        for name, spec in named.items()
    }


def paths_of_kind(loaded: LoadedSettings, kind: Kind) -> tuple[BriefPath, ...]:
    """Every path in a brief's JSON that a workflow of a kind takes, or that a rule looks at."""
    from domain.brief_paths import BriefPath

    media = loaded.settings.media
    paths = [
        field.path
        for workflow in named_workflows(media, kind)
        for field in mapped_paths(
            workflow, "inputs" if takes_graph(workflow, media) else "arguments"
        ).values()
    ]
    rules = workflow_rules(media, kind)
    paths += [BriefPath.parse(key) for rule in (rules.rules if rules else ()) for key in rule.when]
    if loaded.settings.media.input_directory is not None:
        paths += map(BriefPath.parse, ("image", "mask"))
    return tuple(paths)


def lease_seconds(loaded: LoadedSettings) -> float:
    """How long a heartbeat may stand still before others take a render over."""
    # Longer than any wait for a lock, or a heartbeat that waits would look like a dead one.
    settings = loaded.settings
    return max(settings.workers.lease_seconds, 3 * settings.database.timeout)


def render_settings_name(loaded: LoadedSettings) -> str:
    """The file and the overrides of the settings that decide whether a render can succeed.

    An edit of the file leaves the name as it is, so that a pause ends when the file is corrected.
    """
    name = str(loaded.config_file or "the default settings")
    overridden = {
        key: repr(_value_of(loaded, key))
        for key, source in sorted(loaded.provenance.items())
        if source.kind in {"environment", "option"} and key.startswith(("comfyui.", "media."))
    }
    if not overridden:
        return name
    import hashlib

    digest = hashlib.sha256("\n".join(f"{k}={v}" for k, v in overridden.items()).encode())
    return f"{name} and other values of {', '.join(overridden)} ({digest.hexdigest()[:8]})"


def _value_of(loaded: LoadedSettings, name: str) -> object:
    mapping, entry = mapping_entry(name) or (name, "")
    value = reduce(getattr, mapping.split("."), loaded.settings)
    return cast("Mapping[str, object]", value).get(entry) if entry else value


def subscriptions(loaded: LoadedSettings) -> tuple[Subscription, ...]:
    """The hooks that are set."""
    from domain.hook_delivery import Channel, HookEvent, Subscription

    hooks = loaded.settings.hooks
    subscribed = []
    for event, hook in (
        (HookEvent.PUBLISHED, hooks.published),
        (HookEvent.ERROR, hooks.error),
    ):
        if hook.command:
            subscribed.append(Subscription(event, Channel.COMMAND))
        if hook.webhook is not None:
            subscribed.append(Subscription(event, Channel.WEBHOOK))
    return tuple(subscribed)


def _required_path(loaded: LoadedSettings, name: str, value: str | None) -> Path:
    if value is None:
        raise _missing(loaded, name, f"{name} is not set")
    return Path(value)


def _missing(loaded: LoadedSettings, name: str, what: str, alternative: str = "") -> SettingsError:
    snippet = nested_json(name, '"..."')
    if loaded.config_file:
        fix = f"Add {snippet} to the file, or set {variable(name)}.{alternative}"
        return SettingsError([Problem(str(loaded.config_file), what, fix, name)])
    from entrypoints.settings.loader import user_file

    # The same for each of them: an error with several problems prints it once.
    fix = (
        f"Run 'mediagen setup', which finds them and writes {user_file()}. By hand, make that file"
        f" with {_MINIMAL_FILE}."
    )
    where = "settings (there is no configuration file)"
    return SettingsError([Problem(where, f"{what}, nor is {variable(name)}", fix, name)])
