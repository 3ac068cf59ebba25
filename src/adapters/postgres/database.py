"""The shared database in PostgreSQL over one session."""

from __future__ import annotations

from contextlib import closing
from functools import cache, cached_property
from typing import TYPE_CHECKING

from adapters.postgres.address import UnreachableError
from adapters.postgres.connection import Connection, LostSessionError
from adapters.postgres.statements import statements
from adapters.sql_queue.shared_schema import check_shared_tables
from application.ports.database import WorkerPlace
from application.ports.prompt_repository import RepositoryError

if TYPE_CHECKING:
    from collections.abc import Callable

    from adapters.postgres.address import PostgresAddress
    from adapters.postgres.queue import (
        PostgresHookOutbox,
        PostgresPromptIntake,
        PostgresPublicationPlans,
        PostgresQueueControls,
        PostgresRenderHistory,
        PostgresServerJobs,
        PostgresWorkflowRecords,
    )
    from adapters.sql_queue.curation import SqlCuration
    from adapters.sql_queue.gallery import SqlGallery
    from adapters.sql_queue.known_paths import KnownPaths
    from adapters.sql_queue.labels import SqlPromptLabels
    from adapters.sql_queue.prompt_catalogue import SqlPromptCatalogue, WhyLost
    from adapters.sql_queue.workers import SqlWorkerRegister

_IDENTITY_TIMEOUT = 5.0  # seconds


def database_identity(address: PostgresAddress) -> str:
    """A name of the shared tables, the same for every address that leads to them.

    Where the server keeps its number secret, it is the address.

    Raises:
        RepositoryError: the server cannot be reached, or there are no shared tables.
    """
    with closing(Connection(address, _IDENTITY_TIMEOUT)) as connection:
        check_shared_tables(connection)
        try:
            [numbers] = connection.rows(statements("doctor")["identity"])
        except (LostSessionError, UnreachableError):
            raise
        except RepositoryError:
            return str(address)
    return "postgresql " + " ".join(map(str, numbers))


class PostgresDatabase:
    """One session and its parts, each of which is created on first use.

    As thread-safe as the parts are; only one thread at a time may use a part for the first time.

    Args:
        address: of the database.
        timeout: seconds to wait for locks of other programs, and for a server that is away.
        write_timeouts: number of timeouts that a write waits.
        known_paths: of published files, for the gallery; shared by galleries of one process.
        why_lost: for the catalogue, returns why the owner of a live render seems lost, or "".
        place: for the controls, returns where this process renders.

    Raises:
        RepositoryError: there is no session; from a part: a table or column is missing.
    """

    def __init__(
        self,
        address: PostgresAddress,
        timeout: float,
        write_timeouts: int = 1,
        *,
        known_paths: KnownPaths | None = None,
        why_lost: WhyLost = lambda *_: "",
        place: Callable[[], WorkerPlace] = WorkerPlace,
    ) -> None:
        self._place = cache(place)
        self.connection = Connection(address, timeout, write_timeouts)
        self._why_lost = why_lost
        self._known_paths = known_paths

    @property
    def is_current(self) -> bool:
        """An address always leads to the same database."""
        return True

    def check_identity(self) -> None:
        """Nothing is checked: an address always leads to the same database."""

    def close(self) -> None:
        """End the session."""
        self.connection.close()

    @cached_property
    def catalogue(self) -> SqlPromptCatalogue:
        """Reads the queue."""
        from adapters.sql_queue.prompt_catalogue import SqlPromptCatalogue

        return SqlPromptCatalogue(self.connection, self._why_lost)

    @cached_property
    def controls(self) -> PostgresQueueControls:
        """Pauses and resumes the queue."""
        from adapters.postgres.queue import PostgresQueueControls

        return PostgresQueueControls(self.connection, self._place)

    @cached_property
    def intake(self) -> PostgresPromptIntake:
        """Adds prompts to the queue."""
        from adapters.postgres.queue import PostgresPromptIntake

        return PostgresPromptIntake(self.connection)

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
    def plans(self) -> PostgresPublicationPlans:
        """What renders of all machines are about to publish."""
        from adapters.postgres.queue import PostgresPublicationPlans

        return PostgresPublicationPlans(self.connection)

    @cached_property
    def history(self) -> PostgresRenderHistory:
        """Renders that ended."""
        from adapters.postgres.queue import PostgresRenderHistory

        return PostgresRenderHistory(self.connection)

    @cached_property
    def hook_outbox(self) -> PostgresHookOutbox:
        """The hook outbox."""
        from adapters.postgres.queue import PostgresHookOutbox

        return PostgresHookOutbox(self.connection)

    @cached_property
    def workflow_records(self) -> PostgresWorkflowRecords:
        """Named workflows of prompts and renders."""
        from adapters.postgres.queue import PostgresWorkflowRecords

        return PostgresWorkflowRecords(self.connection)

    @cached_property
    def server_jobs(self) -> PostgresServerJobs:
        """Jobs on render servers; their table is created if it is missing."""
        from adapters.postgres.queue import PostgresServerJobs

        return PostgresServerJobs(self.connection)
