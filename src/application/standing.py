"""A render slot that never ends: it waits for prompts, and for trouble to pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

from application.mistakes import what_and_where
from application.ports.events import WorkerTroubled
from application.ports.prompt_repository import RepositoryBusyError, RepositoryError

if TYPE_CHECKING:
    from application.admission import Admission
    from application.bell import Bell
    from application.ports.clock import Clock
    from application.ports.events import EventListener
    from application.ports.prompt_repository import PromptRepository, Selection
    from application.slot import RenderSlot
    from application.stopping import StopRequest

_LONGEST_WAIT = 60.0  # seconds without a look, should every ring have been missed
_SHORT_WAIT = 5.0  # seconds, while something is known to be wrong


class StandingSlot:
    """Renders what comes until it is told to stop. One thread runs it.

    Args:
        slot: where the prompts are rendered.
        repository: the queue.
        admission: what may be claimed.
        bell: rings when something may have become pending, or must be looked at anew.
        clock: time.
        events: is told of trouble.
        selection: which prompts the slot takes.
    """

    def __init__(
        self,
        slot: RenderSlot,
        repository: PromptRepository,
        admission: Admission,
        bell: Bell,
        clock: Clock,
        events: EventListener,
        selection: Selection,
    ) -> None:
        self._slot = slot
        self._repository = repository
        self._admission = admission
        self._bell = bell
        self._clock = clock
        self._events = events
        self._selection = selection
        self._trouble = ""

    def run(self, stop: StopRequest, retire: StopRequest) -> None:
        """Render until told to stop.

        Args:
            stop: ends at once; the prompt that is being rendered is given back.
            retire: ends after the prompt that is being rendered.
        """
        while not _ended(stop, retire):
            seen = self._bell.rings
            wait = self.turn(stop, retire)
            if not _ended(stop, retire):
                self._bell.wait(seen, wait)

    def turn(self, stop: StopRequest, retire: StopRequest) -> float:
        """Render what can be rendered now; gives the seconds until the next look."""
        try:
            while not _ended(stop, retire):
                if not self._render_one(stop, retire):
                    self._trouble = ""
                    return self._patience()
        except RepositoryBusyError as error:
            return self._told(str(error), 0.0)
        except (RepositoryError, OSError) as error:
            return self._told(str(error), _SHORT_WAIT)
        except Exception as error:  # noqa: BLE001 - the slot must not end while the daemon goes on
            mistake = f"a mistake in Media Generator, please report it: {what_and_where(error)}"
            return self._told(mistake, _SHORT_WAIT)
        return 0.0

    def _render_one(self, stop: StopRequest, retire: StopRequest) -> bool:
        held = self._slot.take(self._selection)
        found = held is not None
        while held is not None:
            _, held = self._slot.attend(
                held, stop, lambda: None if _ended(stop, retire) else self._selection
            )
        return found

    def _patience(self) -> float:
        standing = self._admission.standing()
        if standing.refuses or standing.broken:
            probe = self._admission.seconds_to_probe()
            return _SHORT_WAIT if probe is None else min(_SHORT_WAIT, max(probe, 0.1))
        due = self._repository.next_retry_at(self._selection)
        if due is None:
            return _LONGEST_WAIT
        left = (due - self._clock.now()).total_seconds()
        return min(max(left, 0.01), _LONGEST_WAIT)

    def _told(self, trouble: str, wait: float) -> float:
        """Say once what is wrong, and for how long to leave it alone."""
        if trouble != self._trouble:
            self._trouble = trouble
            self._events.notice(WorkerTroubled(self._trouble))
        return wait


def _ended(*requests: StopRequest) -> bool:
    return any(request.made for request in requests)
