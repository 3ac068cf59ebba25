"""The composition root: which class is built from what, said once.

The only place that knows the injector. Classes are named by paths (``Lazy``) and imported when
their part is first requested. The container calls ``factories`` (the few parts that some commands
build without the injector) and ``renderer_setup`` (one class for each entry of the registry of
renderers).
"""

from __future__ import annotations

import operator
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from dependency_injector import containers, providers

from application.turns import LANES, SERVER_LANES
from domain.prompt import Kind
from entrypoints import factories, renderer_setup
from entrypoints.lazy_import import Lazy
from entrypoints.settings import resolution
from entrypoints.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from adapters.live_state.worker_state import WorkerState
    from adapters.live_state.writer import LiveStateWriter
    from adapters.media_marks.marker import Marker
    from adapters.sql_queue.connection import Connection
    from adapters.sql_queue.database import SqlDatabase
    from application.admission import Admission
    from application.drain import Drain
    from application.housekeeping import Housekeeping
    from application.leases import LeaseKeeper
    from application.outbox_relay import HookDispatcher, OutboxRelay
    from application.ports.artifact_store import ArtifactStore, PublicationPlans
    from application.ports.database import QueueControls, QueueWatch
    from application.ports.doctor import DoctorChecks
    from application.ports.events import EventListener
    from application.ports.hooks import HookOutbox, HookTransport
    from application.ports.intake import PromptIntake
    from application.ports.live_state import LiveStateReader
    from application.ports.media_files import DerivedMedia, PublishedMedia, Thumbnails, Waveforms
    from application.ports.media_renderer import MediaRenderer
    from application.ports.object_storage import ObjectStorage
    from application.ports.prompt_catalogue import PromptCatalogue
    from application.ports.prompt_repository import PromptRepository
    from application.ports.render_logs import RenderLogs
    from application.ports.renders import RenderHistory, RenderLeases, ServerJobs
    from application.ports.reuse import ReuseIndex
    from application.ports.system import Clock, Processes
    from application.prompt_choice import PromptChooser
    from application.prompt_render import PromptRenderer, RenderFinalizer
    from application.recovery import OrphanedJobs, Recovery
    from application.registration import Registration
    from application.reuse import AnswerablePrompts, JobKeys, TwinPrompts
    from application.slot import RenderSlot
    from application.workflow_choice import WorkflowChoices
    from application.workflow_holds import WorkflowHolds
    from domain.breaker import PastRender
    from domain.hook_delivery import Subscription
    from domain.lease import ProcessIdentity
    from domain.picture_size import SizeRule
    from entrypoints.renderer_setup import RendererSetup
    from entrypoints.settings.loader import LoadedSettings
    from entrypoints.settings.model import Hook, Hooks

T = TypeVar("T")

LEASE_POLL_INTERVAL = 0.25  # seconds between two checks whether a live render was cancelled
MAX_HEARTBEAT_INTERVAL = 10.0  # seconds between two heartbeats of a live render
_MIN_HEARTBEATS = 9  # in a lease
PAGE_LOCK_WAIT_SECONDS = 2.0  # then the page answers "try again", and no thread is kept waiting
_BACKGROUND_LOCK_WAIT_SECONDS = 5.0  # for background writes, which are repeated if they fail


def _only_if(
    condition: providers.Provider[bool], part: providers.Provider[T]
) -> providers.Provider[T | None]:
    """The part where the condition holds, otherwise None."""
    chosen = providers.Callable(lambda holds: "yes" if holds else "no", condition)
    return providers.Selector(chosen, yes=part, no=providers.Object(None))


def _in_bucket_or_folder(
    settings: providers.Provider[LoadedSettings],
    in_bucket: providers.Provider[T],
    in_folder: providers.Provider[T],
) -> providers.Provider[T]:
    """The part for the place that the settings give to published files."""
    chosen = providers.Callable(
        lambda loaded: "bucket" if resolution.storage_address(loaded) else "folder", settings
    )
    return providers.Selector(chosen, bucket=in_bucket, folder=in_folder)


def _heartbeat_seconds(lease_seconds: float) -> float:
    return min(MAX_HEARTBEAT_INTERVAL, lease_seconds / _MIN_HEARTBEATS)


def _lease_lock_wait(lease_seconds: float) -> float:
    """Seconds; a heartbeat that cannot be written in time is written the next time."""
    return min(_BACKGROUND_LOCK_WAIT_SECONDS, lease_seconds / 3)


