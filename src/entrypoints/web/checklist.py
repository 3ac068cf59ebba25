"""The doctor's findings, looked up in the background so that no request waits for them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from threading import Lock, Thread
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from application.ports.health import Check

FRESH_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Findings:
    """What is known at this moment.

    Attributes:
        checks: of the last look that ended; empty before the first one has.
        age_seconds: since that look ended; None before.
        looking: whether another look goes on.
    """

    checks: tuple[Check, ...]
    age_seconds: float | None
    looking: bool


class Checklist:
    """Looks again when somebody asks and the last look is old. Safe from any thread.

    Args:
        look: examines everything; may take many seconds.
        now: seconds, in order to tell how old findings are.
    """

    def __init__(
        self, look: Callable[[], Iterable[Check]], now: Callable[[], float] = time.monotonic
    ) -> None:
        self._look = look
        self._now = now
        self._lock = Lock()
        self._checks: tuple[Check, ...] = ()
        self._ended: float | None = None
        self._thread: Thread | None = None

    def findings(self) -> Findings:
        """What is known, at once; a look begins where that is old."""
        with self._lock:
            age = None if self._ended is None else self._now() - self._ended
            if self._thread is None and (age is None or age >= FRESH_SECONDS):
                self._thread = Thread(target=self._refresh, name="checklist", daemon=True)
                self._thread.start()
            return Findings(self._checks, age, self._thread is not None)

    def wait(self, seconds: float) -> None:
        """Wait until no look goes on."""
        if thread := self._thread:
            thread.join(seconds)

    def _refresh(self) -> None:
        checks: tuple[Check, ...] | None = None
        try:
            checks = tuple(self._look())
        finally:
            with self._lock:
                self._checks = self._checks if checks is None else checks
                self._ended = self._now()
                self._thread = None
