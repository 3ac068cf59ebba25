"""The queue in PostgreSQL: whole transactions are repeated after a conflict or a lost session."""

from __future__ import annotations

from functools import partial, wraps
from typing import TYPE_CHECKING, Any, TypeVar

from adapters.sql_queue.controls import SqlQueueControls
from adapters.sql_queue.hook_outbox import SqlHookOutbox
from adapters.sql_queue.intake import SqlPromptIntake
from adapters.sql_queue.plans import SqlPublicationPlans
from adapters.sql_queue.prompt_repository import SqlPromptRepository
from adapters.sql_queue.renders import SqlRenderHistory, SqlRenderLeases, SqlServerJobs
from adapters.sql_queue.workflow_records import SqlWorkflowRecords

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T", bound=type)


def _persistent(*names: str) -> Callable[[T], T]:
    """Let these methods, each of which is one transaction, persist (``Connection.persist``)."""

    def decorated(cls: T) -> T:
        for name in names:
            setattr(cls, name, _persisting(getattr(cls, name)))
        return cls

    return decorated


def _persisting(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def persisting(self: Any, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - of any method
        return self._connection.persist(partial(method, self, *args, **options))

    return persisting


@_persistent(
    "rehearse",
    "claim_next",
    "publish_and_claim",
    "fail",
    "postpone",
    "release",
    "cancel",
    "move",
    "move",
    "requeue",
)
class PostgresPromptRepository(SqlPromptRepository):
    """The shared database as a queue."""


@_persistent("heartbeat", "record_workflow", "abandon", "adopt")
class PostgresRenderLeases(SqlRenderLeases):
    """Leases, over a connection of their own."""


@_persistent("record")
class PostgresWorkflowRecords(SqlWorkflowRecords):
    """Named workflows of prompts and renders."""


@_persistent("forget_before")
class PostgresRenderHistory(SqlRenderHistory):
    """Renders that ended."""


@_persistent("record", "forget", "orphaned")
class PostgresServerJobs(SqlServerJobs):
    """Jobs on render servers."""


@_persistent("acquire", "delivered", "release", "postpone", "give_up", "prune")
class PostgresHookOutbox(SqlHookOutbox):
    """The hook outbox."""


@_persistent("write", "drop")
class PostgresPublicationPlans(SqlPublicationPlans):
    """What renders of all machines are about to publish."""


@_persistent("pause", "resume")
class PostgresQueueControls(SqlQueueControls):
    """Pauses and resumes the queue."""


@_persistent("submit")
class PostgresPromptIntake(SqlPromptIntake):
    """Inserts prompts and writings."""