def _recalled_renders(
    history: RenderHistory, me: ProcessIdentity
) -> Callable[[], Iterable[PastRender]]:
    """Looks up the last renders of this machine, for the breakers."""
    from application.admission import MAX_REPLAYED

    return partial(history.ended_on, me, MAX_REPLAYED)


def _renderers_by_kind(setups: Mapping[str, RendererSetup]) -> dict[Kind, str]:
    """The names of the renderers of each kind."""
    names = {
        kind: ", ".join(name for name, setup in setups.items() if kind in setup.kinds)
        for kind in Kind
    }
    return {kind: name for kind, name in names.items() if name}


def _register_interval(loaded: LoadedSettings) -> float:
    """Seconds between two signs of life of a worker."""
    from application.registration import FILE_INTERVAL, INTERVAL

    return INTERVAL if resolution.is_postgres(loaded) else FILE_INTERVAL


def _retention(days: float) -> timedelta | None:
    return timedelta(days=days) if days else None


def _outbox_relays(
    subscriptions: Sequence[Subscription],
    hooks: Hooks,
    relay: Callable[..., OutboxRelay],
    by_command: Callable[..., HookTransport],
    by_webhook: Callable[..., HookTransport],
) -> list[OutboxRelay]:
    """One relay for each hook, with its transport."""
    from domain.hook_delivery import Channel, HookEvent

    def transport(subscription: Subscription) -> HookTransport:
        hook: Hook = hooks.published
        if subscription.event is HookEvent.ERROR:
            hook = hooks.error
        if subscription.channel is Channel.COMMAND:
            return by_command(hook.command)
        return by_webhook(hook.webhook or "")

    return [relay(subscription, transport(subscription)) for subscription in subscriptions]


