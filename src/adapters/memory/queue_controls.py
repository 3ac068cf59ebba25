"""The switches that survive a restart, for as long as the tables in memory do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.memory.database import transaction
from application.ports.queue_controls import Pause, PausedBy

if TYPE_CHECKING:
    from adapters.memory.database import InMemoryDatabase
    from application.ports.clock import Clock


class InMemoryQueueControls:
    """Pausing and resuming, without a file. Safe to use from several threads."""

    def __init__(self, database: InMemoryDatabase, clock: Clock) -> None:
        self.database = database
        self._clock = clock

    @transaction
    def paused(self) -> Pause | None:
        """The pause that is in force."""
        return self.database.pause

    @transaction
    def pause(self, by: PausedBy, reason: str, code: str, suspects: tuple[int, ...]) -> None:
        """Pause the queue. A person's pause is never replaced by the environment's."""
        current = self.database.pause
        if by is PausedBy.PERSON or current is None or current.by is not PausedBy.PERSON:
            since = f"{self._clock.now():%Y-%m-%d %H:%M:%S}"
            if by is PausedBy.ENVIRONMENT and current and current.code == code:
                since = current.since  # found broken again, it has been so all the while
            self.database.pause = Pause(by, reason, code, since, suspects)

    @transaction
    def resume(self, by: PausedBy | None = None) -> bool:
        """End the pause; with ``by`` only one that was made so. Whether there was one."""
        current = self.database.pause
        if current is None or (by is not None and current.by is not by):
            return False
        self.database.pause = None
        return True
