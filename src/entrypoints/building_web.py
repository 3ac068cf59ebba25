"""What the page and its API stand on, built from the settings."""

from __future__ import annotations

import platform
import sqlite3
from functools import cached_property
from threading import Lock, local
from typing import TYPE_CHECKING

from entrypoints import building
from entrypoints.settings import resolution
from entrypoints.settings.errors import SettingsError
from entrypoints.showing import build_live_reader, state_place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from adapters.sqlite.connection import Connection
    from adapters.sqlite.known_paths import KnownPaths
    from adapters.sqlite.queue_watch import SqliteQueueWatch
    from application.ports.gallery import Gallery
    from application.ports.health import Check
    from application.ports.prompt_catalogue import PromptCatalogue
    from application.ports.prompt_intake import PromptIntake
    from application.ports.prompt_repository import PromptRepository
    from application.ports.queue_controls import QueueControls
    from application.ports.queue_watch import QueueWatch
    from entrypoints.settings.loading import LoadedSettings
    from entrypoints.web.access import Access
    from entrypoints.web.services import Services

LOCK_WAIT_SECONDS = 2.0  # whoever asks is told to come again rather than to keep a thread waiting
INTEGRITY_SECONDS = 1.0  # the page looks again and again


class ThreadQueues:
    """For each thread that asks, the database over a connection of its own."""

    def __init__(self, loaded: LoadedSettings) -> None:
        from adapters.sqlite.known_paths import KnownPaths

        self._loaded = loaded
        self._known = KnownPaths()  # what one thread listed, another is asked for
        self._own = local()
        self._lock = Lock()
        self._opened: list[Connection] = []
        self._watch: SqliteQueueWatch | None = None

    def here(self) -> _Queue:
        """Those of this thread; opened anew when the file was replaced.

        Raises:
            RepositoryError: the database cannot be opened.
        """
        queue: _Queue | None = getattr(self._own, "queue", None)
        if queue is not None and queue.is_current:
            return queue
        if queue is not None:
            self._own.queue = None
            with self._lock:
                self._opened.remove(queue.connection)
            queue.connection.close()
        queue = _Queue(self._loaded, self._known)
        with self._lock:
            self._opened.append(queue.connection)
        self._own.queue = queue
        return queue

    def watch(self) -> QueueWatch:
        """What notices commits; one at a time, the one before is closed."""
        with self._lock:
            if self._watch:
                self._watch.close()
            self._watch = None
            self._watch = building.build_watch(self._loaded)
            return self._watch

    def close(self) -> None:
        """Close all of them; nobody may ask any more."""
        with self._lock:
            if self._watch:
                self._watch.close()
                self._watch = None
            for connection in self._opened:
                connection.close()
            self._opened.clear()


class _Queue:
    """The parts over one connection, each built when it is first wanted."""

    def __init__(self, loaded: LoadedSettings, known: KnownPaths) -> None:
        from adapters.sqlite.connection import Connection

        wait = min(loaded.settings.database.timeout, LOCK_WAIT_SECONDS)
        self._loaded = loaded
        self._known = known
        self.connection = Connection(resolution.database_path(loaded), wait)

    @property
    def is_current(self) -> bool:
        """Whether the path still leads to the file that is open."""
        from application.ports.prompt_repository import RepositoryError

        try:
            self.connection.check_identity()
        except RepositoryError:
            return False
        return True

    @cached_property
    def gallery(self) -> Gallery:
        """What the page shows."""
        from adapters.sqlite.gallery import SqliteGallery

        return SqliteGallery(self.connection, self._known)

    @cached_property
    def catalogue(self) -> PromptCatalogue:
        """The queue, to look at."""
        return building.build_catalogue(self.connection)

    @cached_property
    def controls(self) -> QueueControls:
        """Pausing and resuming."""
        return building.build_controls(self.connection)

    @cached_property
    def intake(self) -> PromptIntake:
        """Where prompts come in."""
        return building.build_intake(self.connection)

    @cached_property
    def repository(self) -> PromptRepository:
        """Retrying and cancelling."""
        clock = building.build_clock()
        processes = building.build_processes(clock)
        return building.build_repository(self._loaded, self.connection, processes, clock)


def build_services(loaded: LoadedSettings, access: Access) -> tuple[Services, Callable[[], None]]:
    """What handlers are given, and what closes it.

    Raises:
        SettingsError: it is not known which database.
    """
    from entrypoints.web.checklist import Checklist
    from entrypoints.web.glance import Glance
    from entrypoints.web.services import Services

    state = state_place(loaded)
    queues = ThreadQueues(loaded)
    web = loaded.settings.web
    services = Services(
        access=access,
        gallery=lambda: queues.here().gallery,
        catalogue=lambda: queues.here().catalogue,
        controls=lambda: queues.here().controls,
        intake=lambda: queues.here().intake,
        repository=lambda: queues.here().repository,
        live=build_live_reader(loaded),
        glance=Glance(queues.watch),
        checklist=Checklist(lambda: _checks(loaded)),
        output_root=_known(lambda: resolution.output_root(loaded)),
        thumbnails=state / "thumbnails",
        thumbnails_max_bytes=web.thumbnails_max_bytes,
        legacy_shapes=web.legacy_shapes,
        versions=_versions(),
        paths=_paths(loaded, state),
    )
    return services, queues.close


def _checks(loaded: LoadedSettings) -> Iterable[Check]:
    from application.doctor import examine
    from entrypoints.checkup.probes import probes

    return examine(probes(loaded, integrity_seconds=INTEGRITY_SECONDS))


def _versions() -> dict[str, str]:
    from importlib.metadata import version

    return {
        "mediagen": version("media-generator"),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "flask": version("flask"),
        "waitress": version("waitress"),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
    }


def _paths(loaded: LoadedSettings, state: Path) -> dict[str, str | None]:
    found: dict[str, Path | None] = {
        "configuration": loaded.config_file,
        "database": resolution.database_path(loaded),
        "output_root": _known(lambda: resolution.output_root(loaded)),
        "comfyui": _known(lambda: resolution.comfyui_directory(loaded)),
        "state": state,
    }
    return {name: None if path is None else str(path) for name, path in found.items()}


def _known(find: Callable[[], Path]) -> Path | None:
    try:
        return find()
    except SettingsError:
        return None
