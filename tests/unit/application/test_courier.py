"""One hook is told at least once, with patience, and stops when it must."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Event, Thread
from typing import TYPE_CHECKING

import pytest

from adapters.memory.chance import FixedChance
from adapters.memory.clock import ManualClock
from adapters.memory.database import InMemoryDatabase, RenderRow
from adapters.memory.notices import InMemoryNotices, InMemoryOutbox
from application.courier import GRACE_SECONDS, Courier, Delivered, GivenUp, Postponed
from application.notify import Notifier
from application.ports.notice_sender import Refusal
from application.ports.notices import NoticeCounts
from application.ports.prompt_repository import RepositoryBusyError
from application.stopping import StopRequest
from domain.failure import Failure, FailureCode
from domain.kind import Kind
from domain.notice import Channel, DeliveryPolicy, NoticeEvent, Subscription
from tests.owners import ME

if TYPE_CHECKING:
    from collections.abc import Callable

    from application.courier import Delivery

HOOK = Subscription(NoticeEvent.ERROR, Channel.WEBHOOK)
OTHER_HOOK = Subscription(NoticeEvent.ERROR, Channel.COMMAND)
FAILURE = Failure(FailureCode.STALLED, "it was silent")
BUSY = Refusal("the receiver answered 503")
GONE = Refusal("the receiver answered 410", final=True)


@dataclass
class Receiver:
    """Answers as it was told beforehand, and then takes everything."""

    answers: list[Refusal | None] = field(default_factory=list)
    got: list[tuple[str, int]] = field(default_factory=list)
    during: Callable[[Callable[[], float]], None] = lambda remaining: None

    def send(self, delivery_id: str, body: bytes, remaining: Callable[[], float]) -> Refusal | None:
        document = json.loads(body)
        assert document["id"] == delivery_id
        self.got.append((delivery_id, document["attempts"]))
        self.during(remaining)
        return self.answers.pop(0) if self.answers else None


class Office:
    """A hook, what it is to be told, and who tells it."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.database = InMemoryDatabase()
        self.notices = InMemoryNotices(self.database)
        self.receiver = Receiver()
        self.stop = StopRequest()
        self.told: list[Delivery] = []
        self.courier = self.hire(HOOK, self.receiver)

    def hire(self, hook: Subscription, receiver: Receiver) -> Courier:
        policy = DeliveryPolicy(max_attempts=3, base_seconds=8.0)
        courier = Courier(hook, receiver, self.notices, policy, 10.0, self.clock, FixedChance(1.0))
        courier.listen(self.told.append)
        return courier

    def post(self, *render_ids: int, hooks: tuple[Subscription, ...] = (HOOK,)) -> None:
        outbox = InMemoryOutbox(self.database, self.clock, hooks)
        for render_id in render_ids:
            outbox.failed(RenderRow(render_id, render_id, Kind.IMAGE, 1, ME), FAILURE)


@pytest.fixture
def office() -> Office:
    """One hook that waits eight seconds, then sixteen, then gives up."""
    return Office()


def test_all_that_is_due_is_delivered_in_one_go(office: Office) -> None:
    """Each once, and then forgotten."""
    office.post(1, 2, 3)
    office.courier.tick(office.stop)
    assert len({delivery_id for delivery_id, _ in office.receiver.got}) == 3
    assert [type(delivery) for delivery in office.told] == [Delivered] * 3
    assert office.notices.counts() == NoticeCounts(0, 0)


def test_a_failed_delivery_is_tried_again_later_and_then_given_up(office: Office) -> None:
    """With the same name each time, and never too early."""
    office.receiver.answers = [BUSY, BUSY, BUSY]
    office.post(1)
    for wait in (0.0, 7.9, 0.1, 15.9, 0.1, 3600.0):
        office.clock.advance(wait)
        office.courier.tick(office.stop)
    [(name, _), *_] = office.receiver.got
    assert office.receiver.got == [(name, 1), (name, 2), (name, 3)]
    first, second, last = office.told
    assert isinstance(first, Postponed)
    assert isinstance(second, Postponed)
    assert (first.wait, second.wait, first.error) == (8.0, 16.0, BUSY.reason)
    assert isinstance(last, GivenUp)
    assert office.notices.counts() == NoticeCounts(0, 1)


def test_who_wants_no_more_is_not_asked_again(office: Office) -> None:
    """Given up after the first try."""
    office.receiver.answers = [GONE]
    office.post(1)
    office.courier.tick(office.stop)
    office.clock.advance(1e6)
    office.courier.tick(office.stop)
    assert len(office.receiver.got) == 1
    assert office.notices.counts() == NoticeCounts(0, 1)


def test_the_trouble_of_one_notice_does_not_hold_up_the_next(office: Office) -> None:
    """The second goes out in the same go."""
    office.receiver.answers = [BUSY]
    office.post(1, 2)
    office.courier.tick(office.stop)
    assert [type(delivery) for delivery in office.told] == [Postponed, Delivered]


def test_who_dies_between_delivery_and_writing_it_down_delivers_once_more(office: Office) -> None:
    """With the same name, so that the receiver can tell; the try is not counted."""

    def die(_: Callable[[], float]) -> None:
        raise KeyboardInterrupt

    office.receiver.during = die
    office.post(1)
    with pytest.raises(KeyboardInterrupt):
        office.courier.tick(office.stop)
    office.receiver.during = lambda _: None
    office.courier.tick(office.stop)
    assert len(office.receiver.got) == 1  # its lease still holds
    office.clock.advance(70.0)
    office.courier.tick(office.stop)
    [first, second] = office.receiver.got
    assert first == second


