"""This process as a worker in the middle of a prompt, shown to others as a daemon is."""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from adapters.sqlite.connection import Connection
from application.ports.events import RenderPreviewed, RenderStarted
from application.ports.prompt_repository import Selection
from entrypoints.container import compose
from entrypoints.settings.resolution import database_path
from tests.owners import sqlite_repository

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adapters.live_state.writer import LiveStateWriter
    from application.ports.events import Event
    from domain.render import Claim
    from entrypoints.settings.loader import LoadedSettings


class ShownWorker:
    """Shows what it is told at once, where a daemon takes a quarter of a second.

    Attributes:
        claim: what it renders.
    """

    def __init__(self, loaded: LoadedSettings, claim: Claim) -> None:
        self.claim = claim
        self._loaded = loaded
        self._state = compose(loaded, command="daemon").worker_state()
        self._writer = self._new_writer()
        self.tell(RenderStarted(claim.prompt_id, claim.render_id, claim.kind))

    def preview(self, picture: bytes) -> None:
        """A server shows the picture as it is so far."""
        about = self.claim.prompt_id, self.claim.render_id
        self.tell(RenderPreviewed(*about, picture, "image/jpeg"))

    def tell(self, event: Event) -> None:
        """Something happens."""
        self._state.handle(event)
        self.close()
        self._writer = self._new_writer()
        self._writer.flush()

    def close(self) -> None:
        """Show nothing any more."""
        self._writer.close()

    def _new_writer(self) -> LiveStateWriter:
        return compose(self._loaded, worker_state=self._state).live_writer()


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
