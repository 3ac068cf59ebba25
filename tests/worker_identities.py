"""Identities of workers, and repositories that claim prompts for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.sql_queue.prompt_repository import SqlPromptRepository
from domain.lease import ProcessIdentity
from tests.fakes.system import ManualClock

if TYPE_CHECKING:
    from adapters.sqlite.connection import Connection
    from application.ports.system import Clock

ME = ProcessIdentity(host="here", boot="boot-1", namespace="", pid=1000, started="1")
OTHER = ProcessIdentity(host="elsewhere", boot="boot-7", namespace="pid:[4]", pid=7, started="70")


def sqlite_repository(
    connection: Connection,
    owner: ProcessIdentity = ME,
    clock: Clock | None = None,
    *,
    create_indexes: bool = True,
    all_variants: bool = False,
    by_priority: bool = False,
) -> SqlPromptRepository:
    """A SQLite repository whose renders belong to the given owner."""
    return SqlPromptRepository(
        connection,
        owner,
        clock or ManualClock(),
        create_indexes=create_indexes,
        all_variants=all_variants,
        by_priority=by_priority,
    )
