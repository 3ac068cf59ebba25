"""Factories of the few parts that a command needs to look at the queue or change a prompt.

Importing the injector takes 80 milliseconds of processor time, as much as all the rest of
``mediagen status``. So these factories are plain functions that such a command calls. The container
calls them too, so that each part is built in one place.
"""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

from entrypoints.settings.resolution import (
    database_address,
    database_path,
    is_postgres,
    lease_seconds,
    render_settings_name,
    state_root,
    subscriptions,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from adapters.comfyui_script.host_records import HostRecords
    from adapters.media_marks.marker import Marker
    from adapters.media_marks.signature import Signer
    from adapters.postgres.address import PostgresAddress
    from adapters.sql_queue.connection import Connection
    from adapters.sql_queue.database import SqlDatabase
    from adapters.sql_queue.known_paths import KnownPaths
    from adapters.sql_queue.prompt_repository import SqlPromptRepository
    from adapters.sql_queue.renders import SqlRenderLeases
    from adapters.sqlite.connection import LockState
    from application.ports.database import Database, QueueWatch, WorkerPlace
    from application.ports.doctor import DoctorChecks
    from application.ports.gallery import GalleryArtifact
    from application.ports.input_pictures import InputPictures
    from application.ports.live_state import LiveStateReader
    from application.ports.media_files import PublishedMedia
    from application.ports.media_marks import Fingerprints, MediaInspector, PictureIndex
    from application.ports.object_storage import ObjectStorage
    from application.ports.prompt_repository import PromptRepository
    from application.ports.render_logs import RenderLogs
    from application.ports.renders import RenderLeases
    from application.ports.search import SearchIndex
    from application.ports.system import Clock, Processes
    from domain.lease import ProcessIdentity
    from domain.retry import RetryPolicy
    from entrypoints.settings.loader import LoadedSettings
    from entrypoints.settings.model import Marking


INDEX_LOCK_WAIT_SECONDS = 10.0  # for another process that reads what is new, in small steps


def open_database(
    loaded: LoadedSettings,
    lock_wait: float | None = None,
    patience: int = 1,
    *,
    durable: bool = True,
    known_paths: KnownPaths | None = None,
    lock_state: LockState | None = None,
) -> SqlDatabase:
    """The shared database, over a connection of its own.

    Args:
        loaded: the settings.
        lock_wait: seconds to wait for a lock; None for ``database.timeout``.
        patience: how many such waits a write may last.
        durable: whether commits survive a loss of power.
        known_paths: the paths of published files, shared by the galleries of a process.
        lock_state: the state of locks, shared with other connections; None to wait the whole
            time every time.

    Raises:
        RepositoryError: it cannot be opened.
        SettingsError: neither database.path nor database.url is set.
    """
    wait = loaded.settings.database.timeout if lock_wait is None else lock_wait
    lost, place = partial(why_lost, loaded), partial(worker_place, loaded)
    if is_postgres(loaded):
        from adapters.postgres.database import PostgresDatabase

        address = database_address(loaded)
        return PostgresDatabase(
            address, wait, patience, known_paths=known_paths, why_lost=lost, place=place
        )
    from adapters.sqlite.database import SqliteDatabase

    return SqliteDatabase(
        database_path(loaded),
        wait,
        patience,
        durable=durable,
        lock_state=lock_state,
        known_paths=known_paths,
        why_lost=lost,
        place=place,
    )


def open_search(loaded: LoadedSettings, database: Database) -> SearchIndex:
    """The index of words of a database that is open; it is created if it is missing.

    Args:
        loaded: the settings.
        database: as :func:`open_database` returned it.

    Raises:
        RepositoryError: it cannot be used.
        OSError: its file cannot be created.
    """
    connection = cast("SqlDatabase", database).connection
    if is_postgres(loaded):
        from adapters.postgres import search as postgres_search

        return postgres_search.open_search_index(connection)
    from adapters.sqlite import search as sqlite_search
    from adapters.state_folder import make_private

    folder = state_folder(loaded)
    make_private(folder)
    file = folder / "search.db"
    return sqlite_search.open_search_index(connection, file, INDEX_LOCK_WAIT_SECONDS)


def worker_place(loaded: LoadedSettings) -> WorkerPlace:
    """The machine and the settings with which this process renders."""
    from adapters.processes.system_processes import own_identity
    from application.ports.database import WorkerPlace

    me = own_identity()
    return WorkerPlace(me.host, me.boot, render_settings_name(loaded))


def why_lost(loaded: LoadedSettings, owner: ProcessIdentity, heartbeat_at: datetime | None) -> str:
    """Why the owner of a live render seems to be lost, or "" if it does not.

    Args:
        loaded: the settings.
        owner: the process that owns the render.
        heartbeat_at: its last heartbeat, by its own clock; None if that is unknown.
    """
    from adapters.processes.system_processes import SystemProcesses
    from adapters.system_clock import SystemClock
    from application.leases import LostWorkers

    clock = SystemClock()
    return LostWorkers(SystemProcesses(clock), clock, lease_seconds(loaded)).why(
        owner, heartbeat_at
    )


def database_checks(
    loaded: LoadedSettings,
    clock: Clock,
    output_root: Path | None = None,
    *,
    thorough: bool = False,
) -> DoctorChecks:
    """The doctor's checks of the shared database.

    Args:
        loaded: the settings.
        clock: wall clock and monotonic clock.
        output_root: folder of the published files, or None if unknown.
        thorough: whether everything is checked, however long that takes.

    Raises:
        SettingsError: neither database.path nor database.url is set.
    """
    from adapters.sql_queue.doctor import QueueChecks
    from domain.workflow_rules import CONFIG_NAME
    from entrypoints.workflow_choice import all_rules

    queue = QueueChecks(
        clock,
        output_root,
        thorough=thorough,
        by_priority=loaded.settings.workers.order == "priority",
        by_config_name=any(
            CONFIG_NAME in rule.when
            for rules in all_rules(loaded.settings.media).values()
            for rule in rules.rules
        ),
        all_variants=loaded.settings.media.variants == "all",
        why_lost=partial(why_lost, loaded),
        place=partial(worker_place, loaded),
    )
    if is_postgres(loaded):
        from adapters.postgres.doctor import PostgresChecks

        listening = database_address(loaded, listening=True)
        return PostgresChecks(database_address(loaded), listening, queue)
    from adapters.sqlite.doctor import DatabaseChecks

    timeout = loaded.settings.database.timeout
    return DatabaseChecks(database_path(loaded), timeout, queue, thorough=thorough)


def make_repository(
    loaded: LoadedSettings, connection: Connection, processes: Processes, clock: Clock
) -> PromptRepository:
    """The queue, for workers. Raises RepositoryError if the shared tables lack a column."""
    database = loaded.settings.database
    if is_postgres(loaded):
        from adapters.postgres.queue import PostgresPromptRepository

        repository: type[SqlPromptRepository] = PostgresPromptRepository
    else:
        from adapters.sql_queue.prompt_repository import SqlPromptRepository

        repository = SqlPromptRepository
    return repository(
        connection,
        processes.me(),
        clock,
        create_indexes=database.create_indexes,
        list_indexes=database.list_indexes,
        all_variants=loaded.settings.media.variants == "all",
        by_priority=loaded.settings.workers.order == "priority",
        longest_wait=retry_policy(loaded).longest_wait,
        subscriptions=subscriptions(loaded),
    )


def make_leases(
    loaded: LoadedSettings, connection: Connection, processes: Processes, clock: Clock
) -> RenderLeases:
    """The leases of renders, for workers, over a connection of their own."""
    from adapters.sql_queue.hook_outbox import HookOutboxWriter
    from adapters.sql_queue.prompt_repository import ClaimStatements

    if is_postgres(loaded):
        from adapters.postgres.queue import PostgresRenderLeases

        leases: type[SqlRenderLeases] = PostgresRenderLeases
    else:
        from adapters.sql_queue.renders import SqlRenderLeases

        leases = SqlRenderLeases
    claims = ClaimStatements(
        connection,
        processes.me(),
        clock,
        all_variants=loaded.settings.media.variants == "all",
    )
    outbox = HookOutboxWriter(connection, clock, subscriptions(loaded))
    return leases(connection, claims, clock, outbox)


def watch_queue(loaded: LoadedSettings) -> QueueWatch:
    """Notices commits, over a connection of its own. Raises RepositoryError if there is none."""
    if is_postgres(loaded):
        from adapters.postgres.watch import PostgresQueueWatch

        return PostgresQueueWatch(database_address(loaded, listening=True))
    from adapters.sqlite.database import SqliteQueueWatch

    return SqliteQueueWatch(database_path(loaded))


def make_marker(loaded: LoadedSettings, *, forced: bool = False) -> Marker | None:
    """What marks and signs the files that are published; None if nothing does.

    Args:
        loaded: the settings.
        forced: whether metadata are written even if the settings turn that off.
    """
    marking = loaded.settings.media.marking
    if not (marking.metadata or marking.certificate or forced):
        return None
    from adapters.media_marks.marker import Marker
    from entrypoints.version import VERSION

    signer = make_signer(marking, Path(marking.certificate)) if marking.certificate else None
    return Marker(
        f"Media Generator {VERSION}",
        with_metadata=marking.metadata or forced,
        with_prompt=marking.prompt,
        signer=signer,
        signs_signed=marking.signed_files == "ingredient",
        with_sidecars=marking.sidecars,
    )


def make_signer(marking: Marking, certificate: Path) -> Signer:
    """What signs files with a certificate."""
    from adapters.media_marks.signature import Signer
    from entrypoints.version import VERSION

    software = ("Media Generator", VERSION)
    return Signer(certificate, marking.private_key, software, marking.time_authority)


def make_inspector(loaded: LoadedSettings) -> MediaInspector:
    """What looks into media files; SettingsError if media.marking.trusted cannot be read."""
    from adapters.filesystem.inspection import FileInspector
    from adapters.filesystem.limits import StoreLimits
    from entrypoints.settings.errors import Problem, SettingsError

    limits, trusted = loaded.settings.media.limits, loaded.settings.media.marking.trusted
    anchors = None
    if trusted:
        try:
            anchors = Path(trusted).read_text("ascii")
        except (OSError, UnicodeDecodeError) as error:
            name = "media.marking.trusted"
            raise SettingsError([Problem(name, f"{trusted} cannot be read: {error}")]) from error
    return FileInspector(StoreLimits(max_pixels=limits.max_pixels), anchors)


def make_fingerprints(loaded: LoadedSettings) -> Fingerprints:
    """The fingerprints of published pictures. Raises SettingsError without a database."""
    from adapters.media_files.fingerprints import FingerprintFile

    return FingerprintFile(state_folder(loaded) / "fingerprints.db")


def open_picture_index(loaded: LoadedSettings) -> PictureIndex:
    """The index of pictures that look alike.

    Raises:
        OSError: it cannot be used.
        SettingsError: there is no database.
    """
    from adapters.media_files.picture_index import PictureFile
    from adapters.state_folder import make_private

    folder = state_folder(loaded)
    make_private(folder)
    return PictureFile(folder / "pictures.db")


def retry_policy(loaded: LoadedSettings) -> RetryPolicy:
    """Which failures of a render are retried, and when."""
    from domain.retry import RetryPolicy

    retry = loaded.settings.retry
    return RetryPolicy(
        max_attempts=retry.max_attempts,
        base_seconds=retry.base_seconds,
        max_crashes=retry.max_crashes,
    )


def state_folder(loaded: LoadedSettings) -> Path:
    """The folder for files about the database, whatever path or address leads to it.

    Raises:
        SettingsError: there is no database.
    """
    from adapters import state_folder as folders

    if is_postgres(loaded):
        return _postgres_state_folder(state_root(loaded), database_address(loaded))
    return folders.state_folder(state_root(loaded), database_path(loaded))


@cache
def _postgres_state_folder(root: Path, address: PostgresAddress) -> Path:
    """As the server names its database, or as it was named when it could last be reached."""
    from adapters import state_folder as folders
    from adapters.postgres.database import database_identity
    from application.ports.prompt_repository import RepositoryError

    name = str(address)
    try:
        identity = database_identity(address)
    except RepositoryError:
        identity = folders.remembered_identity(root, name) or name
    else:
        folders.remember_identity(root, name, identity)
    return folders.state_folder_of(root, identity)


def _lazy_processes() -> Callable[[], Processes]:
    """Returns the processes of this machine: slow to import, and rarely needed."""

    @cache
    def processes() -> Processes:
        from adapters.processes.system_processes import SystemProcesses
        from adapters.system_clock import SystemClock

        return SystemProcesses(SystemClock())

    return processes


def host_records(loaded: LoadedSettings) -> HostRecords:
    """The records of the database's warm hosts. Raises SettingsError without a database."""
    from adapters.comfyui_script.host_records import HostRecords

    return HostRecords(state_folder(loaded), _lazy_processes())


def live_reader(loaded: LoadedSettings) -> LiveStateReader:
    """The live state of the database's workers. Raises SettingsError without a database."""
    from adapters.live_state.reader import LiveStateFiles
    from adapters.system_clock import SystemClock

    return LiveStateFiles(state_folder(loaded), _lazy_processes(), SystemClock())


def object_storage(loaded: LoadedSettings) -> ObjectStorage:
    """The bucket of published files. Raises SettingsError if its library is not installed."""
    from importlib.util import find_spec

    from adapters.object_store.bucket import BucketSettings, S3Bucket
    from entrypoints.settings.errors import Problem, SettingsError

    key = "media.storage.url"
    if find_spec("obstore") is None:
        what = f"{key} is set, but the Python package obstore is not installed"
        fix = "Install it with 'pip install \"media-generator[s3]\"'."
        raise SettingsError([Problem(str(loaded.provenance[key]), what, fix, key)])
    storage = loaded.settings.media.storage
    return S3Bucket(
        BucketSettings(
            storage.url or "",
            storage.endpoint,
            storage.region,
            storage.access_key_id,
            storage.secret_access_key,
            storage.session_token,
            storage.credentials_file,
            storage.ca_file,
            storage.path_style,
            storage.signed_links,
        )
    )


def input_pictures(loaded: LoadedSettings) -> InputPictures:
    """The pictures that briefs may name; the database is opened when one names an artifact."""
    from contextlib import closing

    from adapters.input_pictures import FoundPictures
    from adapters.media_files.media_file import MediaFolder
    from entrypoints.settings.resolution import output_root, storage_address

    def published() -> PublishedMedia:
        if storage_address(loaded):
            from adapters.media_files.object_media import ObjectMedia

            return ObjectMedia(object_storage(loaded))
        return MediaFolder(output_root(loaded))

    def artifact(number: int) -> GalleryArtifact | None:
        with closing(open_database(loaded)) as database:
            return database.gallery.artifact_by_id(number)

    media = loaded.settings.media
    folder = MediaFolder(Path(media.input_directory)) if media.input_directory else None
    return FoundPictures(folder, cache(published), artifact, media.limits.max_pixels)


def render_logs(loaded: LoadedSettings) -> RenderLogs:
    """The logs of workflows. Raises SettingsError without a database."""
    from adapters.render_logs import RenderLogFiles

    return RenderLogFiles(state_folder(loaded) / "renders", loaded.settings.logging.workflow_bytes)
