"""The parts of an open database, which are the same in every dialect."""

from __future__ import annotations

from functools import cache, cached_property
from typing import TYPE_CHECKING

from application.ports.database import WorkerPlace
from application.ports.prompt_repository import RepositoryError

if TYPE_CHECKING:
    from collections.abc import Callable

    from adapters.sql_queue.connection import Connection
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


class SqlDatabase:
    """An open connection and its parts, each of which is created on first use.

    As thread-safe as the parts are; only one thread at a time may use a part for the first time.

    Attributes:
        connection: to the database.

    Args:
        connection: to the database; closed with it.
        known_paths: of published files, for the gallery; shared by galleries of one process.
        why_lost: for the catalogue, returns why the owner of a live render seems lost, or "".
        place: for the controls, returns where this process renders.

    Raises:
        RepositoryError: from a part: a table or column is missing.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        known_paths: KnownPaths | None = None,
        why_lost: WhyLost = lambda *_: "",
        place: Callable[[], WorkerPlace] = WorkerPlace,
    ) -> None:
        self.connection = connection
        self._known_paths = known_paths
        self._why_lost = why_lost
        self._place = cache(place)

    @property
    def is_current(self) -> bool:
        """Whether this is still the database that was opened."""
        try:
            self.connection.check_identity()
        except RepositoryError:
            return False
        return True

    def check_identity(self) -> None:
        """Raise RepositoryError if the database was moved away or replaced."""
        self.connection.check_identity()

    def close(self) -> None:
        """Close the connection."""
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
        from adapters.sql_queue.workers import SqlWorkerRegister

        return SqlWorkerRegister(self.connection, self._why_lost)

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
