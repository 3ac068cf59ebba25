"""The shared database over one connection, and noticing its commits."""

from __future__ import annotations

from functools import cache, cached_property
from typing import TYPE_CHECKING

from adapters.sqlite.connection import Connection
from application.ports.database import WorkerPlace
from application.ports.prompt_repository import RepositoryBusyError, RepositoryError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from adapters.sql_queue.controls import SqlQueueControls
    from adapters.sql_queue.curation import SqlCuration
    from adapters.sql_queue.gallery import SqlGallery
    from adapters.sql_queue.hook_outbox import SqlHookOutbox
    from adapters.sql_queue.intake import SqlPromptIntake
    from adapters.sql_queue.known_paths import KnownPaths
    from adapters.sql_queue.labels import SqlPromptLabels
    from adapters.sql_queue.plans import SqlPublicationPlans
    from adapters.sql_queue.prompt_catalogue import SqlPromptCatalogue, WhyLost
    from adapters.sql_queue.renders import SqlRenderHistory, SqlServerJobs
    from adapters.sql_queue.workers import SqlWorkerRegister
    from adapters.sql_queue.workflow_records import SqlWorkflowRecords
    from adapters.sqlite.connection import LockState


class SqliteDatabase:
    """One connection and its parts, each of which is created on first use.

    As thread-safe as the parts are; only one thread at a time may use a part for the first time.

    Args:
        path: of an existing SQLite database.
        timeout: seconds to wait for locks of other programs.
        write_timeouts: number of timeouts that a write waits.
        durable: whether a commit waits until it is safe from power loss.
        known_paths: of published files, for the gallery; shared by galleries of one process.
        lock_state: shared with other connections; None to wait the whole timeout every time.
        why_lost: for the catalogue, returns why the owner of a live render seems lost, or "".
        place: for the controls, returns where this process renders.

    Raises:
        RepositoryError: the file cannot be opened; from a part: a table or column is missing.
    """

    def __init__(  # noqa: PLR0913 - what each kind of caller wants, by its name
        self,
        path: Path,
        timeout: float,
        write_timeouts: int = 1,
        *,
        durable: bool = True,
        known_paths: KnownPaths | None = None,
        lock_state: LockState | None = None,
        why_lost: WhyLost = lambda *_: "",
        place: Callable[[], WorkerPlace] = WorkerPlace,
    ) -> None:
        self._place = cache(place)
        self.connection = Connection(
            path, timeout, write_timeouts, durable=durable, lock_state=lock_state
        )
        self._why_lost = why_lost
        self._known_paths = known_paths

    @property
    def is_current(self) -> bool:
        """Whether the path still leads to the open file."""
        try:
            self.connection.check_identity()
        except RepositoryError:
            return False
        return True

    def check_identity(self) -> None:
        """Raise RepositoryError if the file was moved away or replaced."""
        self.connection.check_identity()

    def close(self) -> None:
        """Close the file."""
        self.connection.close()

    @cached_property
    def catalogue(self) -> SqlPromptCatalogue:
        """Reads the queue."""
        from adapters.sql_queue.prompt_catalogue import SqlPromptCatalogue

        return SqlPromptCatalogue(self.connection, self._why_lost)

    @cached_property
    def controls(self) -> SqlQueueControls:
        """Pauses and resumes the queue."""
        from adapters.sql_queue.controls import SqlQueueControls

        return SqlQueueControls(self.connection, self._place)

    @cached_property
    def intake(self) -> SqlPromptIntake:
        """Adds prompts to the queue."""
        from adapters.sql_queue.intake import SqlPromptIntake

        return SqlPromptIntake(self.connection)

    @cached_property
    def gallery(self) -> SqlGallery:
        """Reads what the page shows."""
        from adapters.sql_queue.gallery import SqlGallery

        return SqlGallery(self.connection, self._known_paths)

    @cached_property
    def workers(self) -> SqlWorkerRegister:
        """The workers of all machines."""
        from adapters.sql_queue.workers import MAX_FILE_SILENCE, SqlWorkerRegister

        return SqlWorkerRegister(self.connection, self._why_lost, MAX_FILE_SILENCE)

    @cached_property
    def curation(self) -> SqlCuration:
        """Ratings, tags, collections and the wastebasket."""
        from adapters.sql_queue.curation import SqlCuration

        return SqlCuration(self.connection)

    @cached_property
    def labels(self) -> SqlPromptLabels:
        """Finds prompts by their label."""
        from adapters.sql_queue.labels import SqlPromptLabels

        return SqlPromptLabels(self.connection)

    @cached_property
    def plans(self) -> SqlPublicationPlans:
        """What renders of all machines are about to publish."""
        from adapters.sql_queue.plans import SqlPublicationPlans

        return SqlPublicationPlans(self.connection)

    @cached_property
    def history(self) -> SqlRenderHistory:
        """Renders that ended."""
        from adapters.sql_queue.renders import SqlRenderHistory

        return SqlRenderHistory(self.connection)

    @cached_property
    def hook_outbox(self) -> SqlHookOutbox:
        """The hook outbox."""
        from adapters.sql_queue.hook_outbox import SqlHookOutbox

        return SqlHookOutbox(self.connection)

    @cached_property
    def workflow_records(self) -> SqlWorkflowRecords:
        """Named workflows of prompts and renders."""
        from adapters.sql_queue.workflow_records import SqlWorkflowRecords

        return SqlWorkflowRecords(self.connection)

    @cached_property
    def server_jobs(self) -> SqlServerJobs:
        """Jobs on render servers; their table is created if it is missing."""
        from adapters.sql_queue.renders import SqlServerJobs

        return SqlServerJobs(self.connection)


_WATCH_WAIT_SECONDS = 0.02  # for a lock


class SqliteQueueWatch:
    """Reads ``PRAGMA data_version``, which changes with every commit of other connections.

    Source: SQLite's documentation of that pragma. It reads a counter and, in journal modes other
    than WAL, briefly takes a shared lock.

    Raises:
        RepositoryError: the database cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._connection = Connection(path, _WATCH_WAIT_SECONDS, durable=False)
        self._seen: int | None = None

    def changed(self) -> bool:
        """Whether anything was committed since the last call."""
        self._connection.check_identity()
        try:
            [(version,)] = self._connection.rows("PRAGMA data_version")
        except RepositoryBusyError:
            return False  # the program that holds the lock will commit, and the next call notices
        before, self._seen = self._seen, version
        return bool(version != before)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()