def test_a_delivery_has_its_time_limit(office: Office) -> None:
    """What is left of it shrinks while it runs, and is there in full for the next."""
    seen: list[float] = []

    def watch(remaining: Callable[[], float]) -> None:
        seen.append(remaining())
        office.clock.advance(4.0)
        seen.append(remaining())

    office.receiver.during = watch
    office.post(1, 2)
    office.courier.tick(office.stop)
    assert seen == [10.0, 6.0, 10.0, 6.0]


def test_a_stop_leaves_the_rest_for_later(office: Office) -> None:
    """What is under way gets a moment, and counts no try when that is too short."""
    seen: list[float] = []

    def stop(remaining: Callable[[], float]) -> None:
        office.stop.make()
        seen.append(remaining())

    office.receiver.during = stop
    office.receiver.answers = [Refusal("the receiver did not answer in time")]
    office.post(1, 2)
    office.courier.tick(office.stop)
    assert seen == [GRACE_SECONDS]
    assert len(office.receiver.got) == 1
    assert office.told == []
    office.receiver.during = lambda _: None
    office.courier.tick(StopRequest())
    assert sorted(attempt for _, attempt in office.receiver.got) == [1, 1, 1]


def test_what_is_delivered_while_all_ends_is_delivered(office: Office) -> None:
    """The stop does not undo it."""
    office.receiver.during = lambda _: office.stop.make()
    office.post(1)
    office.courier.tick(office.stop)
    assert office.notices.counts() == NoticeCounts(0, 0)


def test_a_database_that_is_locked_for_a_while_stops_nothing(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The notice is due again when its lease ends."""
    office.post(1)

    def locked(_: object) -> None:
        raise RepositoryBusyError

    with monkeypatch.context() as patch:
        patch.setattr(office.notices, "delivered", locked)
        office.courier.tick(office.stop)
    office.clock.advance(70.0)
    office.courier.tick(office.stop)
    assert [attempt for _, attempt in office.receiver.got] == [1, 1]
    assert office.notices.counts() == NoticeCounts(0, 0)


def test_two_who_serve_the_same_hook_share_the_work(office: Office) -> None:
    """While one delivers, the other gets nothing of it."""
    second = Receiver()
    other = office.hire(HOOK, second)
    office.receiver.during = lambda _: other.tick(office.stop)
    office.post(1, 2, 3)
    office.courier.tick(office.stop)
    names = [name for name, _ in office.receiver.got + second.got]
    assert len(names) == len(set(names)) == 3
    assert len(second.got) == 2


# ------------------------------------------------------------------------------------ threads


def test_a_hook_that_hangs_holds_no_other_back(office: Office) -> None:
    """Each is served by a thread of its own; a ring is heard at once."""
    free, reached = Event(), Event()
    office.receiver.during = lambda _: (reached.set(), free.wait(30))  # type: ignore[assignment, func-returns-value]
    swift = Receiver()
    other = office.hire(OTHER_HOOK, swift)
    notifier = Notifier([office.courier, other], office.notices, office.clock)
    thread = Thread(target=notifier.run, args=(office.stop,))
    thread.start()
    try:
        office.post(1, 2, hooks=(HOOK, OTHER_HOOK))
        look = other.ring()
        office.courier.ring()
        assert other.settled(look, 30)
        assert reached.wait(30)
        assert len(swift.got) == 2
        assert len(office.receiver.got) == 1
    finally:
        office.stop.make()
        free.set()
        notifier.ring()
        thread.join(30)
    assert not thread.is_alive()


def test_settling_waits_for_what_is_due_now(office: Office) -> None:
    """And not for what is to be tried later."""
    office.receiver.answers = [BUSY]
    notifier = Notifier([office.courier], office.notices, office.clock)
    thread = Thread(target=notifier.run, args=(office.stop,))
    thread.start()
    try:
        for render_id in range(20):
            office.post(render_id)
        assert notifier.settle(30, office.stop)
        assert len(office.receiver.got) == 20
        assert notifier.counts() == NoticeCounts(1, 0)
    finally:
        office.stop.make()
        notifier.ring()
        thread.join(30)


def test_settling_ends_when_the_time_is_over(office: Office) -> None:
    """Nobody runs, so nothing is ever settled; no time at all means one short look."""
    office.post(1)
    notifier = Notifier([office.courier], office.notices, office.clock)
    assert not notifier.settle(0.0, office.stop)
    office.stop.make()
    assert not notifier.settle(1e6, office.stop)


def test_without_hooks_there_is_nothing_to_do() -> None:
    """It returns at once, and looks into no database."""
    notifier = Notifier((), None, ManualClock())
    stop = StopRequest()
    notifier.run(stop)
    notifier.tick(stop)
    notifier.ring()
    assert notifier.settle(0.0, stop)
    assert not notifier.has_hooks
    assert notifier.counts() == NoticeCounts(0, 0)


def test_a_lease_is_longer_than_a_delivery(office: Office) -> None:
    """Or two would deliver the same while both are in time."""
    office.receiver.during = lambda _: office.clock.advance(10.0)
    office.post(1)
    office.courier.tick(office.stop)
    now = office.clock.now()
    assert office.notices.take(HOOK, now, now + timedelta(seconds=1)) is None
