"""How each part is built from the settings: plain functions, without the injector.

Adapters are imported by the function that builds them, so that a command that only looks at
the queue never loads what renders.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.filesystem.artifact_store import FilesystemArtifactStore
    from adapters.processes.system_processes import SystemProcesses
    from adapters.sqlite.connection import Connection
    from adapters.sqlite.prompt_catalogue import SqlitePromptCatalogue
    from adapters.sqlite.prompt_intake import SqlitePromptIntake
    from adapters.sqlite.prompt_repository import SqlitePromptRepository
    from adapters.sqlite.queue_controls import SqliteQueueControls
    from adapters.sqlite.queue_watch import SqliteQueueWatch
    from adapters.sqlite.render_leases import SqliteRenderLeases
    from adapters.system_clock import SystemClock
    from application.admission import Admission
    from application.drain import Drain
    from application.leases import LeaseKeeper
    from application.ports.clock import Clock
    from application.ports.events import EventListener
    from application.ports.media_renderer import MediaRenderer
    from application.ports.render_logs import RenderLogs
    from application.ports.server_jobs import ServerJobs
    from application.recover import ForsakenJobs, Recovery
    from application.render_prompt import PromptRenderer
    from application.settle import Settlement
    from application.slot import RenderSlot
    from entrypoints.settings.loading import LoadedSettings

BEAT_SECONDS = 10.0  # between two heartbeats of a live render
LOOK_SECONDS = 0.25  # between two looks at whether a live render was cancelled
LEASE_SECONDS = 90.0  # how long a heartbeat may stand still, at least
LEASE_LOCK_WAIT_SECONDS = 5.0  # a heartbeat that cannot be written is written next time


def build_clock() -> SystemClock:
    """Real time."""
    from adapters.system_clock import SystemClock

    return SystemClock()


def build_connection(loaded: LoadedSettings) -> Connection:
    """The shared database. Raises RepositoryError when it cannot be opened."""
    from adapters.sqlite.connection import Connection
    from entrypoints.settings.resolution import database_path

    return Connection(database_path(loaded), loaded.settings.database.timeout)


def build_patient_connection(loaded: LoadedSettings) -> Connection:
    """The shared database, for whoever renders: its writes wait ten timeouts for a lock."""
    from adapters.sqlite.connection import Connection
    from entrypoints.settings.resolution import database_path

    return Connection(database_path(loaded), loaded.settings.database.timeout, patience=10)


def build_catalogue(connection: Connection) -> SqlitePromptCatalogue:
    """The queue, to look at."""
    from adapters.sqlite.prompt_catalogue import SqlitePromptCatalogue

    return SqlitePromptCatalogue(connection)


def build_intake(connection: Connection) -> SqlitePromptIntake:
    """Where prompts come in."""
    from adapters.sqlite.prompt_intake import SqlitePromptIntake

    return SqlitePromptIntake(connection)


def build_processes(clock: Clock) -> SystemProcesses:
    """The processes of this machine."""
    from adapters.processes.system_processes import SystemProcesses

    return SystemProcesses(clock)


def build_repository(
    loaded: LoadedSettings, connection: Connection, processes: SystemProcesses, clock: Clock
) -> SqlitePromptRepository:
    """The queue, to work on; makes our own tables when they are missing."""
    from adapters.sqlite.bookkeeping import prepare_bookkeeping
    from adapters.sqlite.prompt_repository import SqlitePromptRepository
    from entrypoints.building_hooks import subscriptions

    database = loaded.settings.database
    if database.create_indexes and database.list_indexes:
        prepare_bookkeeping(connection, create_indexes=True, by_age=True)
    return SqlitePromptRepository(
        connection,
        processes.me(),
        clock,
        create_indexes=loaded.settings.database.create_indexes,
        all_variants=loaded.settings.media.variants == "all",
        by_priority=loaded.settings.workers.order == "priority",
        subscriptions=subscriptions(loaded),
    )


def build_lease_connection(loaded: LoadedSettings) -> Connection:
    """The shared database, for the leases alone: another thread keeps them."""
    from adapters.sqlite.connection import Connection
    from entrypoints.settings.resolution import database_path

    # After a loss of power no owner and no workflow lives, whatever was written about them.
    return Connection(database_path(loaded), LEASE_LOCK_WAIT_SECONDS, durable=False)


def build_watch(loaded: LoadedSettings) -> SqliteQueueWatch:
    """What notices commits of others."""
    from adapters.sqlite.queue_watch import SqliteQueueWatch
    from entrypoints.settings.resolution import database_path

    return SqliteQueueWatch(database_path(loaded))


def build_leases(
    loaded: LoadedSettings, connection: Connection, processes: SystemProcesses, clock: Clock
) -> SqliteRenderLeases:
    """The leases, over a connection of their own."""
    from adapters.sqlite.claiming import Claiming
    from adapters.sqlite.outbox import Outbox
    from adapters.sqlite.render_leases import SqliteRenderLeases
    from entrypoints.building_hooks import subscriptions

    all_variants = loaded.settings.media.variants == "all"
    claiming = Claiming(connection, processes.me(), clock, all_variants=all_variants)
    outbox = Outbox(connection, clock, subscriptions(loaded))
    return SqliteRenderLeases(connection, claiming, outbox)


def build_keeper(leases: SqliteRenderLeases, clock: Clock, jobs: ServerJobs | None) -> LeaseKeeper:
    """Keeps the leases of what is rendered here."""
    from application.leases import LeaseKeeper

    return LeaseKeeper(leases, clock, BEAT_SECONDS, jobs)


def build_controls(connection: Connection) -> SqliteQueueControls:
    """The switches that survive a restart."""
    from adapters.sqlite.queue_controls import SqliteQueueControls

    return SqliteQueueControls(connection)


def build_store(
    loaded: LoadedSettings, repository: SqlitePromptRepository
) -> FilesystemArtifactStore:
    """The output tree."""
    from adapters.filesystem.artifact_store import FilesystemArtifactStore
    from adapters.filesystem.limits import StoreLimits
    from entrypoints.settings.resolution import database_path, output_root

    limits = loaded.settings.media.limits
    return FilesystemArtifactStore(
        output_root(loaded),
        repository.database_id,
        StoreLimits(
            max_files=limits.max_files,
            max_bytes=limits.max_bytes,
            max_pixels=limits.max_pixels,
            min_free_bytes=limits.min_free_bytes,
        ),
        others=[database_path(loaded).resolve().parent],
    )


def build_prompt_renderer(
    loaded: LoadedSettings,
    renderer: MediaRenderer,
    store: FilesystemArtifactStore,
    keeper: LeaseKeeper,
    clock: Clock,
    events: EventListener,
    logs: RenderLogs,
) -> PromptRenderer:
    """The way of one prompt."""
    from application.render_prompt import PromptRenderer
    from domain.picture_size import SizeRule

    size = loaded.settings.media.size
    rule = SizeRule(size.megapixels, size.multiple, size.width, size.height)
    return PromptRenderer(renderer, store, keeper, clock, events, rule, logs)


def build_settlement(
    loaded: LoadedSettings,
    repository: SqlitePromptRepository,
    prompt_renderer: PromptRenderer,
    clock: Clock,
    events: EventListener,
) -> Settlement:
    """The beginnings and ends of renders."""
    from adapters.system_chance import SystemChance
    from application.settle import Settlement
    from domain.retry import RetryPolicy

    retry = loaded.settings.retry
    policy = RetryPolicy(
        max_attempts=retry.max_attempts,
        base_seconds=retry.base_seconds,
        max_crashes=retry.max_crashes,
    )
    return Settlement(repository, prompt_renderer, policy, SystemChance(), clock, events)


def build_recovery(  # noqa: PLR0913, PLR0917 - as its class
    loaded: LoadedSettings,
    leases: SqliteRenderLeases,
    keeper: LeaseKeeper,
    processes: SystemProcesses,
    store: FilesystemArtifactStore,
    settlement: Settlement,
    clock: Clock,
    forsaken: ForsakenJobs | None,
) -> Recovery:
    """Takes over from the dead."""
    from application.recover import Recovery
    from domain.lease import LeaseObserver

    # Longer than any wait for a lock, or a heartbeat that waits would look like a dead one.
    lease = max(LEASE_SECONDS, 3 * loaded.settings.database.timeout)
    observer = LeaseObserver(lease, longest_gap=2 * BEAT_SECONDS)
    return Recovery(leases, keeper, processes, store, settlement, observer, clock, forsaken)


def build_admission(
    loaded: LoadedSettings,
    prompt_renderer: PromptRenderer,
    controls: SqliteQueueControls,
    clock: Clock,
    events: EventListener,
) -> Admission:
    """What may be claimed."""
    from application.admission import Admission
    from domain.breaker import CircuitBreaker

    breaker = CircuitBreaker(probe_seconds=loaded.settings.retry.probe_seconds)
    return Admission(prompt_renderer, controls, clock, breaker, events)


def build_slot(
    repository: SqlitePromptRepository,
    prompt_renderer: PromptRenderer,
    settlement: Settlement,
    admission: Admission,
    keeper: LeaseKeeper,
    clock: Clock,
    environment: Mapping[str, str] | None = None,
) -> RenderSlot:
    """A place in which prompts are rendered, with variables of its own for what runs there."""
    from application.slot import RenderSlot

    return RenderSlot(
        repository, prompt_renderer, settlement, admission, keeper, clock, environment
    )


def build_drain(
    repository: SqlitePromptRepository,
    slot: RenderSlot,
    admission: Admission,
    recovery: Recovery,
    clock: Clock,
) -> Drain:
    """Many prompts, one after the other."""
    from application.drain import Drain

    return Drain(repository, slot, admission, recovery, clock)
