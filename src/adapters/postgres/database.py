"""The shared database in PostgreSQL over one session."""

from __future__ import annotations

from contextlib import closing
from functools import cached_property
from typing import TYPE_CHECKING, Any

from adapters.postgres.address import UnreachableError
from adapters.postgres.connection import Connection, LostSessionError
from adapters.postgres.statements import statements
from adapters.sql_queue.database import SqlDatabase
from adapters.sql_queue.shared_schema import check_shared_tables
from application.ports.prompt_repository import RepositoryError

if TYPE_CHECKING:
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


class PostgresDatabase(SqlDatabase):
    """A PostgreSQL database over one session; what writes persists through lost sessions.

    Args:
        address: of the database.
        timeout: seconds to wait for locks of other programs, and for a server that is away.
        write_timeouts: number of timeouts that a write waits.
        details: the other arguments of SqlDatabase.

    Raises:
        RepositoryError: there is no session.
    """

    def __init__(
        self,
        address: PostgresAddress,
        timeout: float,
        write_timeouts: int = 1,
        **details: Any,  # noqa: ANN401 - as SqlDatabase has them
    ) -> None:
        super().__init__(Connection(address, timeout, write_timeouts), **details)

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
