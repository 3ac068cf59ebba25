"""What the notices promise, whoever keeps them: written with the end, there until delivered."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from application.ports.notices import NoticeCounts
from domain.failure import Failure, FailureCode
from domain.notice import Channel, NoticeEvent, Subscription
from tests.contract.prompt_repository_contract import (
    ANY,
    BROKEN,
    ENDINGS,
    INTERRUPTED,
    Outside,
    picture,
    taken,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapters.memory.clock import ManualClock
    from application.ports.notices import Notices
    from application.ports.prompt_repository import PromptRepository
    from application.ports.render_leases import RenderLeases
    from domain.notice import Notice

GIVEN_UP = Failure(FailureCode.WORKER_LOST, "the program died ten times")
TOLD = Subscription(NoticeEvent.PUBLISHED, Channel.WEBHOOK)
RUN = Subscription(NoticeEvent.PUBLISHED, Channel.COMMAND)
COMPLAINT = Subscription(NoticeEvent.ERROR, Channel.COMMAND)
ALL = tuple(Subscription(event, channel) for event in NoticeEvent for channel in Channel)


class Desk(ABC):
    """A queue with hooks.

    Attributes:
        outside: plays the other programs.
        repository: ends prompts.
        leases: another worker's, who takes over.
        clock: of all.
    """

    outside: Outside
    repository: PromptRepository
    leases: RenderLeases
    clock: ManualClock

    @abstractmethod
    def subscribe(self, *subscriptions: Subscription) -> None:
        """Make repository and leases anew, with these hooks."""

    @abstractmethod
    def reopen(self) -> Notices:
        """The notices, as after a restart."""

    def end(self, ending: str, prompt_id: int = 1) -> bool:
        """A fresh prompt, claimed and ended in one of the ways."""
        self.outside.add(prompt_id)
        return ENDINGS[ending](self.repository, taken(self.repository), self.clock)

    def take(
        self, subscription: Subscription = TOLD, lease: float = 60.0, notices: Notices | None = None
    ) -> Notice | None:
        """Take what is due now."""
        now = self.clock.now()
        return (notices or self.reopen()).take(subscription, now, now + timedelta(seconds=lease))

    def due(self, subscriptions: Sequence[Subscription] = ALL) -> list[Notice]:
        """Take everything that is due now."""
        found: list[Notice] = []
        for subscription in subscriptions:
            while notice := self.take(subscription):
                found.append(notice)
        return found

    def took(self, subscription: Subscription = TOLD) -> Notice:
        """Take what must be due."""
        notice = self.take(subscription)
        assert notice is not None
        return notice


class NoticesContract(ABC):
    """The tests; a subclass gives them a desk."""

    @pytest.fixture
    @abstractmethod
    def desk(self) -> Desk:
        """An empty queue."""

    def test_without_hooks_nothing_is_written_down(self, desk: Desk) -> None:
        """Neither for those that come later."""
        desk.subscribe()
        assert desk.end("publish")
        assert desk.end("fail", 2)
        assert desk.reopen().counts() == NoticeCounts(0, 0)
        desk.subscribe(*ALL)
        assert desk.due() == []

    @pytest.mark.parametrize("subscription", ALL, ids=str)
    def test_an_end_is_written_down_for_its_hook_alone(
        self, desk: Desk, subscription: Subscription
    ) -> None:
        """Exactly one notice for the render, with what is to be told."""
        desk.subscribe(subscription)
        before = desk.clock.now()
        assert desk.end("publish", 1)
        assert desk.end("fail", 2)
        [notice] = desk.due()
        published = subscription.event is NoticeEvent.PUBLISHED
        assert notice.subscription == subscription
        assert (notice.prompt_id, notice.render_id) == ((1, 1) if published else (2, 2))
        assert notice.occurred_at == before
        assert notice.failed_attempts == 0
        payload = notice.payload()
        artifacts = payload["artifacts"]
        assert isinstance(artifacts, list)
        paths = [artifact["file_path"] for artifact in artifacts]
        assert paths == ([picture(1).file_path] if published else [])
        assert (payload["error"] is None) == published

    def test_each_way_gets_a_notice_of_its_own(self, desk: Desk) -> None:
        """So that the trouble of one does not repeat the other."""
        desk.subscribe(*ALL)
        desk.end("publish")
        first, second = desk.due()
        assert {first.subscription, second.subscription} == {TOLD, RUN}
        assert first.delivery_id != second.delivery_id
        desk.reopen().delivered(first)
        assert desk.reopen().counts() == NoticeCounts(1, 0)

    @pytest.mark.parametrize("ending", ["release", "postpone"])
    def test_what_is_tried_again_is_not_told(self, desk: Desk, ending: str) -> None:
        """The prompt did not end."""
        desk.subscribe(*ALL)
        assert desk.end(ending)
        assert desk.due() == []

    @pytest.mark.parametrize("ending", sorted(ENDINGS))
    def test_what_was_superseded_is_not_told(self, desk: Desk, ending: str) -> None:
        """Neither the end that was refused, nor one for whoever changed it."""
        desk.subscribe(*ALL)
        desk.outside.add(1)
        claim = taken(desk.repository)
        desk.outside.change(1, artifact_status="ready")
        assert not ENDINGS[ending](desk.repository, claim, desk.clock)
        assert desk.due() == []

    def test_an_end_that_comes_twice_is_told_once(self, desk: Desk) -> None:
        """The second one is refused."""
        desk.subscribe(*ALL)
        desk.outside.add(1)
        claim = taken(desk.repository)
        assert desk.repository.publish(claim, [picture(1)], 1.0)
        assert not desk.repository.publish(claim, [picture(1)], 1.0)
        assert not desk.repository.fail(claim, BROKEN, 1.0)
        assert len(desk.due()) == 2

    @pytest.mark.parametrize("requeue", [False, True])
    def test_what_a_person_cancels_is_not_told(self, desk: Desk, *, requeue: bool) -> None:
        """He knows."""
        desk.subscribe(*ALL)
        desk.outside.add(1)
        taken(desk.repository)
        assert desk.repository.cancel(1, requeue=requeue) is None
        assert desk.due() == []

    def test_publishing_along_with_a_claim_is_told_too(self, desk: Desk) -> None:
        """The quick way is a way like the other."""
        desk.subscribe(TOLD)
        desk.outside.add(1)
        claim = taken(desk.repository)
        assert desk.repository.publish_and_claim(claim, [picture(1)], 1.0, ANY) == (True, None)
        assert len(desk.due()) == 1

    def test_a_prompt_that_is_rendered_again_is_told_with_its_new_files_alone(
        self, desk: Desk
    ) -> None:
        """The old rows stand beside them."""
        desk.subscribe(TOLD)
        desk.end("publish")
        desk.repository.requeue([1], again=True)
        claim = taken(desk.repository)
        assert desk.repository.publish(claim, [picture(1, "b.png")], 1.0)
        reports = [notice.payload()["artifacts"] for notice in desk.due()]
        assert [[each["file_path"][-5:] for each in report] for report in reports] == [  # type: ignore[attr-defined]
            ["a.png"],
            ["b.png"],
        ]

    @pytest.mark.parametrize(("failure", "told"), [(GIVEN_UP, ["worker_lost"]), (None, [])])
    def test_a_lost_worker_is_told_only_when_its_prompt_ends(
        self, desk: Desk, failure: Failure | None, told: list[str]
    ) -> None:
        """Given back is no end."""
        desk.subscribe(*ALL)
        desk.outside.add(1)
        taken(desk.repository)
        [live] = desk.leases.live()
        assert desk.leases.abandon(live, failure)
        notices = desk.due([COMPLAINT])
        assert [notice.payload()["error"]["code"] for notice in notices] == told  # type: ignore[index]

    def test_a_lost_worker_whose_prompt_was_changed_is_not_told(self, desk: Desk) -> None:
        """Its prompt belongs to whoever changed it."""
        desk.subscribe(*ALL)
        desk.outside.add(1)
        taken(desk.repository)
        desk.outside.change(1, artifact_status="ready")
        [live] = desk.leases.live()
        assert desk.leases.abandon(live, GIVEN_UP)
        assert desk.due() == []

    def test_a_notice_is_there_until_it_was_delivered(self, desk: Desk) -> None:
        """Over restarts, with the same name, and then no more."""
        desk.subscribe(TOLD)
        desk.end("publish")
        first = desk.took()
        desk.clock.advance(60.0)
        second = desk.took()
        assert (first.delivery_id, first.notice_id) == (second.delivery_id, second.notice_id)
        desk.reopen().delivered(second)
        desk.reopen().delivered(second)
        desk.clock.advance(3600.0)
        assert desk.take() is None
        assert desk.reopen().counts() == NoticeCounts(0, 0)

    def test_a_notice_is_taken_by_one_at_a_time(self, desk: Desk) -> None:
        """Until its lease is over, to the millisecond."""
        desk.subscribe(TOLD)
        desk.end("publish")
        assert desk.take(lease=30.0) is not None
        desk.clock.advance(29.999)
        assert desk.take() is None
        desk.clock.advance(0.001)
        assert desk.take() is not None

    def test_the_longest_due_comes_first(self, desk: Desk) -> None:
        """One that failed stands behind those that were not tried yet."""
        desk.subscribe(TOLD)
        for prompt_id in (1, 2, 3):
            desk.end("publish", prompt_id)
            desk.clock.advance(1.0)
        first = desk.took()
        assert first.prompt_id == 1
        assert desk.reopen().postpone(first, desk.clock.now() + timedelta(seconds=5), "503")
        desk.clock.advance(5.0)
        assert [notice.prompt_id for notice in desk.due()] == [2, 3, 1]

    def test_a_failed_try_is_counted_and_waits(self, desk: Desk) -> None:
        """The count stands in the payload of the next one."""
        desk.subscribe(TOLD)
        desk.end("publish")
        notice = desk.took()
        later = desk.clock.now() + timedelta(seconds=10)
        assert desk.reopen().postpone(notice, later, "the receiver answered 503")
        desk.clock.advance(9.999)
        assert desk.take() is None
        desk.clock.advance(0.001)
        again = desk.took()
        assert (again.failed_attempts, again.payload()["attempts"]) == (1, 2)
        assert again.delivery_id == notice.delivery_id

    def test_a_notice_that_is_given_back_counts_no_try(self, desk: Desk) -> None:
        """Whoever had to end did not fail."""
        desk.subscribe(TOLD)
        desk.end("publish")
        assert desk.reopen().release(desk.took(), desk.clock.now())
        assert desk.took().failed_attempts == 0

    def test_what_was_given_up_is_kept_but_never_due(self, desk: Desk) -> None:
        """It is counted, for whoever wonders."""
        desk.subscribe(TOLD)
        desk.end("publish")
        assert desk.reopen().give_up(desk.took(), desk.clock.now(), "the receiver answered 410")
        desk.clock.advance(1e6)
        assert desk.take() is None
        assert desk.reopen().counts() == NoticeCounts(waiting=0, given_up=1)

    def test_whoever_came_too_late_changes_nothing(self, desk: Desk) -> None:
        """Somebody else took the notice when the lease was over; it is his now."""
        desk.subscribe(TOLD)
        desk.end("publish")
        mine = desk.took()
        desk.clock.advance(60.0)
        theirs = desk.took()
        notices, now = desk.reopen(), desk.clock.now()
        assert not notices.postpone(mine, now, "late")
        assert not notices.give_up(mine, now, "late")
        assert not notices.release(mine, now)
        assert desk.take() is None
        assert notices.postpone(theirs, now, "in time")
        assert desk.took().failed_attempts == 1

    def test_what_was_delivered_after_all_is_delivered(self, desk: Desk) -> None:
        """Even by one who came too late: the receiver has it."""
        desk.subscribe(TOLD)
        desk.end("publish")
        mine = desk.took()
        desk.clock.advance(60.0)
        theirs = desk.took()
        desk.reopen().delivered(mine)
        assert not desk.reopen().postpone(theirs, desk.clock.now(), "late")
        assert desk.reopen().counts() == NoticeCounts(0, 0)

    def test_what_is_old_can_be_forgotten(self, desk: Desk) -> None:
        """What waits and what was given up alike, and nothing that is younger."""
        desk.subscribe(TOLD)
        desk.end("publish", 1)
        desk.end("publish", 2)
        desk.reopen().give_up(desk.took(), desk.clock.now(), "410")
        desk.clock.advance(10.0)
        desk.end("publish", 3)
        notices = desk.reopen()
        assert notices.forget(desk.clock.now() - timedelta(seconds=10)) == 0
        assert notices.forget(desk.clock.now()) == 2
        assert [notice.prompt_id for notice in desk.due()] == [3]

    def test_a_notice_outlives_its_prompt(self, desk: Desk) -> None:
        """What happened stays true when somebody asks anew, or deletes the prompt."""
        desk.subscribe(COMPLAINT)
        desk.end("fail")
        desk.repository.requeue([1], again=False)
        desk.repository.release(taken(desk.repository), INTERRUPTED, 0.0)
        desk.outside.delete(1)
        assert desk.took(COMPLAINT).payload()["error"]
