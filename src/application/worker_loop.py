"""The daemon's worker loop: renders prompts, and waits for new ones and for errors to end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from application.ports.events import WorkerError
from application.ports.prompt_repository import RepositoryBusyError, RepositoryError
from domain.failure import describe_exception

if TYPE_CHECKING:
    from application.admission import Admission
    from application.leases import HeldLease
    from application.ports.events import EventListener
    from application.ports.prompt_repository import PromptRepository, Selection
    from application.ports.system import Clock
    from application.signals import StopRequest, WakeSignal
    from application.slot import RenderSlot
    from application.turns import Turn

_MAX_WAIT = 60.0  # seconds between two checks, in case every wake-up was missed
_SHORT_WAIT = 5.0  # seconds between two checks during an error or a pause
_PLACE_WAIT = 0.5  # seconds between two checks whether the renderer has a place for the slot


class WorkerLoop:
    """Renders prompts until a stop is requested. For one lane of a slot.

    Args:
        slot: renders the prompts.
        repository: the queue.
        admission: decides what may be claimed.
        wake: signals that a prompt may have become pending, or that the loop must check again.
        clock: the time.
        events: receives errors.
        selection: the prompts that the slot takes.
    """

    def __init__(
        self,
        slot: RenderSlot,
        repository: PromptRepository,
        admission: Admission,
        wake: WakeSignal,
        clock: Clock,
        events: EventListener,
        selection: Selection,
    ) -> None:
        self._slot = slot
        self._repository = repository
        self._admission = admission
        self._wake = wake
        self._clock = clock
        self._events = events
        self._selection = selection
        self._reported = ""
        self._turn: Turn | None = None  # kept while it waits: the other lane need not look too

    def run(self, stop: StopRequest, retire: StopRequest) -> None:
        """Render until a stop is requested.

        Args:
            stop: ends the loop at once: the prompt that is being rendered is given back, and one
                that has rendered is published.
            retire: ends the loop after the prompt that is being rendered.
        """
        try:
            while not _ended(stop, retire):
                seen = self._wake.count
                wait = self.render_available(stop, retire)
                if not _ended(stop, retire):
                    self._wake.wait(seen, wait)
        finally:
            if self._turn is not None:
                self._turn.end()

    def render_available(self, stop: StopRequest, retire: StopRequest) -> float:
        """Render every prompt that can be rendered now; returns the seconds until the next check.

        Args:
            stop: as for ``run``.
            retire: as for ``run``.
        """
        try:
            while not _ended(stop, retire):
                if not self._render_one(stop, retire):
                    self._reported = ""
                    return self._seconds_to_check()
        except RepositoryBusyError as error:
            return self._report(str(error), 0.0)
        except (RepositoryError, OSError) as error:
            return self._report(str(error), _SHORT_WAIT)
        except Exception as error:  # noqa: BLE001 - the slot must not end while the daemon runs
            bug = f"a bug in Media Generator, please report it: {describe_exception(error)}"
            return self._report(bug, _SHORT_WAIT)
        return 0.0

    def _render_one(self, stop: StopRequest, retire: StopRequest) -> bool:
        turn = self._turn = self._turn or self._slot.turns.take()
        if _ended(stop, retire):
            return True
        held = self._slot.acquire(self._selection, turn)
        if held is None:
            return False
        self._turn = None  # it is the lease's now
        leases: tuple[HeldLease, ...] = (held,)
        while leases:
            leases = self._slot.process(
                leases,
                stop,
                lambda most: None if _ended(stop, retire) else (self._selection, most),
                retire=retire,
            )
        return True

    def _seconds_to_check(self) -> float:
        wait = self._admission.seconds_to_check()
        if self._slot.without_place:
            return _PLACE_WAIT if wait is None else min(wait, _PLACE_WAIT)
        if wait is not None:
            return wait
        due = self._repository.next_retry_at(self._selection)
        if due is None:
            return _MAX_WAIT
        left = (due - self._clock.now()).total_seconds()
        return min(max(left, 0.01), _MAX_WAIT)

    def _report(self, reason: str, wait: float) -> float:
        """Report an error once; returns the seconds until the next check."""
        if reason != self._reported:
            self._reported = reason
            self._events.handle(WorkerError(reason))
        return wait


def _ended(*requests: StopRequest) -> bool:
    return any(request.made for request in requests)
