"""Telling one hook how prompts ended: at least once, one thing after the other."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from threading import Condition
from typing import TYPE_CHECKING

from application.ports.prompt_repository import RepositoryError

if TYPE_CHECKING:
    from collections.abc import Callable

    from application.ports.chance import Chance
    from application.ports.clock import Clock
    from application.ports.notice_sender import NoticeSender, Refusal
    from application.ports.notices import Notices
    from application.stopping import StopRequest
    from domain.notice import DeliveryPolicy, Notice, Subscription

LOOK_SECONDS = 1.0  # between two looks for what is due
LEASE_MARGIN = 60.0  # seconds beyond its time limit in which a delivery is written down
GRACE_SECONDS = 2.0  # what a delivery that is under way gets once the stop is asked for
_LONGEST_ERROR = 500


@dataclass(frozen=True, slots=True)
class Delivered:
    """A hook was told."""

    notice: Notice


@dataclass(frozen=True, slots=True)
class Postponed:
    """A hook could not be told, and will be told later.

    Attributes:
        wait: seconds until the next try.
    """

    notice: Notice
    error: str
    wait: float


@dataclass(frozen=True, slots=True)
class GivenUp:
    """A hook will not be told any more."""

    notice: Notice
    error: str


Delivery = Delivered | Postponed | GivenUp


class Courier:
    """Delivers what one hook is to get, one notice after the other.

    Args:
        subscription: the hook.
        sender: where it is told.
        notices: of this database.
        policy: how often and how late a failed delivery is tried again.
        timeout_seconds: the longest that one delivery may take.
        clock: the wall clock for what is due, the monotonic one for limits.
        chance: spreads the waits.
    """

    def __init__(
        self,
        subscription: Subscription,
        sender: NoticeSender,
        notices: Notices,
        policy: DeliveryPolicy,
        timeout_seconds: float,
        clock: Clock,
        chance: Chance,
    ) -> None:
        self._subscription = subscription
        self._sender = sender
        self._notices = notices
        self._policy = policy
        self._timeout = timeout_seconds
        self._clock = clock
        self._chance = chance
        self._listeners: list[Callable[[Delivery], None]] = []
        self._news = Condition()
        self._looks_wanted = 0
        self._looks_done = 0

    def listen(self, listener: Callable[[Delivery], None]) -> None:
        """Tell it of every try from now on; it must not raise and must not block."""
        self._listeners.append(listener)

    def ring(self) -> int:
        """Ask for a look at once; gives what ``settled`` wants."""
        with self._news:
            self._looks_wanted += 1
            self._news.notify_all()
            return self._looks_wanted

    def settled(self, look: int, seconds: float) -> bool:
        """Wait until such a look was finished; False when it took longer."""
        with self._news:
            return self._news.wait_for(lambda: self._looks_done >= look, seconds)

    def run(self, stop: StopRequest) -> None:
        """Deliver until the stop is asked for."""
        while not stop.made:
            with self._news:
                begun = self._looks_wanted
            self.tick(stop)
            with self._news:
                self._looks_done = begun
                self._news.notify_all()
                if not stop.made:
                    self._news.wait_for(lambda: self._looks_wanted > begun, LOOK_SECONDS)  # noqa: B023 - called here and now

    def tick(self, stop: StopRequest) -> None:
        """Deliver everything that is due.

        A database that cannot be reached for a while is no reason to give up: what was not
        written down is due again when the lease ends.
        """
        try:
            while not stop.made and (notice := self._take()):
                self._deliver(notice, stop)
        except RepositoryError:
            return

    def _take(self) -> Notice | None:
        now = self._clock.now()
        until = now + timedelta(seconds=self._timeout + LEASE_MARGIN)
        return self._notices.take(self._subscription, now, until)

    def _deliver(self, notice: Notice, stop: StopRequest) -> None:
        body = json.dumps(notice.payload(), separators=(",", ":")).encode()
        patience = _Patience(self._clock, self._timeout, stop)
        refusal = self._sender.send(notice.delivery_id, body, patience.remaining)
        if refusal is None:
            self._notices.delivered(notice)
            self._tell(Delivered(notice))
        elif patience.cut_short and not refusal.final:
            self._notices.release(notice, self._clock.now())
        else:
            self._count(notice, refusal)

    def _count(self, notice: Notice, refusal: Refusal) -> None:
        error = refusal.reason[:_LONGEST_ERROR]
        now = self._clock.now()
        wait = self._policy.wait(notice.failed_attempts + 1, self._chance.fraction())
        if refusal.final or wait is None:
            if self._notices.give_up(notice, now, error):
                self._tell(GivenUp(notice, error))
        elif self._notices.postpone(notice, now + timedelta(seconds=wait), error):
            self._tell(Postponed(notice, error, wait))

    def _tell(self, delivery: Delivery) -> None:
        for listener in self._listeners:
            listener(delivery)


class _Patience:
    """How long a delivery may still take: its own limit, or the grace once all must end.

    Attributes:
        cut_short: whether the grace ran out before the limit did.
    """

    def __init__(self, clock: Clock, seconds: float, stop: StopRequest) -> None:
        self._clock = clock
        self._stop = stop
        self._end = clock.monotonic() + seconds
        self._hurried = False
        self.cut_short = False

    def remaining(self) -> float:
        """Seconds; none are left at 0 and below."""
        now = self._clock.monotonic()
        if self._stop.made and not self._hurried:
            self._hurried = True
            self.cut_short = now + GRACE_SECONDS < self._end
            self._end = min(self._end, now + GRACE_SECONDS)
        return self._end - now
