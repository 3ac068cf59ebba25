"""This process as a worker in the middle of a prompt, shown to others as a daemon is."""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from adapters.sqlite.connection import Connection
from application.ports.events import RenderPreviewed, RenderStarted
from application.ports.prompt_repository import Selection
from entrypoints.building import build_clock, build_processes
from entrypoints.settings.resolution import database_path
from entrypoints.showing import build_live_writer, build_worker_state
from tests.owners import sqlite_repository

if TYPE_CHECKING:
    from collections.abc import Iterator

    from application.ports.events import Event
    from domain.render import Claim
    from entrypoints.settings.loading import LoadedSettings


class ShownWorker:
    """Shows what it is told at once, where a daemon takes a quarter of a second.

    Attributes:
        claim: what it renders.
    """

    def __init__(self, loaded: LoadedSettings, claim: Claim) -> None:
        clock = build_clock()
        self.claim = claim
        self._state = build_worker_state("daemon")
        self._parts = loaded, self._state, build_processes(clock), clock
        self._writer = build_live_writer(*self._parts)
        self.tell(RenderStarted(claim.prompt_id, claim.render_id, claim.kind))

    def preview(self, picture: bytes) -> None:
        """A server shows the picture as it is so far."""
        about = self.claim.prompt_id, self.claim.render_id
        self.tell(RenderPreviewed(*about, picture, "image/jpeg"))

    def tell(self, event: Event) -> None:
        """Something happens."""
        self._state.notice(event)
        self.close()
        self._writer = build_live_writer(*self._parts)
        self._writer.flush()

    def close(self) -> None:
        """Show nothing any more."""
        self._writer.close()


@contextmanager
def shown_worker(loaded: LoadedSettings) -> Iterator[ShownWorker]:
    """A worker that claimed the next prompt of the database; in the end it is lost."""
    with closing(Connection(database_path(loaded), 5.0)) as connection:
        claim = sqlite_repository(connection).claim_next(Selection())
    assert claim
    worker = ShownWorker(loaded, claim)
    try:
        yield worker
    finally:
        worker.close()
