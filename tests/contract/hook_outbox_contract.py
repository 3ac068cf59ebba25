"""The contract of the hook outbox: written when a prompt ends, kept until it is delivered."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from application.ports.hooks import OutboxCounts
from domain.failure import Failure, FailureCode
from domain.hook_delivery import Channel, HookEvent, Subscription
from tests.contract.prompt_repository_contract import (
    ANY,
    BROKEN,
    ENDINGS,
    INTERRUPTED,
    Outside,
    picture,
    publication,
    taken,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from application.ports.hooks import HookOutbox
    from application.ports.prompt_repository import PromptRepository
    from application.ports.renders import RenderLeases
    from domain.hook_delivery import HookDelivery
    from tests.fakes.system import ManualClock

GIVEN_UP = Failure(FailureCode.WORKER_LOST, "the program died ten times")
PUBLISHED_WEBHOOK = Subscription(HookEvent.PUBLISHED, Channel.WEBHOOK)
PUBLISHED_COMMAND = Subscription(HookEvent.PUBLISHED, Channel.COMMAND)
ERROR_COMMAND = Subscription(HookEvent.ERROR, Channel.COMMAND)
ALL = tuple(Subscription(event, channel) for event in HookEvent for channel in Channel)


class HookedQueue(ABC):
    """A queue with hooks.

    Attributes:
        outside: acts as the other programs.
        repository: ends prompts.
        leases: the leases of another worker, which takes over.
        clock: the clock of all of them.
    """

    outside: Outside
    repository: PromptRepository
    leases: RenderLeases
    clock: ManualClock

    @abstractmethod
    def subscribe(self, *subscriptions: Subscription) -> None:
        """Create a new repository and new leases with these hooks."""

    @abstractmethod
    def reopen(self) -> HookOutbox:
        """A new outbox, as after a restart."""

    def end(self, ending: str, prompt_id: int = 1) -> bool:
        """Add a prompt, claim it, and end it with one of the outcomes."""
        self.outside.add(prompt_id)
        return ENDINGS[ending](self.repository, taken(self.repository), self.clock)

    def acquire(
        self,
        subscription: Subscription = PUBLISHED_WEBHOOK,
        lease: float = 60.0,
        outbox: HookOutbox | None = None,
    ) -> HookDelivery | None:
        """Acquire one message that is due now."""
        now = self.clock.now()
        return (outbox or self.reopen()).acquire(subscription, now, now + timedelta(seconds=lease))

    def due(self, subscriptions: Sequence[Subscription] = ALL) -> list[HookDelivery]:
        """Acquire everything that is due now."""
        deliveries: list[HookDelivery] = []
        for subscription in subscriptions:
            while delivery := self.acquire(subscription):
                deliveries.append(delivery)
        return deliveries

    def acquired(self, subscription: Subscription = PUBLISHED_WEBHOOK) -> HookDelivery:
        """Acquire a message; one must be due."""
        delivery = self.acquire(subscription)
        assert delivery is not None
        return delivery


class HookOutboxContract(ABC):
    """The contract; a subclass supplies the queue."""

    @pytest.fixture
    @abstractmethod
    def queue(self) -> HookedQueue:
        """An empty queue."""

    def test_without_hooks_nothing_is_written(self, queue: HookedQueue) -> None:
        """Not even for hooks that are set later."""
        queue.subscribe()
        assert queue.end("publish")
        assert queue.end("fail", 2)
        assert queue.reopen().counts() == OutboxCounts(0, 0)
        queue.subscribe(*ALL)
        assert queue.due() == []

    @pytest.mark.parametrize("subscription", ALL, ids=str)
    def test_an_end_is_written_for_its_hook_only(
        self, queue: HookedQueue, subscription: Subscription
    ) -> None:
        """Exactly one message for the render, with its payload."""
        queue.subscribe(subscription)
        before = queue.clock.now()
        assert queue.end("publish", 1)
        assert queue.end("fail", 2)
        [delivery] = queue.due()
        published = subscription.event is HookEvent.PUBLISHED
        assert delivery.subscription == subscription
        assert (delivery.prompt_id, delivery.render_id) == ((1, 1) if published else (2, 2))
        assert delivery.occurred_at == before
        assert delivery.failed_attempts == 0
        payload = delivery.payload()
        artifacts = payload["artifacts"]
        assert isinstance(artifacts, list)
        paths = [artifact["file_path"] for artifact in artifacts]
        assert paths == ([picture(1).file_path] if published else [])
        assert (payload["error"] is None) == published

    def test_each_channel_gets_its_own_message(self, queue: HookedQueue) -> None:
        """A failure of one does not repeat the other."""
        queue.subscribe(*ALL)
        queue.end("publish")
        first, second = queue.due()
        assert {first.subscription, second.subscription} == {PUBLISHED_WEBHOOK, PUBLISHED_COMMAND}
        assert first.delivery_id != second.delivery_id
        queue.reopen().delivered(first)
        assert queue.reopen().counts() == OutboxCounts(1, 0)

    @pytest.mark.parametrize("ending", ["release", "postpone"])
    def test_a_retry_is_not_announced(self, queue: HookedQueue, ending: str) -> None:
        """The prompt did not end."""
        queue.subscribe(*ALL)
        assert queue.end(ending)
        assert queue.due() == []

    @pytest.mark.parametrize("ending", sorted(ENDINGS))
    def test_a_superseded_render_is_not_announced(self, queue: HookedQueue, ending: str) -> None:
        """Its end was refused."""
        queue.subscribe(*ALL)
        queue.outside.add(1)
        claim = taken(queue.repository)
        queue.outside.change(1, artifact_status="ready")
        assert not ENDINGS[ending](queue.repository, claim, queue.clock)
        assert queue.due() == []

    def test_an_end_is_announced_once(self, queue: HookedQueue) -> None:
        """A second end is refused."""
        queue.subscribe(*ALL)
        queue.outside.add(1)
        claim = taken(queue.repository)
        assert queue.repository.publish(claim, [picture(1)], 1.0)
        assert not queue.repository.publish(claim, [picture(1)], 1.0)
        assert not queue.repository.fail(claim, BROKEN, 1.0)
        assert len(queue.due()) == 2

    @pytest.mark.parametrize("requeue", [False, True])
    def test_a_cancelled_prompt_is_not_announced(
        self, queue: HookedQueue, *, requeue: bool
    ) -> None:
        """The person who cancelled it knows."""
        queue.subscribe(*ALL)
        queue.outside.add(1)
        taken(queue.repository)
        assert queue.repository.cancel(1, requeue=requeue) is None
        assert queue.due() == []

    def test_publishing_with_the_next_claim_is_announced_too(self, queue: HookedQueue) -> None:
        """The combined transaction writes the same message."""
        queue.subscribe(PUBLISHED_WEBHOOK)
        queue.outside.add(1)
        claim = taken(queue.repository)
        queue.outside.add(2)
        claims = [claim, taken(queue.repository)]
        published, _ = queue.repository.publish_and_claim([publication(one) for one in claims], ANY)
        assert published == (True, True)
        assert len(queue.due()) == 2

    def test_a_prompt_rendered_again_is_announced_with_its_new_files_only(
        self, queue: HookedQueue
    ) -> None:
        """The old rows are still in the table."""
        queue.subscribe(PUBLISHED_WEBHOOK)
        queue.end("publish")
        queue.repository.requeue([1], again=True)
        claim = taken(queue.repository)
        assert queue.repository.publish(claim, [picture(1, "b.png")], 1.0)
        reports = [delivery.payload()["artifacts"] for delivery in queue.due()]
        assert [[each["file_path"][-5:] for each in report] for report in reports] == [  # type: ignore[attr-defined]
            ["a.png"],
            ["b.png"],
        ]

    @pytest.mark.parametrize(("failure", "codes"), [(GIVEN_UP, ["worker_lost"]), (None, [])])
    def test_a_lost_worker_is_announced_only_when_its_prompt_ends(
        self, queue: HookedQueue, failure: Failure | None, codes: list[str]
    ) -> None:
        """A prompt that is pending again did not end."""
        queue.subscribe(*ALL)
        queue.outside.add(1)
        taken(queue.repository)
        [live] = queue.leases.live()
        assert queue.leases.abandon(live, failure)
        due = queue.due([ERROR_COMMAND])
        assert [delivery.payload()["error"]["code"] for delivery in due] == codes  # type: ignore[index]

    def test_a_lost_worker_whose_prompt_was_changed_is_not_announced(
        self, queue: HookedQueue
    ) -> None:
        """Its prompt belongs to the program that changed it."""
        queue.subscribe(*ALL)
        queue.outside.add(1)
        taken(queue.repository)
        queue.outside.change(1, artifact_status="ready")
        [live] = queue.leases.live()
        assert queue.leases.abandon(live, GIVEN_UP)
        assert queue.due() == []

    def test_a_message_is_kept_until_it_is_delivered(self, queue: HookedQueue) -> None:
        """Across restarts, with the same id; then it is deleted."""
        queue.subscribe(PUBLISHED_WEBHOOK)
        queue.end("publish")
        first = queue.acquired()
        queue.clock.advance(60.0)
        second = queue.acquired()
        assert (first.delivery_id, first.outbox_id) == (second.delivery_id, second.outbox_id)
        queue.reopen().delivered(second)
        queue.reopen().delivered(second)
        queue.clock.advance(3600.0)
        assert queue.acquire() is None
        assert queue.reopen().counts() == OutboxCounts(0, 0)

    def test_a_message_has_one_holder_at_a_time(self, queue: HookedQueue) -> None:
        """Until its lease ends, to the millisecond."""
        queue.subscribe(PUBLISHED_WEBHOOK)
        queue.end("publish")
        assert queue.acquire(lease=30.0) is not None
        queue.clock.advance(29.999)
        assert queue.acquire() is None
        queue.clock.advance(0.001)
        assert queue.acquire() is not None

    def test_a_time_beyond_every_wait_holds_nothing(self, queue: HookedQueue) -> None:
        """The clock ran a day ahead when it was written."""
        queue.subscribe(PUBLISHED_WEBHOOK)
        queue.end("publish")
        now, hour = queue.clock.now(), timedelta(hours=1)
        assert queue.reopen().postpone(queue.acquired(), now + 24 * hour, "503")
        outbox = queue.reopen()
        assert outbox.acquire(PUBLISHED_WEBHOOK, now, now + hour, now + 25 * hour) is None
        assert outbox.acquire(PUBLISHED_WEBHOOK, now, now + hour, now + hour) is not None

    def test_the_longest_due_comes_first(self, queue: HookedQueue) -> None:
        """A message that failed comes after those that were not tried yet."""
        queue.subscribe(PUBLISHED_WEBHOOK)
        for prompt_id in (1, 2, 3):
            queue.end("publish", prompt_id)
            queue.clock.advance(1.0)
        first = queue.acquired()
        assert first.prompt_id == 1
        assert queue.reopen().postpone(first, queue.clock.now() + timedelta(seconds=5), "503")
        queue.clock.advance(5.0)
        assert [delivery.prompt_id for delivery in queue.due()] == [2, 3, 1]

    def test_a_failed_attempt_is_counted_and_waits(self, queue: HookedQueue) -> None:
        """The number is in the payload of the next one."""
        queue.subscribe(PUBLISHED_WEBHOOK)
        queue.end("publish")
        delivery = queue.acquired()
        later = queue.clock.now() + timedelta(seconds=10)
        assert queue.reopen().postpone(delivery, later, "the receiver answered 503")
        queue.clock.advance(9.999)
        assert queue.acquire() is None
        queue.clock.advance(0.001)
        again = queue.acquired()
        assert (again.failed_attempts, again.payload()["attempts"]) == (1, 2)
        assert again.delivery_id == delivery.delivery_id

    def test_a_released_message_counts_no_attempt(self, queue: HookedQueue) -> None:
        """A relay that was stopped did not fail."""
        queue.subscribe(PUBLISHED_WEBHOOK)
        queue.end("publish")
        assert queue.reopen().release(queue.acquired(), queue.clock.now())
        assert queue.acquired().failed_attempts == 0

    def test_a_message_that_was_given_up_is_kept_but_never_due(self, queue: HookedQueue) -> None:
        """It is counted."""
        queue.subscribe(PUBLISHED_WEBHOOK)
        queue.end("publish")
        assert queue.reopen().give_up(
            queue.acquired(), queue.clock.now(), "the receiver answered 410"
        )
        queue.clock.advance(1e6)
        assert queue.acquire() is None
        assert queue.reopen().counts() == OutboxCounts(waiting=0, given_up=1)

    def test_a_holder_whose_lease_ended_changes_nothing(self, queue: HookedQueue) -> None:
        """Another relay acquired the message when the lease ended."""
        queue.subscribe(PUBLISHED_WEBHOOK)
        queue.end("publish")
        first = queue.acquired()
        queue.clock.advance(60.0)
        second = queue.acquired()
        outbox, now = queue.reopen(), queue.clock.now()
        assert not outbox.postpone(first, now, "late")
        assert not outbox.give_up(first, now, "late")
        assert not outbox.release(first, now)
        assert queue.acquire() is None
        assert outbox.postpone(second, now, "in time")
        assert queue.acquired().failed_attempts == 1

    def test_a_late_delivery_counts(self, queue: HookedQueue) -> None:
        """The receiver has it, even if the lease had ended."""
        queue.subscribe(PUBLISHED_WEBHOOK)
        queue.end("publish")
        first = queue.acquired()
        queue.clock.advance(60.0)
        second = queue.acquired()
        queue.reopen().delivered(first)
        assert not queue.reopen().postpone(second, queue.clock.now(), "late")
        assert queue.reopen().counts() == OutboxCounts(0, 0)

    def test_old_messages_can_be_pruned(self, queue: HookedQueue) -> None:
        """Waiting and given up alike, and nothing newer."""
        queue.subscribe(PUBLISHED_WEBHOOK)
        queue.end("publish", 1)
        queue.end("publish", 2)
        queue.reopen().give_up(queue.acquired(), queue.clock.now(), "410")
        queue.clock.advance(10.0)
        queue.end("publish", 3)
        outbox = queue.reopen()
        assert outbox.prune(queue.clock.now() - timedelta(seconds=10)) == 0
        assert outbox.prune(queue.clock.now()) == 2
        assert [delivery.prompt_id for delivery in queue.due()] == [3]

    def test_a_message_outlives_its_prompt(self, queue: HookedQueue) -> None:
        """It stays when the prompt is queued again or deleted."""
        queue.subscribe(ERROR_COMMAND)
        queue.end("fail")
        queue.repository.requeue([1], again=False)
        queue.repository.release(taken(queue.repository), INTERRUPTED, 0.0)
        queue.outside.delete(1)
        assert queue.acquired(ERROR_COMMAND).payload()["error"]
