"""The services that request handlers use, built from the settings."""

from __future__ import annotations

import platform
import sqlite3
import time
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from functools import cache, partial
from threading import Lock, local
from typing import TYPE_CHECKING, Final, TypeVar

from application.ports.prompt_repository import RepositoryError
from application.wastebasket import Wastebasket
from domain.prompt import Kind
from entrypoints.container import compose
from entrypoints.factories import make_fingerprints, open_picture_index, open_search
from entrypoints.settings import resolution
from entrypoints.settings.errors import SettingsError
from entrypoints.version import VERSION
from entrypoints.workflow_choice import all_rules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import BinaryIO

    from application.ports.curation import Curation
    from application.ports.database import Database, QueueControls, QueueWatch
    from application.ports.doctor import Check
    from application.ports.gallery import Gallery, GalleryArtifact
    from application.ports.intake import PromptIntake, PromptLabels
    from application.ports.live_state import LiveStateReader
    from application.ports.media_files import PublishedMedia, Thumbnails, Waveforms
    from application.ports.prompt_catalogue import PromptCatalogue
    from application.ports.prompt_repository import PromptRepository
    from application.ports.render_logs import RenderLogs
    from application.ports.search import SearchIndex
    from application.ports.workers import WorkerRegister
    from application.ports.workflows import WorkflowRecords
    from application.similar_pictures import SimilarPictureSearch
    from domain.brief_paths import BriefPath
    from domain.workflow_rules import WorkflowRules
    from entrypoints.container import Container
    from entrypoints.settings.loader import LoadedSettings
    from entrypoints.web.access import Access
    from entrypoints.web.caches import CheckCache, FactReader, SummaryCache
    from entrypoints.workflow_check import CheckedWorkflow

