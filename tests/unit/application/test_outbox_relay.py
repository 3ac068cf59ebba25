"""The relay of the hook outbox: at least once, with retries, time limits and a clean stop."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Event, Thread
from typing import TYPE_CHECKING

import pytest

from application.outbox_relay import (
    GRACE_SECONDS,
    Delivered,
    GivenUp,
    HookDispatcher,
    OutboxRelay,
    Postponed,
)
from application.ports.hooks import DeliveryFailure, OutboxCounts
from application.ports.prompt_repository import RepositoryBusyError
from application.signals import StopRequest
from domain.failure import Failure, FailureCode
from domain.hook_delivery import Channel, DeliveryPolicy, HookEvent, Subscription
from domain.prompt import Kind
from tests.fakes.database import InMemoryDatabase, RenderRow
from tests.fakes.hook_outbox import InMemoryHookOutbox, InMemoryHookOutboxWriter
from tests.fakes.system import FixedJitter, ManualClock
from tests.worker_identities import ME

if TYPE_CHECKING:
    from collections.abc import Callable

    from application.outbox_relay import DeliveryResult

HOOK = Subscription(HookEvent.ERROR, Channel.WEBHOOK)
OTHER_HOOK = Subscription(HookEvent.ERROR, Channel.COMMAND)
FAILURE = Failure(FailureCode.STALLED, "it was silent")
BUSY = DeliveryFailure("the receiver answered 503")
GONE = DeliveryFailure("the receiver answered 410", permanent=True)


@dataclass
class ScriptedTransport:
    """Answers as the test said beforehand, then accepts everything."""

    answers: list[DeliveryFailure | None] = field(default_factory=list)
    received: list[tuple[str, int]] = field(default_factory=list)
    during: Callable[[Callable[[], float]], None] = lambda remaining: None

    def send(
        self, delivery_id: str, body: bytes, remaining: Callable[[], float]
    ) -> DeliveryFailure | None:
        document = json.loads(body)
        assert document["id"] == delivery_id
        self.received.append((delivery_id, document["attempts"]))
        self.during(remaining)
        return self.answers.pop(0) if self.answers else None


class Setup:
    """A hook with its outbox, transport and relay."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.database = InMemoryDatabase()
        self.outbox = InMemoryHookOutbox(self.database)
        self.transport = ScriptedTransport()
        self.stop = StopRequest()
        self.results: list[DeliveryResult] = []
        self.relay = self.relay_for(HOOK, self.transport)

    def relay_for(self, hook: Subscription, transport: ScriptedTransport) -> OutboxRelay:
        policy = DeliveryPolicy(max_attempts=3, base_seconds=8.0)
        relay = OutboxRelay(
            hook, transport, self.outbox, policy, 10.0, self.clock, FixedJitter(1.0)
        )
        relay.on_attempt(self.results.append)
        return relay

    def write(self, *render_ids: int, hooks: tuple[Subscription, ...] = (HOOK,)) -> None:
        writer = InMemoryHookOutboxWriter(self.database, self.clock, hooks)
        for render_id in render_ids:
            writer.failed(RenderRow(render_id, render_id, Kind.IMAGE, 1, ME), FAILURE)


@pytest.fixture
def setup() -> Setup:
    """One hook that is retried after eight seconds, then after sixteen, and then given up."""
    return Setup()


def test_everything_due_is_delivered_at_once(setup: Setup) -> None:
    """Each message once; then it is deleted."""
    setup.write(1, 2, 3)
    setup.relay.deliver_due(setup.stop)
    assert len({delivery_id for delivery_id, _ in setup.transport.received}) == 3
    assert [type(result) for result in setup.results] == [Delivered] * 3
    assert setup.outbox.counts() == OutboxCounts(0, 0)


