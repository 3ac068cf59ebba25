"""The composition root: what is built from what. The only place that knows the injector.

Adapters are imported by the function that builds them, so that a command that only looks at
the queue never loads what renders.
"""

from __future__ import annotations

import os
import socket
import sys
from typing import TYPE_CHECKING

from dependency_injector import containers, providers

from domain.kind import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.comfyui_script.renderer import ScriptRenderer
    from adapters.comfyui_script.workflow import ScriptWorkflow
    from adapters.filesystem.artifact_store import FilesystemArtifactStore
    from adapters.sqlite.connection import Connection
    from adapters.sqlite.prompt_catalogue import SqlitePromptCatalogue
    from adapters.sqlite.prompt_intake import SqlitePromptIntake
    from adapters.sqlite.prompt_repository import SqlitePromptRepository
    from adapters.system_clock import SystemClock
    from application.drain import Drain
    from application.ports.clock import Clock
    from application.ports.events import EventListener
    from application.render_prompt import PromptRenderer
    from entrypoints.settings.loading import LoadedSettings


def _clock() -> SystemClock:
    from adapters.system_clock import SystemClock

    return SystemClock()


def _connection(loaded: LoadedSettings) -> Connection:
    from adapters.sqlite.connection import Connection
    from entrypoints.settings.resolution import database_path

    return Connection(database_path(loaded), loaded.settings.database.timeout)


def _catalogue(connection: Connection) -> SqlitePromptCatalogue:
    from adapters.sqlite.prompt_catalogue import SqlitePromptCatalogue

    return SqlitePromptCatalogue(connection)


def _intake(connection: Connection) -> SqlitePromptIntake:
    from adapters.sqlite.prompt_intake import SqlitePromptIntake

    return SqlitePromptIntake(connection)


def _repository(loaded: LoadedSettings, connection: Connection) -> SqlitePromptRepository:
    from adapters.sqlite.prompt_repository import SqlitePromptRepository

    return SqlitePromptRepository(
        connection,
        f"{socket.gethostname()}:{os.getpid()}",
        create_indexes=loaded.settings.database.create_indexes,
        all_variants=loaded.settings.media.variants == "all",
    )


def _workflows(loaded: LoadedSettings) -> Mapping[Kind, ScriptWorkflow]:
    from entrypoints.settings.resolution import renderer

    return {
        kind: _sketch(loaded, kind) if renderer(loaded, kind) == "sketch" else _script(loaded, kind)
        for kind in Kind
    }


def _script(loaded: LoadedSettings, kind: Kind) -> ScriptWorkflow:
    from adapters.comfyui_script.workflow import ArgumentStyle, ScriptWorkflow
    from entrypoints.settings import resolution

    comfyui = loaded.settings.comfyui
    return ScriptWorkflow(
        renderer="script",
        interpreter=resolution.interpreter(loaded),
        script=resolution.script(loaded, kind),
        working_directory=resolution.comfyui_directory(loaded),
        arguments=resolution.arguments(loaded, kind),
        extra_arguments=resolution.extra_arguments(loaded, kind),
        argument_style=ArgumentStyle(loaded.settings.media.argument_style),
        queue_size=comfyui.queue_size,
        time_limit_seconds=comfyui.timeout_seconds,
        stall_seconds=comfyui.stall_seconds,
        grace_seconds=comfyui.grace_seconds,
    )


def _sketch(loaded: LoadedSettings, kind: Kind) -> ScriptWorkflow:
    from pathlib import Path

    from adapters.comfyui_script.workflow import ArgumentStyle, ScriptWorkflow
    from adapters.sketch.workflows import ARGUMENTS, SCRIPTS

    comfyui = loaded.settings.comfyui
    return ScriptWorkflow(
        renderer="sketch",
        interpreter=Path(sys.executable),
        script=SCRIPTS[kind],
        working_directory=SCRIPTS[kind].parent,
        arguments=ARGUMENTS[kind],
        extra_arguments=(),
        argument_style=ArgumentStyle.EQUALS,
        queue_size=comfyui.queue_size,
        time_limit_seconds=comfyui.timeout_seconds,
        stall_seconds=comfyui.stall_seconds,
        grace_seconds=comfyui.grace_seconds,
    )


def _renderer(workflows: Mapping[Kind, ScriptWorkflow], clock: Clock) -> ScriptRenderer:
    from adapters.comfyui_script.renderer import ScriptRenderer

    return ScriptRenderer(workflows, clock)


def _store(loaded: LoadedSettings, repository: SqlitePromptRepository) -> FilesystemArtifactStore:
    from adapters.filesystem.artifact_store import FilesystemArtifactStore
    from adapters.filesystem.limits import StoreLimits
    from entrypoints.settings.resolution import output_root

    limits = loaded.settings.media.limits
    return FilesystemArtifactStore(
        output_root(loaded),
        repository.database_id,
        StoreLimits(
            max_files=limits.max_files,
            max_bytes=limits.max_bytes,
            max_pixels=limits.max_pixels,
        ),
    )


def _prompt_renderer(
    loaded: LoadedSettings,
    renderer: ScriptRenderer,
    store: FilesystemArtifactStore,
    clock: Clock,
    events: EventListener,
) -> PromptRenderer:
    from application.render_prompt import PromptRenderer
    from domain.picture_size import SizeRule

    size = loaded.settings.media.size
    rule = SizeRule(size.megapixels, size.multiple, size.width, size.height)
    return PromptRenderer(renderer, store, clock, events, rule)


def _drain(
    repository: SqlitePromptRepository,
    prompt_renderer: PromptRenderer,
    renderer: ScriptRenderer,
    store: FilesystemArtifactStore,
    clock: Clock,
    events: EventListener,
) -> Drain:
    from application.drain import Drain

    return Drain(repository, prompt_renderer, renderer, store, clock, events)


class Container(containers.DeclarativeContainer):
    """Everything that the entrypoints pull; one container for one command.

    The settings and the listener come from the command; each provider builds its part once.
    """

    settings: providers.Dependency[LoadedSettings] = providers.Dependency()
    events: providers.Dependency[EventListener] = providers.Dependency()

    clock: providers.Provider[SystemClock] = providers.Singleton(_clock)
    connection: providers.Provider[Connection] = providers.Singleton(_connection, settings)
    catalogue: providers.Provider[SqlitePromptCatalogue] = providers.Singleton(
        _catalogue, connection
    )
    intake: providers.Provider[SqlitePromptIntake] = providers.Singleton(_intake, connection)
    repository: providers.Provider[SqlitePromptRepository] = providers.Singleton(
        _repository, settings, connection
    )
    workflows: providers.Provider[Mapping[Kind, ScriptWorkflow]] = providers.Singleton(
        _workflows, settings
    )
    renderer: providers.Provider[ScriptRenderer] = providers.Singleton(_renderer, workflows, clock)
    store: providers.Provider[FilesystemArtifactStore] = providers.Singleton(
        _store, settings, repository
    )
    prompt_renderer: providers.Provider[PromptRenderer] = providers.Singleton(
        _prompt_renderer, settings, renderer, store, clock, events
    )
    drain: providers.Provider[Drain] = providers.Singleton(
        _drain, repository, prompt_renderer, renderer, store, clock, events
    )


def compose(loaded: LoadedSettings, events: EventListener) -> Container:
    """The container for these settings, with whoever wants to know what happens."""
    return Container(settings=providers.Object(loaded), events=providers.Object(events))