SEARCH_INTERVAL: Final = 1.5  # seconds between two updates of the index for searching
_UPDATE_SECONDS: Final = 0.7  # of one of them, while much is new: half of the time is for others
PICTURES_INTERVAL: Final = 5.0  # seconds between two readings of pictures
_PICTURE_SECONDS: Final = 0.5  # of one of them; a picture takes about 0.1
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that a request handler needs; one object for the life of the server.

    The functions return objects that read and write the database over a connection of the calling
    thread: call them in the handler, and keep nothing. They raise RepositoryError when the
    database cannot be used, which becomes a response with status 503.

    Attributes:
        access: the hosts and tokens that requests must show.
        gallery: prompts and artifacts, for display.
        catalogue: the queue, read-only.
        curation: ratings, tags, collections and the wastebasket.
        controls: pause and resume.
        intake: submits prompts.
        labels: finds prompts by their label.
        workflow_records: named workflows of prompts and renders.
        rules: of the kinds that have named workflows.
        brief_paths: every path in a brief's JSON that a workflow of the kind takes.
        repository: retry and cancel; creates our own tables when they are missing.
        search: finds prompts by words; its index is kept up to date in the background.
        similar: finds pictures that look like one: how different each is, and the id of its row.
        register: of the workers of all machines.
        live: the state that running workers of this machine publish.
        render_logs: the output of workflows.
        summaries: the summary of the queue, counted once for all requests.
        checks: the doctor's checks, run in the background.
        check_workflow: checks the content of a file with a name, for a media kind (None: the one
            that it makes), and on the servers of the settings if the last argument says so.
        wastebasket: removes what is in it; raises SettingsError if the files' place is unknown.
        fact_reader: reads what filters need from the metadata of files.
        published: the published files, or None if the settings do not name their place.
        thumbnails: thumbnails of pictures.
        waveforms: levels of songs.
        legacy_shapes: whether JSON documents have the shapes of an older backend.
        versions: of the program and of the libraries it uses, by name.
        paths: that the settings name, by name; None where they do not.
    """

    access: Access
    gallery: Callable[[], Gallery]
    catalogue: Callable[[], PromptCatalogue]
    curation: Callable[[], Curation]
    controls: Callable[[], QueueControls]
    intake: Callable[[], PromptIntake]
    labels: Callable[[], PromptLabels]
    workflow_records: Callable[[], WorkflowRecords]
    rules: Mapping[Kind, WorkflowRules]
    brief_paths: Mapping[Kind, Sequence[BriefPath]]
    repository: Callable[[], PromptRepository]
    search: Callable[[], SearchIndex]
    similar: Callable[[GalleryArtifact], Sequence[tuple[int, int]]]
    register: Callable[[], WorkerRegister]
    live: LiveStateReader
    render_logs: RenderLogs
    summaries: SummaryCache
    checks: CheckCache
    check_workflow: Callable[[BinaryIO, str, Kind | None, bool], CheckedWorkflow]
    wastebasket: Callable[[], Wastebasket]
    fact_reader: FactReader
    published: PublishedMedia | None
    thumbnails: Thumbnails
    waveforms: Waveforms
    legacy_shapes: bool
    versions: Mapping[str, str]
    paths: Mapping[str, str | None]


class ThreadDatabases:
    """One database connection for each thread that handles requests."""

    def __init__(self, container: Container) -> None:
        self._loaded = container.settings()
        self._open: Callable[[], Database] = container.page_database
        for shared in (container.known_paths, container.lock_state):
            shared()  # built now, by one thread
        self._open_watch = container.watch
        self._local = local()
        self._lock = Lock()
        self._opened: list[Database | SearchIndex] = []
        self._watch: QueueWatch | None = None

    def current(self) -> Database:
        """The database of this thread; reopened if the file was replaced.

        Raises:
            RepositoryError: the database cannot be opened.
        """
        database: Database | None = getattr(self._local, "database", None)
        if database is not None and database.is_current:
            return database
        self._local.repository = None
        self._close_search()
        if database is not None:
            self._local.database = None
            with self._lock:
                self._opened.remove(database)
            database.close()
        database = self._open()
        with self._lock:
            self._opened.append(database)
        self._local.database = database
        return database

    def repository(self) -> PromptRepository:
        """The repository of this thread. Raises RepositoryError if the database cannot be used."""
        database = self.current()
        if self._local.repository is None:
            self._local.repository = compose(self._loaded, database=database).repository()
        repository: PromptRepository = self._local.repository
        return repository

    def search(self) -> SearchIndex:
        """The search of this thread. Raises RepositoryError if a database cannot be used."""
        database = self.current()
        if getattr(self._local, "search", None) is None:
            try:
                search = open_search(self._loaded, database)
            except OSError as error:
                message = f"the index for searching cannot be made: {error}"
                raise RepositoryError(message) from None
            with self._lock:
                self._opened.append(search)
            self._local.search = search
        index: SearchIndex = self._local.search
        return index

    def update_search(self) -> None:
        """Take changes of the database into the search's index, in the background.

        What cannot be read now is read later; who searches gets the error.
        """
        with suppress(RepositoryError):
            self.search().update(_UPDATE_SECONDS)

    def _close_search(self) -> None:
        search: SearchIndex | None = getattr(self._local, "search", None)
        self._local.search = None
        if search is not None:
            with self._lock:
                self._opened.remove(search)
            search.close()

    def watch(self) -> QueueWatch:
        """A new watch for commits; the one before is closed. Raises RepositoryError."""
        with self._lock:
            if self._watch:
                self._watch.close()
            self._watch = None
            self._watch = self._open_watch()
            return self._watch

    def close(self) -> None:
        """Close all connections; no request may be running."""
        with self._lock:
            if self._watch:
                self._watch.close()
                self._watch = None
            for opened in reversed(self._opened):
                opened.close()
            self._opened.clear()


class SimilarFiles:
    """Pictures that look alike; read in the background, a few at a time.

    Args:
        loaded: the settings.
        databases: reads the rows.
        published: opens the files; None if the settings do not name their place.
    """

    def __init__(
        self, loaded: LoadedSettings, databases: ThreadDatabases, published: PublishedMedia | None
    ) -> None:
        self._loaded = loaded
        self._databases = databases
        self._published = published

    def find(self, artifact: GalleryArtifact) -> Sequence[tuple[int, int]]:
        """Pictures that look like a published one; the nearest first.

        Raises:
            RepositoryError: the index cannot be used.
        """
        try:
            with self._opened() as pictures:
                return pictures.find(artifact) if pictures else []
        except OSError as error:
            raise RepositoryError(str(error)) from None

    def update(self) -> None:
        """Read a few pictures; what cannot be read now is read later."""
        with suppress(RepositoryError, OSError), self._opened() as pictures:
            if pictures:
                deadline = time.monotonic() + _PICTURE_SECONDS
                pictures.update(lambda: time.monotonic() >= deadline)

    @contextmanager
    def _opened(self) -> Iterator[SimilarPictureSearch | None]:
        from application.similar_pictures import SimilarPictureSearch

        if self._published is None:
            yield None
            return
        gallery = self._databases.current().gallery
        fingerprints = make_fingerprints(self._loaded)
        with closing(open_picture_index(self._loaded)) as index:
            yield SimilarPictureSearch(gallery, self._published, fingerprints, index)


def build_services(loaded: LoadedSettings, access: Access) -> tuple[Services, Callable[[], None]]:
    """The services, and a function that closes them.

    Raises:
        SettingsError: the settings do not name a database.
    """
    from adapters.system_clock import repeating
    from entrypoints.web.caches import CheckCache, FactReader, SummaryCache

    container = compose(loaded)
    databases = ThreadDatabases(container)
    background = ExitStack()
    background.callback(databases.close)
    background.enter_context(repeating(databases.update_search, SEARCH_INTERVAL))
    pictures = SimilarFiles(loaded, databases, _if_set(container.published_media))
    background.enter_context(repeating(pictures.update, PICTURES_INTERVAL))
    services = Services(
        access=access,
        gallery=lambda: databases.current().gallery,
        catalogue=lambda: databases.current().catalogue,
        curation=lambda: databases.current().curation,
        controls=lambda: databases.current().controls,
        intake=lambda: databases.current().intake,
        labels=lambda: databases.current().labels,
        workflow_records=lambda: databases.current().workflow_records,
        rules=all_rules(loaded.settings.media),
        brief_paths={kind: resolution.paths_of_kind(loaded, kind) for kind in Kind},
        repository=databases.repository,
        search=databases.search,
        similar=pictures.find,
        register=lambda: databases.current().workers,
        live=container.live_reader(),
        render_logs=container.render_logs(),
        summaries=SummaryCache(databases.watch),
        checks=CheckCache(lambda: _checks(loaded)),
        check_workflow=partial(_check_workflow, loaded),
        wastebasket=lambda: Wastebasket(
            databases.current().curation, container.published_media(), container.derived_media()
        ),
        fact_reader=FactReader(container.page_database),
        published=_if_set(container.published_media),
        thumbnails=container.thumbnails(),
        waveforms=container.waveforms(),
        legacy_shapes=loaded.settings.web.legacy_shapes,
        versions=_versions(),
        paths=_paths(container),
    )
    return services, background.close


def _checks(loaded: LoadedSettings) -> Iterable[Check]:
    from entrypoints.doctor import diagnose

    return diagnose(loaded)


def _check_workflow(
    loaded: LoadedSettings,
    file: BinaryIO,
    name: str,
    kind: Kind | None,
    ask_servers: bool,  # noqa: FBT001 - as Services types it
) -> CheckedWorkflow:
    # Imported here, since they cost more than the rest of the page.
    from adapters.comfyui_graph.workflow_file import read_workflow
    from adapters.comfyui_server.node_catalogue import NodeCatalogue
    from entrypoints.settings.hosts import server_addresses
    from entrypoints.workflow_check import check_workflow, kind_of

    comfyui = loaded.settings.comfyui
    servers = server_addresses(comfyui) if ask_servers else ()
    state = resolution.state_root(loaded)
    node_types = cache(NodeCatalogue(servers, state, offline=not ask_servers))
    read = read_workflow(file, name, node_types)
    kind = kind or kind_of(read)
    servers = server_addresses(comfyui, (kind,)) if ask_servers else ()
    pictures = loaded.settings.media.input_directory is not None
    return check_workflow(name, read, kind, {}, servers, node_types, pictures=pictures)


def _versions() -> dict[str, str]:
    from importlib.metadata import version

    return {
        "mediagen": VERSION,
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "flask": version("flask"),
        "waitress": version("waitress"),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
    }


def _paths(container: Container) -> dict[str, str | None]:
    loaded = container.settings()
    paths: dict[str, Path | str | None] = {
        "configuration": loaded.config_file,
        "database": resolution.database_name(loaded),
        "output_root": _if_set(container.published_root),
        "comfyui": _if_set(lambda: resolution.comfyui_directory(loaded)),
        "state": container.state_folder(),
    }
    return {name: None if path is None else str(path) for name, path in paths.items()}


def _if_set(find: Callable[[], T]) -> T | None:
    try:
        return find()
    except SettingsError:
        return None
