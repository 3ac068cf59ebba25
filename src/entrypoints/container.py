"""The composition root: what is built from what. The only place that knows the injector."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dependency_injector import containers, providers

from entrypoints import building, building_chores, building_hooks, building_renderers, showing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.comfyui_script.workflow import ScriptWorkflow
    from adapters.comfyui_server.renderer import ServerRenderer
    from adapters.filesystem.artifact_store import FilesystemArtifactStore
    from adapters.processes.system_processes import SystemProcesses
    from adapters.render_logs.files import RenderLogFiles
    from adapters.sqlite.connection import Connection
    from adapters.sqlite.notices import SqliteNotices
    from adapters.sqlite.prompt_catalogue import SqlitePromptCatalogue
    from adapters.sqlite.prompt_intake import SqlitePromptIntake
    from adapters.sqlite.prompt_repository import SqlitePromptRepository
    from adapters.sqlite.queue_controls import SqliteQueueControls
    from adapters.sqlite.queue_watch import SqliteQueueWatch
    from adapters.sqlite.render_leases import SqliteRenderLeases
    from adapters.sqlite.server_jobs import SqliteServerJobs
    from adapters.system_clock import SystemClock
    from application.admission import Admission
    from application.drain import Drain
    from application.housekeeping import Housekeeping
    from application.leases import LeaseKeeper
    from application.notify import Notifier
    from application.ports.events import EventListener
    from application.ports.media_renderer import MediaRenderer
    from application.recover import ForsakenJobs, Recovery
    from application.render_prompt import PromptRenderer
    from application.settle import Settlement
    from application.slot import RenderSlot
    from domain.kind import Kind
    from entrypoints.settings.loading import LoadedSettings


class Container(containers.DeclarativeContainer):
    """Everything that the entrypoints pull; one container for one command.

    The settings and the listener come from the command; each provider builds its part once.
    """

    settings: providers.Dependency[LoadedSettings] = providers.Dependency()
    events: providers.Dependency[EventListener] = providers.Dependency()

    clock: providers.Provider[SystemClock] = providers.Singleton(building.build_clock)
    connection: providers.Provider[Connection] = providers.Singleton(
        building.build_patient_connection, settings
    )
    catalogue: providers.Provider[SqlitePromptCatalogue] = providers.Singleton(
        building.build_catalogue, connection
    )
    intake: providers.Provider[SqlitePromptIntake] = providers.Singleton(
        building.build_intake, connection
    )
    processes: providers.Provider[SystemProcesses] = providers.Singleton(
        building.build_processes, clock
    )
    repository: providers.Provider[SqlitePromptRepository] = providers.Singleton(
        building.build_repository, settings, connection, processes, clock
    )
    lease_connection: providers.Provider[Connection] = providers.Singleton(
        building.build_lease_connection, settings
    )
    watch: providers.Provider[SqliteQueueWatch] = providers.Singleton(
        building.build_watch, settings
    )
    leases: providers.Provider[SqliteRenderLeases] = providers.Singleton(
        building.build_leases, settings, lease_connection, processes, clock
    )
    server_jobs: providers.Provider[SqliteServerJobs | None] = providers.Singleton(
        building_renderers.build_server_jobs, settings, lease_connection
    )
    keeper: providers.Provider[LeaseKeeper] = providers.Singleton(
        building.build_keeper, leases, clock, server_jobs
    )
    controls: providers.Provider[SqliteQueueControls] = providers.Singleton(
        building.build_controls, connection
    )
    notice_connection: providers.Provider[Connection] = providers.Singleton(
        building_hooks.build_notice_connection, settings
    )
    notices: providers.Provider[SqliteNotices] = providers.Singleton(
        building_hooks.build_notices, notice_connection
    )
    notifier: providers.Provider[Notifier] = providers.Singleton(
        building_hooks.build_notifier, settings, notices.provider, clock
    )
    workflows: providers.Provider[Mapping[Kind, ScriptWorkflow]] = providers.Singleton(
        building_renderers.build_workflows, settings
    )
    server_renderer: providers.Provider[ServerRenderer | None] = providers.Singleton(
        building_renderers.build_server_renderer, settings, clock, events
    )
    forsaken_jobs: providers.Provider[ForsakenJobs | None] = providers.Singleton(
        building_renderers.build_forsaken_jobs, server_jobs, server_renderer
    )
    renderer: providers.Provider[MediaRenderer] = providers.Singleton(
        building_renderers.build_renderer, workflows, server_renderer, clock
    )
    store: providers.Provider[FilesystemArtifactStore] = providers.Singleton(
        building.build_store, settings, repository
    )
    render_logs: providers.Provider[RenderLogFiles] = providers.Singleton(
        showing.build_render_logs, settings
    )
    prompt_renderer: providers.Provider[PromptRenderer] = providers.Singleton(
        building.build_prompt_renderer,
        settings,
        renderer,
        store,
        keeper,
        clock,
        events,
        render_logs,
    )
    settlement: providers.Provider[Settlement] = providers.Singleton(
        building.build_settlement, settings, repository, prompt_renderer, clock, events
    )
    recovery: providers.Provider[Recovery] = providers.Singleton(
        building.build_recovery,
        settings,
        leases,
        keeper,
        processes,
        store,
        settlement,
        clock,
        forsaken_jobs,
    )
    admission: providers.Provider[Admission] = providers.Singleton(
        building.build_admission, settings, prompt_renderer, controls, clock, events
    )
    slot: providers.Provider[RenderSlot] = providers.Factory(
        building.build_slot, repository, prompt_renderer, settlement, admission, keeper, clock
    )
    drain: providers.Provider[Drain] = providers.Singleton(
        building.build_drain, repository, slot, admission, recovery, clock
    )
    housekeeping: providers.Provider[Housekeeping] = providers.Singleton(
        building_chores.build_housekeeping, settings, connection, render_logs, store, clock
    )


def compose(loaded: LoadedSettings, events: EventListener) -> Container:
    """The container for these settings, with whoever wants to know what happens."""
    return Container(settings=providers.Object(loaded), events=providers.Object(events))