def test_a_failed_delivery_is_retried_and_then_given_up(setup: Setup) -> None:
    """With the same id each time, and never too early."""
    setup.transport.answers = [BUSY, BUSY, BUSY]
    setup.write(1)
    for wait in (0.0, 7.9, 0.1, 15.9, 0.1, 3600.0):
        setup.clock.advance(wait)
        setup.relay.deliver_due(setup.stop)
    [(delivery_id, _), *_] = setup.transport.received
    assert setup.transport.received == [(delivery_id, 1), (delivery_id, 2), (delivery_id, 3)]
    first, second, last = setup.results
    assert isinstance(first, Postponed)
    assert isinstance(second, Postponed)
    assert (first.wait, second.wait, first.error) == (8.0, 16.0, BUSY.reason)
    assert isinstance(last, GivenUp)
    assert setup.outbox.counts() == OutboxCounts(0, 1)


def test_a_permanent_failure_is_not_retried(setup: Setup) -> None:
    """Given up after the first attempt."""
    setup.transport.answers = [GONE]
    setup.write(1)
    setup.relay.deliver_due(setup.stop)
    setup.clock.advance(1e6)
    setup.relay.deliver_due(setup.stop)
    assert len(setup.transport.received) == 1
    assert setup.outbox.counts() == OutboxCounts(0, 1)


def test_a_failure_does_not_delay_the_next_message(setup: Setup) -> None:
    """The second is delivered in the same check."""
    setup.transport.answers = [BUSY]
    setup.write(1, 2)
    setup.relay.deliver_due(setup.stop)
    assert [type(result) for result in setup.results] == [Postponed, Delivered]


def test_a_crash_after_the_delivery_repeats_it(setup: Setup) -> None:
    """With the same id, so that the receiver can tell; the attempt is not counted."""

    def crash(_: Callable[[], float]) -> None:
        raise KeyboardInterrupt

    setup.transport.during = crash
    setup.write(1)
    with pytest.raises(KeyboardInterrupt):
        setup.relay.deliver_due(setup.stop)
    setup.transport.during = lambda _: None
    setup.relay.deliver_due(setup.stop)
    assert len(setup.transport.received) == 1  # its lease still holds
    setup.clock.advance(70.0)
    setup.relay.deliver_due(setup.stop)
    [first, second] = setup.transport.received
    assert first == second


def test_each_delivery_has_its_own_time_limit(setup: Setup) -> None:
    """It shrinks during a delivery; the next one starts with all of it."""
    seen: list[float] = []

    def observe(remaining: Callable[[], float]) -> None:
        seen.append(remaining())
        setup.clock.advance(4.0)
        seen.append(remaining())

    setup.transport.during = observe
    setup.write(1, 2)
    setup.relay.deliver_due(setup.stop)
    assert seen == [10.0, 6.0, 10.0, 6.0]


def test_a_stop_leaves_the_rest_for_later(setup: Setup) -> None:
    """The delivery in progress gets a short grace period; cut short, it counts no attempt."""
    seen: list[float] = []

    def stop(remaining: Callable[[], float]) -> None:
        setup.stop.make()
        seen.append(remaining())

    setup.transport.during = stop
    setup.transport.answers = [DeliveryFailure("the receiver did not answer in time")]
    setup.write(1, 2)
    setup.relay.deliver_due(setup.stop)
    assert seen == [GRACE_SECONDS]
    assert len(setup.transport.received) == 1
    assert setup.results == []
    setup.transport.during = lambda _: None
    setup.relay.deliver_due(StopRequest())
    assert sorted(attempt for _, attempt in setup.transport.received) == [1, 1, 1]


def test_a_delivery_that_succeeds_during_a_stop_counts(setup: Setup) -> None:
    """The stop does not undo it."""
    setup.transport.during = lambda _: setup.stop.make()
    setup.write(1)
    setup.relay.deliver_due(setup.stop)
    assert setup.outbox.counts() == OutboxCounts(0, 0)


