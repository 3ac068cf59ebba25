"""Opening what a command needs, and closing it again."""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from entrypoints import building

if TYPE_CHECKING:
    from collections.abc import Iterator

    from application.ports.prompt_catalogue import PromptCatalogue
    from application.ports.prompt_intake import PromptIntake
    from application.ports.prompt_repository import PromptRepository
    from application.ports.queue_controls import QueueControls
    from entrypoints.cli.invocation import Invocation

# The injector costs a third of what a command that only looks may take to start, and needs no
# thinking about where one part is wanted: the same functions build it.


@contextmanager
def opened_catalogue(invocation: Invocation) -> Iterator[PromptCatalogue]:
    """The queue, to look at.

    Raises:
        RepositoryError: the database cannot be used.
        SettingsError: it is not known which one.
    """
    with closing(building.build_connection(invocation.settings())) as connection:
        yield building.build_catalogue(connection)


@contextmanager
def opened_queue(invocation: Invocation) -> Iterator[tuple[PromptCatalogue, QueueControls]]:
    """The queue to look at, and its switches. Raises as for the catalogue."""
    with closing(building.build_connection(invocation.settings())) as connection:
        yield building.build_catalogue(connection), building.build_controls(connection)


@contextmanager
def opened_intake(invocation: Invocation) -> Iterator[PromptIntake]:
    """Where prompts come in. Raises as for the catalogue."""
    with closing(building.build_connection(invocation.settings())) as connection:
        yield building.build_intake(connection)


@contextmanager
def opened_repository(invocation: Invocation) -> Iterator[PromptRepository]:
    """The queue, to work on. Raises as for the catalogue."""
    loaded = invocation.settings()
    with closing(building.build_connection(loaded)) as connection:
        clock = building.build_clock()
        processes = building.build_processes(clock)
        yield building.build_repository(loaded, connection, processes, clock)
