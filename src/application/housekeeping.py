"""Housekeeping: removes what has expired: renders, their output, hook deliveries, waste."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from application.ports.prompt_repository import RepositoryError

if TYPE_CHECKING:
    from application.ports.artifact_store import ArtifactStore
    from application.ports.hooks import HookOutbox
    from application.ports.render_logs import RenderLogs
    from application.ports.renders import RenderHistory
    from application.ports.system import Clock
    from application.wastebasket import Wastebasket

_INTERVAL = 3600.0  # seconds between the end of one round and the next
_INTERVAL_AFTER_ERROR = 60.0  # seconds
_BATCH_SIZE = 200  # renders in one transaction: a few milliseconds, even if all are removed
_MAX_BATCHES = 25  # in one tick
# A hook that does not respond is retried for hours, and may be fixed only after a weekend.
_MIN_DELIVERY_AGE = timedelta(days=7)


class Housekeeping:
    """Removes renders that ended long ago, their output, and old hook deliveries.

    One thread uses it; other processes may do the same at the same time.

    Args:
        history: ended renders.
        outbox: messages for hooks, or None without hooks.
        logs: output of the renders.
        store: knows which renders left files that are not removed yet.
        clock: wall clock and monotonic clock.
        retention: how long renders are kept, or None for ever.
        wastebasket: of published files; None if their place is unknown.
    """

    def __init__(
        self,
        history: RenderHistory,
        outbox: HookOutbox | None,
        logs: RenderLogs,
        store: ArtifactStore,
        clock: Clock,
        retention: timedelta | None,
        wastebasket: Wastebasket | None = None,
    ) -> None:
        self._history = history
        self._outbox = outbox
        self._logs = logs
        self._store = store
        self._clock = clock
        self._retention = retention
        self._wastebasket = wastebasket
        self._last_render_id = 0
        self._due = clock.monotonic()

    def tick(self) -> None:
        """Do a part of what is due, within milliseconds; call it every few seconds.

        A round starts with the first call and then once an hour, and may take many calls, so that
        neither the database nor the program's end has to wait for it.

        Raises:
            RepositoryError: the database cannot be used; the next try is in a minute.
        """
        if self._clock.monotonic() < self._due:
            return
        try:
            if self._retention is None or self._remove_expired(self._retention):
                self._logs.sweep()
                if self._wastebasket is not None:
                    self._wastebasket.empty_expired(self._clock.now())
                self._due = self._clock.monotonic() + _INTERVAL
        except RepositoryError:
            self._due = self._clock.monotonic() + _INTERVAL_AFTER_ERROR
            raise

    def _remove_expired(self, retention: timedelta) -> bool:
        """Continue the round; returns whether it is complete."""
        if self._store.preflight() is not None:
            return True  # leftover files cannot be listed now: try in the next round
        now = self._clock.now()
        if self._last_render_id == 0 and self._outbox is not None:
            self._outbox.prune(now - max(retention, _MIN_DELIVERY_AGE))
        # Only folders that our rows name are ever removed: a row stays until its folders are gone.
        keep = frozenset(trace.render_id for trace in self._store.leftovers())
        for _ in range(_MAX_BATCHES):
            forgotten = self._history.forget_before(
                now - retention, after=self._last_render_id, limit=_BATCH_SIZE, keep=keep
            )
            self._logs.forget(forgotten.render_ids)
            self._last_render_id = forgotten.looked_up_to or 0
            if forgotten.looked_up_to is None:
                return True
        return False
