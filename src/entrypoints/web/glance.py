"""The queue at a glance, counted once for all who look."""

from __future__ import annotations

import time
from threading import Lock
from typing import TYPE_CHECKING, Final

from application.ports.prompt_repository import RepositoryError

if TYPE_CHECKING:
    from collections.abc import Callable

    from application.ports.prompt_catalogue import PromptCatalogue, QueueSummary, RenderRecord
    from application.ports.queue_watch import QueueWatch

_OLDEST_SECONDS: Final = 5.0  # some counts change with the clock: retries become due
_LONGEST_REST: Final = 1.0  # seconds; a page is to show what happened within two
_MOST_TEXTS: Final = 256  # of renders; a machine has few slots
_RESTS: Final = 4  # times as long as the counting took, while others commit without a pause


class Glance:
    """Keeps the last summary for as long as nobody commits. Safe from any thread.

    Counting goes over every prompt, and each page that is open asks every second.

    Args:
        watch: opens what notices commits of others; closed by whoever opened it.
        now: seconds.
    """

    def __init__(
        self, watch: Callable[[], QueueWatch], now: Callable[[], float] = time.monotonic
    ) -> None:
        self._open_watch = watch
        self._now = now
        self._lock = Lock()
        self._watch: QueueWatch | None = None
        self._summary: QueueSummary | None = None
        self._counted_at = 0.0
        self._cost = 0.0
        self._stale = False
        self._texts: dict[int, str] = {}

    def summary(self, catalogue: Callable[[], PromptCatalogue]) -> QueueSummary:
        """The summary, a second old at most.

        Raises:
            RepositoryError: the database cannot be used.
        """
        with self._lock:
            old = self._is_old()
            if old or self._summary is None:
                began = self._now()
                self._stale = False
                self._summary = None
                self._summary = catalogue().summary()
                self._counted_at = self._now()
                self._cost = self._counted_at - began
            return self._summary

    def text_of(self, render: RenderRecord, catalogue: Callable[[], PromptCatalogue]) -> str:
        """What the prompt of a render asks for, looked up once. Raises RepositoryError."""
        with self._lock:
            if render.render_id not in self._texts:
                record = catalogue().find(render.prompt_id)
                if len(self._texts) >= _MOST_TEXTS:
                    self._texts.clear()
                self._texts[render.render_id] = record.prompt.text if record else ""
            return self._texts[render.render_id]

    def forget(self) -> None:
        """Count anew when somebody looks next: something was changed here."""
        self._stale = True
        self._cost = 0.0

    def _is_old(self) -> bool:
        self._stale = self._changed() or self._stale
        age = self._now() - self._counted_at
        if age >= _OLDEST_SECONDS:
            return True
        return self._stale and age >= min(_LONGEST_REST, _RESTS * self._cost)

    def _changed(self) -> bool:
        try:
            if self._watch is None:
                self._watch = self._open_watch()
            return self._watch.changed()
        except RepositoryError:  # moved away or replaced: what is there now is looked at anew
            self._watch = None
            self._summary = None
            return True
