"""The switches that survive a restart, for as long as the tables in memory do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from application.ports.queue_controls import Pause, PausedBy

if TYPE_CHECKING:
    from adapters.memory.database import InMemoryDatabase
    from application.ports.clock import Clock


class InMemoryQueueControls:
    """Pausing and resuming, without a file."""

    def __init__(self, database: InMemoryDatabase, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def paused(self) -> Pause | None:
        """The pause that is in force."""
        return self._database.pause

    def pause(self, by: PausedBy, reason: str, code: str, suspects: tuple[int, ...]) -> None:
        """Pause the queue. A person's pause is never replaced by the environment's."""
        current = self._database.pause
        if by is PausedBy.PERSON or current is None or current.by is not PausedBy.PERSON:
            since = f"{self._clock.now():%Y-%m-%d %H:%M:%S}"
            self._database.pause = Pause(by, reason, code, since, suspects)

    def resume(self, by: PausedBy | None = None) -> bool:
        """End the pause; with ``by`` only one that was made so. Whether there was one."""
        current = self._database.pause
        if current is None or (by is not None and current.by is not by):
            return False
        self._database.pause = None
        return True