def test_a_locked_database_only_delays(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message is due again when its lease ends."""
    setup.write(1)

    def locked(_: object) -> None:
        raise RepositoryBusyError

    with monkeypatch.context() as patch:
        patch.setattr(setup.outbox, "delivered", locked)
        setup.relay.deliver_due(setup.stop)
    setup.clock.advance(70.0)
    setup.relay.deliver_due(setup.stop)
    assert [attempt for _, attempt in setup.transport.received] == [1, 1]
    assert setup.outbox.counts() == OutboxCounts(0, 0)


def test_two_relays_of_one_hook_share_the_work(setup: Setup) -> None:
    """A message in delivery is not acquired by the other relay."""
    other_transport = ScriptedTransport()
    other = setup.relay_for(HOOK, other_transport)
    setup.transport.during = lambda _: other.deliver_due(setup.stop)
    setup.write(1, 2, 3)
    setup.relay.deliver_due(setup.stop)
    ids = [name for name, _ in setup.transport.received + other_transport.received]
    assert len(ids) == len(set(ids)) == 3
    assert len(other_transport.received) == 2


def test_a_lease_is_longer_than_a_delivery(setup: Setup) -> None:
    """Otherwise two relays could deliver the same message while both are in time."""
    setup.transport.during = lambda _: setup.clock.advance(10.0)
    setup.write(1)
    setup.relay.deliver_due(setup.stop)
    now = setup.clock.now()
    assert setup.outbox.acquire(HOOK, now, now + timedelta(seconds=1)) is None


# ------------------------------------------------------------------------------------ threads


def test_a_hanging_hook_delays_no_other(setup: Setup) -> None:
    """Each relay has a thread of its own, and checks at once when it is notified."""
    free, reached = Event(), Event()

    def hang(_: Callable[[], float]) -> None:
        reached.set()
        free.wait(30)

    setup.transport.during = hang
    fast = ScriptedTransport()
    other = setup.relay_for(OTHER_HOOK, fast)
    dispatcher = HookDispatcher([setup.relay, other], setup.outbox, setup.clock)
    thread = Thread(target=dispatcher.run, args=(setup.stop,))
    thread.start()
    try:
        setup.write(1, 2, hooks=(HOOK, OTHER_HOOK))
        number = other.notify()
        setup.relay.notify()
        assert other.wait_for_check(number, 30)
        assert reached.wait(30)
        assert len(fast.received) == 2
        assert len(setup.transport.received) == 1
    finally:
        setup.stop.make()
        free.set()
        dispatcher.notify()
        thread.join(30)
    assert not thread.is_alive()


def test_a_flush_waits_for_what_is_due_now(setup: Setup) -> None:
    """It does not wait for retries."""
    setup.transport.answers = [BUSY]
    dispatcher = HookDispatcher([setup.relay], setup.outbox, setup.clock)
    thread = Thread(target=dispatcher.run, args=(setup.stop,))
    thread.start()
    try:
        for render_id in range(20):
            setup.write(render_id)
        assert dispatcher.flush(30, setup.stop)
        assert len(setup.transport.received) == 20
        assert dispatcher.counts() == OutboxCounts(1, 0)
    finally:
        setup.stop.make()
        dispatcher.notify()
        thread.join(30)


def test_a_flush_ends_when_its_time_is_up(setup: Setup) -> None:
    """Nothing runs here, so no check ever finishes; a stop ends it too."""
    setup.write(1)
    dispatcher = HookDispatcher([setup.relay], setup.outbox, setup.clock)
    assert not dispatcher.flush(0.0, setup.stop)
    setup.stop.make()
    assert not dispatcher.flush(1e6, setup.stop)


def test_without_hooks_there_is_nothing_to_do() -> None:
    """It returns at once, and reads no database."""
    dispatcher = HookDispatcher((), None, ManualClock())
    stop = StopRequest()
    dispatcher.run(stop)
    dispatcher.deliver_due(stop)
    dispatcher.notify()
    assert dispatcher.flush(0.0, stop)
    assert not dispatcher.has_hooks
    assert dispatcher.counts() == OutboxCounts(0, 0)
