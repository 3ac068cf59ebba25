"""Delivery of the hook outbox: at least once, one message of a hook after the other.

Each hook has a relay and a thread of its own, so that a slow receiver delays neither other hooks
nor renders.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from threading import Condition, Thread
from typing import TYPE_CHECKING

from application.ports.hooks import OutboxCounts
from application.ports.prompt_repository import RepositoryError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from application.ports.hooks import DeliveryFailure, HookOutbox, HookTransport
    from application.ports.system import Clock, Jitter
    from application.signals import StopRequest
    from domain.hook_delivery import DeliveryPolicy, HookDelivery, Subscription

POLL_INTERVAL = 1.0  # seconds between two checks for messages that are due
LEASE_MARGIN = 60.0  # seconds beyond its time limit for recording the result of a delivery
GRACE_SECONDS = 2.0  # left for a delivery in progress when a stop is requested
_MAX_ERROR_LENGTH = 500  # characters


@dataclass(frozen=True, slots=True)
class Delivered:
    """A message was delivered."""

    delivery: HookDelivery


@dataclass(frozen=True, slots=True)
class Postponed:
    """A delivery failed and will be retried.

    Attributes:
        wait: seconds until the next attempt.
    """

    delivery: HookDelivery
    error: str
    wait: float


@dataclass(frozen=True, slots=True)
class GivenUp:
    """A delivery failed and will not be retried."""

    delivery: HookDelivery
    error: str


DeliveryResult = Delivered | Postponed | GivenUp


class OutboxRelay:
    """Delivers the messages of one hook, one after the other.

    Args:
        subscription: the hook.
        transport: delivers to its receiver.
        outbox: the messages.
        policy: how often and when a failed delivery is retried.
        timeout_seconds: time limit of one delivery.
        clock: wall clock for what is due, monotonic clock for limits.
        jitter: spreads the waits.
    """

    def __init__(
        self,
        subscription: Subscription,
        transport: HookTransport,
        outbox: HookOutbox,
        policy: DeliveryPolicy,
        timeout_seconds: float,
        clock: Clock,
        jitter: Jitter,
    ) -> None:
        self._subscription = subscription
        self._transport = transport
        self._outbox = outbox
        self._policy = policy
        self._timeout = timeout_seconds
        self._clock = clock
        self._jitter = jitter
        self._listeners: list[Callable[[DeliveryResult], None]] = []
        self._condition = Condition()
        self._requested_checks = 0
        self._finished_checks = 0

    def on_attempt(self, listener: Callable[[DeliveryResult], None]) -> None:
        """Call a function after each attempt; it must not raise and must not block."""
        self._listeners.append(listener)

    def notify(self) -> int:
        """Request a check for due messages; returns its number for ``wait_for_check``."""
        with self._condition:
            self._requested_checks += 1
            self._condition.notify_all()
            return self._requested_checks

    def wait_for_check(self, number: int, seconds: float) -> bool:
        """Wait until a requested check has finished; False after that many seconds."""
        with self._condition:
            return self._condition.wait_for(lambda: self._finished_checks >= number, seconds)

    def run(self, stop: StopRequest) -> None:
        """Deliver until a stop is requested."""
        while not stop.made:
            with self._condition:
                begun = self._requested_checks
            self.deliver_due(stop)
            with self._condition:
                self._finished_checks = begun
                self._condition.notify_all()
                if not stop.made:
                    self._condition.wait_for(
                        lambda: self._requested_checks > begun,  # noqa: B023 - called here
                        POLL_INTERVAL,
                    )

    def deliver_due(self, stop: StopRequest) -> None:
        """Deliver everything that is due, in this thread.

        Returns early if the database cannot be used: a message whose result was not recorded is
        due again when its lease ends.
        """
        try:
            while not stop.made:
                now = self._clock.now()
                lease = self._timeout + LEASE_MARGIN
                until = now + timedelta(seconds=lease)
                latest = now + timedelta(seconds=max(lease, self._policy.longest_wait))
                delivery = self._outbox.acquire(self._subscription, now, until, latest)
                if delivery is None:
                    return
                self._deliver(delivery, stop)
        except RepositoryError:
            return

    def _deliver(self, delivery: HookDelivery, stop: StopRequest) -> None:
        body = json.dumps(delivery.payload(), separators=(",", ":")).encode()
        deadline = _Deadline(self._clock, self._timeout, stop)
        failure = self._transport.send(delivery.delivery_id, body, deadline.remaining)
        if failure is None:
            self._outbox.delivered(delivery)
            self._report(Delivered(delivery))
        elif deadline.cut_short and not failure.permanent:
            self._outbox.release(delivery, self._clock.now())
        else:
            self._record_failure(delivery, failure)

    def _record_failure(self, delivery: HookDelivery, failure: DeliveryFailure) -> None:
        error = failure.reason[:_MAX_ERROR_LENGTH]
        now = self._clock.now()
        wait = self._policy.wait(delivery.failed_attempts + 1, self._jitter.fraction())
        if failure.permanent or wait is None:
            if self._outbox.give_up(delivery, now, error):
                self._report(GivenUp(delivery, error))
        elif self._outbox.postpone(delivery, now + timedelta(seconds=wait), error):
            self._report(Postponed(delivery, error, wait))

    def _report(self, result: DeliveryResult) -> None:
        for listener in self._listeners:
            listener(result)


class _Deadline:
    """Time limit of one delivery; after a stop request only a short grace period is left.

    Attributes:
        cut_short: whether the grace period ends before the time limit would have.
    """

    def __init__(self, clock: Clock, seconds: float, stop: StopRequest) -> None:
        self._clock = clock
        self._stop = stop
        self._end = clock.monotonic() + seconds
        self._stopping = False
        self.cut_short = False

    def remaining(self) -> float:
        """Seconds left; none at 0 and below."""
        now = self._clock.monotonic()
        if self._stop.made and not self._stopping:
            self._stopping = True
            self.cut_short = now + GRACE_SECONDS < self._end
            self._end = min(self._end, now + GRACE_SECONDS)
        return self._end - now


class HookDispatcher:
    """Runs the relays of all hooks, each in its own thread.

    Args:
        relays: one for each hook.
        outbox: the messages; None if there are no hooks.
        clock: its monotonic side.
    """

    def __init__(
        self, relays: Sequence[OutboxRelay], outbox: HookOutbox | None, clock: Clock
    ) -> None:
        self._relays = tuple(relays)
        self._outbox = outbox
        self._clock = clock

    @property
    def has_hooks(self) -> bool:
        """Whether any hook is configured."""
        return bool(self._relays)

    def on_attempt(self, listener: Callable[[DeliveryResult], None]) -> None:
        """Call a function after each attempt, from any thread; to be called before ``run``."""
        for relay in self._relays:
            relay.on_attempt(listener)

    def counts(self) -> OutboxCounts:
        """Number of messages in the outbox; none if there are no hooks.

        Raises:
            RepositoryError: the database cannot be used.
        """
        return self._outbox.counts() if self._outbox else OutboxCounts(0, 0)

    def notify(self) -> None:
        """Check at once: a prompt ended, or a stop was requested. Safe from any thread."""
        for relay in self._relays:
            relay.notify()

    def deliver_due(self, stop: StopRequest) -> None:
        """Deliver everything that is due, in this thread, one hook after the other."""
        for relay in self._relays:
            relay.deliver_due(stop)

    def run(self, stop: StopRequest) -> None:
        """Deliver until a stop is requested; returns within a few seconds of it.

        A delivery that is still waiting for its receiver then is left to a thread that does not
        keep the program from exiting; its message is due again when its lease ends.
        """
        threads = [
            Thread(target=relay.run, args=(stop,), name="hook", daemon=True)
            for relay in self._relays
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive() and not stop.made:
                thread.join(POLL_INTERVAL / 4)
        end = self._clock.monotonic() + GRACE_SECONDS + 1.0
        for thread in threads:
            thread.join(max(0.0, end - self._clock.monotonic()))

    def flush(self, seconds: float, stop: StopRequest) -> bool:
        """Wait until everything that is due now was tried once, while ``run`` runs.

        Returns:
            False if it took longer than that many seconds, or a stop was requested.
        """
        checks = [(relay, relay.notify()) for relay in self._relays]
        end = self._clock.monotonic() + seconds
        for relay, number in checks:
            while not relay.wait_for_check(number, 0.05):
                if stop.made or self._clock.monotonic() >= end:
                    return False
        return True
