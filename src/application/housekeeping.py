"""The daemon's chores: what is only kept for a while goes, a little at a time."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from application.ports.prompt_repository import RepositoryError

if TYPE_CHECKING:
    from application.ports.artifact_store import ArtifactStore
    from application.ports.clock import Clock
    from application.ports.notices import Notices
    from application.ports.render_history import RenderHistory
    from application.ports.render_logs import RenderLogs

_EVERY = 3600.0  # seconds between the end of one round and the next
_AFTER_TROUBLE = 60.0  # seconds
_BATCH = 200  # renders that are looked at in one go: some milliseconds, even if all of them go
_BATCHES_A_TICK = 25
# A hook that does not answer is tried for hours, and may be mended over a weekend.
_NOTICES_STAY = timedelta(days=7)


class Housekeeping:
    """Removes renders that ended long ago, with what they printed, and old notices.

    One thread uses it; other processes may do the same at the same time.

    Args:
        history: of the renders.
        notices: that hooks never got, or None where there are none.
        logs: what the renders printed.
        store: knows which renders left something that is still to be swept.
        clock: both sides of it.
        retention: how long things are kept, or None for ever.
    """

    def __init__(
        self,
        history: RenderHistory,
        notices: Notices | None,
        logs: RenderLogs,
        store: ArtifactStore,
        clock: Clock,
        retention: timedelta | None,
    ) -> None:
        self._history = history
        self._notices = notices
        self._logs = logs
        self._store = store
        self._clock = clock
        self._retention = retention
        self._looked_up_to = 0
        self._due = clock.monotonic()

    def tick(self) -> None:
        """Do some of what is due; cheap when nothing is. To be called every few seconds.

        A round begins at the first call and once an hour, and may take many calls, so that
        neither the database nor the end of the program has to wait for it.

        Raises:
            RepositoryError: the database cannot be used; it is tried again in a minute.
        """
        if self._clock.monotonic() < self._due:
            return
        try:
            if self._retention is None or self._forget(self._retention):
                self._logs.sweep()
                self._due = self._clock.monotonic() + _EVERY
        except RepositoryError:
            self._due = self._clock.monotonic() + _AFTER_TROUBLE
            raise

    def _forget(self, retention: timedelta) -> bool:
        """Go on with the round; says whether it is done."""
        if self._store.preflight() is not None:
            return True  # what renders left cannot be seen now: another time
        now = self._clock.now()
        if self._looked_up_to == 0 and self._notices is not None:
            self._notices.forget(now - max(retention, _NOTICES_STAY))
        # Only what our rows name is ever swept: a row stays until its folders are gone.
        keep = frozenset(trace.render_id for trace in self._store.traces())
        for _ in range(_BATCHES_A_TICK):
            forgotten = self._history.forget_before(
                now - retention, after=self._looked_up_to, limit=_BATCH, keep=keep
            )
            self._logs.forget(forgotten.render_ids)
            self._looked_up_to = forgotten.looked_up_to or 0
            if forgotten.looked_up_to is None:
                return True
        return False
