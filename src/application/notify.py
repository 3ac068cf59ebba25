"""Telling hooks how prompts ended: none in the way of another, or of a render."""

from __future__ import annotations

from threading import Thread
from typing import TYPE_CHECKING

from application.courier import GRACE_SECONDS, LOOK_SECONDS
from application.ports.notices import NoticeCounts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from application.courier import Courier, Delivery
    from application.ports.clock import Clock
    from application.ports.notices import Notices
    from application.stopping import StopRequest


class Notifier:
    """All hooks; each is served in a thread of its own, so that none holds the others back.

    Args:
        couriers: one for each hook.
        notices: of this database; None where there are no hooks.
        clock: its monotonic side.
    """

    def __init__(self, couriers: Sequence[Courier], notices: Notices | None, clock: Clock) -> None:
        self._couriers = tuple(couriers)
        self._notices = notices
        self._clock = clock

    @property
    def has_hooks(self) -> bool:
        """Whether there is anybody to tell."""
        return bool(self._couriers)

    def listen(self, listener: Callable[[Delivery], None]) -> None:
        """Tell it of every try, from whatever thread; to be called before ``run``."""
        for courier in self._couriers:
            courier.listen(listener)

    def counts(self) -> NoticeCounts:
        """How many notices there are; none where there are no hooks."""
        return self._notices.counts() if self._notices else NoticeCounts(0, 0)

    def ring(self) -> None:
        """A prompt ended, or the stop was asked for: look at once. Safe from any thread."""
        for courier in self._couriers:
            courier.ring()

    def tick(self, stop: StopRequest) -> None:
        """Deliver everything that is due, in this thread, one hook after the other."""
        for courier in self._couriers:
            courier.tick(stop)

    def run(self, stop: StopRequest) -> None:
        """Deliver until the stop is asked for; returns a few seconds after that at most.

        What a receiver still keeps waiting then is left behind in a thread that does not hold
        up the end of the program; its notice is due again once its lease ends.
        """
        threads = [
            Thread(target=courier.run, args=(stop,), name="hook", daemon=True)
            for courier in self._couriers
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive() and not stop.made:
                thread.join(LOOK_SECONDS / 4)
        end = self._clock.monotonic() + GRACE_SECONDS + 1.0
        for thread in threads:
            thread.join(max(0.0, end - self._clock.monotonic()))

    def settle(self, seconds: float, stop: StopRequest) -> bool:
        """Wait until everything that is due now was tried once, while ``run`` runs.

        False when it took longer, or the stop was asked for.
        """
        looks = [(courier, courier.ring()) for courier in self._couriers]
        end = self._clock.monotonic() + seconds
        for courier, look in looks:
            while not courier.settled(look, 0.05):
                if stop.made or self._clock.monotonic() >= end:
                    return False
        return True
