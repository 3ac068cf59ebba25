"""This process as a worker that is rendering a prompt and publishes live state like a daemon."""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from adapters.sqlite.connection import Connection
from application.ports.events import RenderPreviewed, RenderStarted
from application.ports.prompt_repository import Selection
from entrypoints.container import compose
from entrypoints.settings.resolution import database_path
from tests.worker_identities import sqlite_repository

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adapters.live_state.writer import LiveStateWriter
    from application.ports.events import Event
    from domain.render import Claim
    from entrypoints.settings.loader import LoadedSettings


class LiveWorker:
    """Publishes each event to the live state at once; a daemon takes a quarter of a second.

    Attributes:
        claim: the prompt being rendered.
    """

    def __init__(self, loaded: LoadedSettings, claim: Claim) -> None:
        self.claim = claim
        self._loaded = loaded
        self._state = compose(loaded, command="daemon").worker_state()
        self._writer = self._new_writer()
        self.emit(RenderStarted(claim.prompt_id, claim.render_id, claim.kind))

    def preview(self, picture: bytes) -> None:
        """Publish a preview of the unfinished picture."""
        about = self.claim.prompt_id, self.claim.render_id
        self.emit(RenderPreviewed(*about, picture, "image/jpeg"))

    def emit(self, event: Event) -> None:
        """Handle an event, and write the live state."""
        self._state.handle(event)
        self.close()
        self._writer = self._new_writer()
        self._writer.flush()

    def close(self) -> None:
        """Remove the live state."""
        self._writer.close()

    def _new_writer(self) -> LiveStateWriter:
        return compose(self._loaded, worker_state=self._state).live_writer()


@contextmanager
def live_worker(loaded: LoadedSettings) -> Iterator[LiveWorker]:
    """A worker that claimed the next prompt of the database; it is lost when the block ends."""
    with closing(Connection(database_path(loaded), 5.0)) as connection:
        claim = sqlite_repository(connection).claim_next(Selection())
    assert claim
    worker = LiveWorker(loaded, claim)
    try:
        yield worker
    finally:
        worker.close()