class Container(containers.DeclarativeContainer):
    """Every part that the entrypoints use; one container for each command.

    Each part is built once, except those declared as factories. When it is first requested, a
    part raises SettingsError if a setting is missing, and RepositoryError if the database cannot
    be opened.
    """

    settings: providers.Dependency[LoadedSettings] = providers.Dependency()
    events: providers.Dependency[EventListener] = providers.Dependency()
    sections = settings.provided.settings

    # The machine.
    clock: providers.Provider[Clock] = providers.Singleton(
        Lazy("adapters.system_clock:SystemClock")
    )
    jitter = providers.Singleton(Lazy("adapters.system_clock:SystemJitter"))
    processes: providers.Provider[Processes] = providers.Singleton(
        Lazy("adapters.processes.system_processes:SystemProcesses"), clock
    )
    me = processes.provided.me.call()
    database_path = providers.Callable(resolution.database_path, settings)
    output_root = providers.Callable(resolution.output_root, settings)
    state_folder = providers.Callable(factories.state_folder, settings)
    # Published files: in the output root, or in a bucket, whose staging is local all the same.
    published_root = providers.Callable(resolution.published_root, settings)
    object_storage: providers.Provider[ObjectStorage] = providers.Singleton(
        factories.object_storage, settings
    )
    staging_folder = providers.Callable(operator.truediv, state_folder, "publication")

    # The database: a connection for the work, and one each for leases and hooks.
    database: providers.Provider[SqlDatabase] = providers.Singleton(
        factories.open_database, settings, patience=10
    )
    connection: providers.Provider[Connection] = database.provided.connection
    catalogue: providers.Provider[PromptCatalogue] = database.provided.catalogue
    intake: providers.Provider[PromptIntake] = database.provided.intake
    controls: providers.Provider[QueueControls] = database.provided.controls
    lease_seconds = providers.Callable(resolution.lease_seconds, settings)
    # Need not survive a loss of power: no owner and no workflow would.
    lease_database: providers.Provider[SqlDatabase] = providers.Singleton(
        factories.open_database,
        settings,
        providers.Callable(_lease_lock_wait, lease_seconds),
        durable=False,
    )
    lease_connection: providers.Provider[Connection] = lease_database.provided.connection
    # Need not survive a loss of power: the hook is delivered again.
    outbox_database: providers.Provider[SqlDatabase] = providers.Singleton(
        factories.open_database,
        settings,
        _BACKGROUND_LOCK_WAIT_SECONDS,
        durable=False,
    )
    outbox_connection: providers.Provider[Connection] = outbox_database.provided.connection
    watch: providers.Provider[QueueWatch] = providers.Factory(factories.watch_queue, settings)

    # The queue.
    all_variants = providers.Callable(operator.eq, sections.media.variants, "all")
    by_priority = providers.Callable(operator.eq, sections.workers.order, "priority")
    subscriptions: providers.Provider[Sequence[Subscription]] = providers.Callable(
        resolution.subscriptions, settings
    )
    repository: providers.Provider[PromptRepository] = providers.Singleton(
        factories.make_repository, settings, connection, processes, clock
    )
    leases: providers.Provider[RenderLeases] = providers.Singleton(
        factories.make_leases, settings, lease_connection, processes, clock
    )

    # Renderers.
    setups: providers.Provider[Mapping[str, RendererSetup]] = providers.Singleton(
        renderer_setup.chosen_setups, settings
    )
    renderers: providers.Provider[Mapping[str, MediaRenderer]] = providers.Singleton(
        renderer_setup.make_renderers, setups, clock, events
    )
    published_media: providers.Provider[PublishedMedia] = _in_bucket_or_folder(
        settings,
        providers.Singleton(Lazy("adapters.media_files.object_media:ObjectMedia"), object_storage),
        providers.Singleton(Lazy("adapters.media_files.media_file:MediaFolder"), output_root),
    )
    own_renderer: providers.Provider[MediaRenderer] = providers.Singleton(
        renderer_setup.renderer_of_all, setups, renderers
    )
    reuse_index: providers.Provider[ReuseIndex] = providers.Singleton(
        Lazy("adapters.sql_queue.reuse:SqlReuseIndex"), connection
    )
    renderer: providers.Provider[MediaRenderer] = providers.Selector(
        providers.Callable(lambda reuses: "yes" if reuses else "no", sections.media.reuse),
        no=own_renderer,
        yes=providers.Singleton(
            Lazy("entrypoints.reuse_setup:reusing"),
            own_renderer,
            setups,
            reuse_index,
            published_media,
            events,
            clock,
        ),
    )
    has_server_jobs: providers.Provider[bool] = providers.Callable(
        renderer_setup.has_server_jobs, setups
    )
    server_jobs: providers.Provider[ServerJobs | None] = _only_if(
        has_server_jobs, lease_database.provided.server_jobs
    )
    orphaned_jobs: providers.Provider[OrphanedJobs | None] = _only_if(
        has_server_jobs,
        providers.Singleton(
            Lazy("application.recovery:OrphanedJobs"),
            server_jobs,
            providers.Callable(renderer_setup.job_ender, renderers),
        ),
    )

    # Named workflows; None if every kind has only one.
    workflow_choices: providers.Provider[WorkflowChoices | None] = providers.Singleton(
        renderer_setup.workflow_choices, settings, lease_database.provider
    )

    workflow_holds: providers.Provider[WorkflowHolds | None] = providers.Singleton(
        renderer_setup.workflow_holds,
        settings,
        workflow_choices,
        renderer,
        clock,
        events,
        database.provider,
    )

    # Rendering and publishing a prompt.
    size_rule: providers.Provider[SizeRule] = providers.Factory(
        Lazy("domain.picture_size:SizeRule"),
        megapixels=sections.media.size.megapixels,
        multiple=sections.media.size.multiple,
        width=sections.media.size.width,
        height=sections.media.size.height,
    )
    store_limits = providers.Factory(
        Lazy("adapters.filesystem.limits:StoreLimits"),
        max_files=sections.media.limits.max_files,
        max_bytes=sections.media.limits.max_bytes,
        max_pixels=sections.media.limits.max_pixels,
        min_free_bytes=sections.media.limits.min_free_bytes,
    )
    other_folders = providers.Callable(resolution.database_folders, settings)
    marker: providers.Provider[Marker | None] = providers.Singleton(factories.make_marker, settings)
    # A folder of media holds its plans, too; beside a bucket the state folder may be lost.
    plans: providers.Provider[PublicationPlans] = database.provided.plans
    store: providers.Provider[ArtifactStore] = _in_bucket_or_folder(
        settings,
        providers.Singleton(
            Lazy("adapters.filesystem.object_artifact_store:ObjectArtifactStore"),
            object_storage,
            staging_folder,
            repository.provided.database_id,
            store_limits,
            other_folders,
            marker,
            plans,
        ),
        providers.Singleton(
            Lazy("adapters.filesystem.artifact_store:FilesystemArtifactStore"),
            output_root,
            repository.provided.database_id,
            store_limits,
            other_folders,
            marker,
        ),
    )
    render_logs: providers.Provider[RenderLogs] = providers.Singleton(
        factories.render_logs, settings
    )
    keeper: providers.Provider[LeaseKeeper] = providers.Singleton(
        Lazy("application.leases:LeaseKeeper"),
        leases,
        clock,
        providers.Callable(_heartbeat_seconds, lease_seconds),
        lease_seconds,
    )
    prompt_renderer: providers.Provider[PromptRenderer] = providers.Singleton(
        Lazy("application.prompt_render:PromptRenderer"),
        renderer,
        store,
        keeper,
        leases,
        server_jobs,
        clock,
        events,
        size_rule,
        render_logs,
        workflow_choices,
    )
    finalizer: providers.Provider[RenderFinalizer] = providers.Singleton(
        Lazy("application.prompt_render:RenderFinalizer"),
        repository,
        store,
        providers.Callable(factories.retry_policy, settings),
        jitter,
        clock,
        events,
        workflow_choices,
    )
    recovery: providers.Provider[Recovery] = providers.Singleton(
        Lazy("application.recovery:Recovery"),
        leases,
        keeper,
        processes,
        store,
        finalizer,
        providers.Factory(
            Lazy("domain.lease:LeaseObserver"),
            lease_seconds,
            max_gap=2 * MAX_HEARTBEAT_INTERVAL,
        ),
        clock,
        orphaned_jobs,
    )
    prompt_chooser: providers.Provider[PromptChooser | None] = providers.Singleton(
        renderer_setup.prompt_chooser,
        settings,
        setups,
        repository,
        renderer,
        clock,
        workflow_choices,
        workflow_holds,
    )
    job_keys: providers.Provider[JobKeys] = providers.Singleton(
        Lazy("entrypoints.reuse_setup:job_keys"), setups, size_rule, workflow_choices
    )
    # Prompts that need no renderer, for the time in which it cannot work.
    answerable: providers.Provider[AnswerablePrompts | None] = _only_if(
        sections.media.reuse,
        providers.Singleton(
            Lazy("application.reuse:AnswerablePrompts"), repository, reuse_index, job_keys, clock
        ),
    )
    # Prompts that wait for one that asks for the same.
    twins: providers.Provider[TwinPrompts | None] = _only_if(
        sections.media.reuse,
        providers.Singleton(Lazy("application.reuse:TwinPrompts"), repository, job_keys),
    )
    admission: providers.Provider[Admission] = providers.Singleton(
        Lazy("application.admission:Admission"),
        renderer,
        store,
        repository,
        controls,
        providers.Callable(_recalled_renders, database.provided.history, me),
        clock,
        providers.Dict(
            dict.fromkeys(
                Kind,
                providers.Factory(
                    Lazy("domain.breaker:CircuitBreaker"),
                    probe_seconds=sections.retry.probe_seconds,
                ),
            )
        ),
        events,
        workflow_holds,
        prompt_chooser,
        answerable,
        twins,
    )
    lanes: providers.Provider[int] = providers.Callable(
        lambda on_servers: SERVER_LANES if on_servers else LANES, has_server_jobs
    )
    slot: providers.Provider[RenderSlot] = providers.Factory(  # one for the lanes of each slot
        Lazy("application.slot:RenderSlot"),
        prompt_renderer,
        finalizer,
        admission,
        keeper,
        clock,
        lanes=lanes,
    )
    drain: providers.Provider[Drain] = providers.Singleton(
        Lazy("application.drain:Drain"), repository, slot, admission, recovery, clock
    )
    derived_files = providers.Singleton(
        Lazy("adapters.media_files.derived_files:DerivedFileCache"),
        providers.Callable(operator.truediv, state_folder, "thumbnails"),
        sections.web.thumbnails_max_bytes,
    )
    derived_media: providers.Provider[DerivedMedia] = providers.Factory(
        Lazy("adapters.media_files.derived_media:DerivedMediaFiles"), derived_files, state_folder
    )
    housekeeping: providers.Provider[Housekeeping] = providers.Singleton(
        Lazy("application.housekeeping:Housekeeping"),
        database.provided.history,
        database.provided.hook_outbox,
        render_logs,
        store,
        clock,
        providers.Callable(_retention, sections.database.retention_days),
        providers.Factory(
            Lazy("application.wastebasket:Wastebasket"),
            database.provided.curation,
            published_media,
            derived_media,
        ),
    )

    # Hooks; if there are none, nothing is opened for them.
    hook_outbox: providers.Provider[HookOutbox | None] = _only_if(
        providers.Callable(bool, subscriptions), outbox_database.provided.hook_outbox
    )
    outbox_relays: providers.Provider[list[OutboxRelay]] = providers.Callable(
        _outbox_relays,
        subscriptions,
        sections.hooks,
        providers.Factory(
            Lazy("application.outbox_relay:OutboxRelay"),
            outbox=hook_outbox,
            policy=providers.Factory(
                Lazy("domain.hook_delivery:DeliveryPolicy"),
                max_attempts=sections.hooks.max_attempts,
                base_seconds=sections.hooks.base_seconds,
            ),
            timeout_seconds=sections.hooks.timeout_seconds,
            clock=clock,
            jitter=jitter,
        ).provider,
        providers.Factory(
            Lazy("adapters.hooks.command:CommandTransport"),
            variables=providers.Dict(MEDIAGEN_OUTPUT_ROOT=published_root),
            clock=clock,
        ).provider,
        providers.Factory(
            Lazy("adapters.hooks.webhook:WebhookTransport"),
            secret=sections.hooks.secret,
            previous_secret=sections.hooks.previous_secret,
            clock=clock,
        ).provider,
    )
    hook_dispatcher: providers.Provider[HookDispatcher] = providers.Singleton(
        Lazy("application.outbox_relay:HookDispatcher"), outbox_relays, hook_outbox, clock
    )

    # Live state.
    command: providers.Provider[str] = providers.Object("run")
    slots: providers.Provider[int] = providers.Object(1)
    worker_state: providers.Provider[WorkerState] = providers.Singleton(
        Lazy("adapters.live_state.worker_state:WorkerState"), command, clock, slots
    )
    live_writer: providers.Provider[LiveStateWriter] = providers.Singleton(
        Lazy("adapters.live_state.writer:LiveStateWriter"),
        worker_state,
        state_folder,
        processes,
        clock,
    )
    registration: providers.Provider[Registration] = providers.Singleton(
        Lazy("application.registration:Registration"),
        lease_database.provided.workers,
        processes,
        worker_state.provided.view,
        providers.Callable(_renderers_by_kind, setups),
        VERSION,
        clock,
        providers.Callable(_register_interval, settings),
    )
    live_reader: providers.Provider[LiveStateReader] = providers.Singleton(
        factories.live_reader, settings
    )

    # The page: a database for each thread; they share what they know of paths and locks.
    known_paths = providers.Singleton(Lazy("adapters.sql_queue.known_paths:KnownPaths"))
    lock_state = providers.Singleton(Lazy("adapters.sqlite.connection:LockState"))
    page_database: providers.Provider[SqlDatabase] = providers.Factory(
        factories.open_database,
        settings,
        providers.Callable(min, sections.database.timeout, PAGE_LOCK_WAIT_SECONDS),
        known_paths=known_paths,
        lock_state=lock_state,
    )
    # One single flight for thumbnails and waveforms: together they leave threads for requests.
    single_flight = providers.Singleton(Lazy("adapters.media_files.derived_files:SingleFlight"))
    thumbnails: providers.Provider[Thumbnails] = providers.Singleton(
        Lazy("adapters.media_files.thumbnails:Thumbnails"), derived_files, single_flight
    )
    waveforms: providers.Provider[Waveforms] = providers.Singleton(
        Lazy("adapters.media_files.waveforms:Waveforms"), derived_files, single_flight
    )

    # The doctor; checks are built for each diagnosis.
    min_free_bytes = sections.media.limits.min_free_bytes
    database_checks: providers.Provider[DoctorChecks] = providers.Factory(
        factories.database_checks, settings, clock
    )
    database_space_checks: providers.Provider[DoctorChecks] = providers.Factory(
        Lazy("adapters.filesystem.output_root_checks:FreeSpaceChecks"),
        "database free space",
        database_path.provided.resolve.call().parent,
        min_free_bytes,
    )
    staging_space_checks: providers.Provider[DoctorChecks] = providers.Factory(
        Lazy("adapters.filesystem.output_root_checks:FreeSpaceChecks"),
        subject="staging free space",
        min_free_bytes=min_free_bytes,
    )
    object_storage_checks: providers.Provider[DoctorChecks] = providers.Factory(
        Lazy("adapters.object_store.doctor:ObjectStorageChecks"), object_storage
    )
    output_root_checks: providers.Provider[DoctorChecks] = providers.Factory(
        Lazy("adapters.filesystem.output_root_checks:OutputRootChecks"), output_root, min_free_bytes
    )


def compose(
    loaded: LoadedSettings, events: EventListener | None = None, **parts: object
) -> Container:
    """The container for these settings.

    Args:
        loaded: the settings.
        events: the listener for events, or None.
        parts: parts that were built elsewhere, by the names of the providers that they replace.
    """
    from application.ports.events import EventFanout

    replaced = {"settings": loaded, "events": events or EventFanout(), **parts}
    return Container(**{name: providers.Object(part) for name, part in replaced.items()})
