"""Opening what a command needs, and closing it again."""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adapters.sqlite.connection import Connection
    from application.ports.prompt_catalogue import PromptCatalogue
    from application.ports.prompt_intake import PromptIntake
    from application.ports.prompt_repository import PromptRepository
    from entrypoints.cli.invocation import Invocation

# The injector costs a third of what a command that only looks may take to start, and two plain
# constructors need no injecting.


@contextmanager
def opened_catalogue(invocation: Invocation) -> Iterator[PromptCatalogue]:
    """The queue, to look at.

    Raises:
        RepositoryError: the database cannot be used.
        SettingsError: it is not known which one.
    """
    from adapters.sqlite.prompt_catalogue import SqlitePromptCatalogue

    with _opened(invocation) as connection:
        yield SqlitePromptCatalogue(connection)


@contextmanager
def opened_intake(invocation: Invocation) -> Iterator[PromptIntake]:
    """Where prompts come in. Raises as for the catalogue."""
    from adapters.sqlite.prompt_intake import SqlitePromptIntake

    with _opened(invocation) as connection:
        yield SqlitePromptIntake(connection)


@contextmanager
def opened_repository(invocation: Invocation) -> Iterator[PromptRepository]:
    """The queue, to work on. Raises as for the catalogue."""
    import os
    import socket

    from adapters.sqlite.prompt_repository import SqlitePromptRepository

    settings = invocation.settings().settings
    with _opened(invocation) as connection:
        yield SqlitePromptRepository(
            connection,
            f"{socket.gethostname()}:{os.getpid()}",
            create_indexes=settings.database.create_indexes,
            all_variants=settings.media.variants == "all",
        )


@contextmanager
def _opened(invocation: Invocation) -> Iterator[Connection]:
    from adapters.sqlite.connection import Connection
    from entrypoints.settings.resolution import database_path

    loaded = invocation.settings()
    path = database_path(loaded)
    with closing(Connection(path, loaded.settings.database.timeout)) as connection:
        yield connection
