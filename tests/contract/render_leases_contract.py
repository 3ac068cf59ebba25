"""Contract of all leases, whatever stores them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from application.ports.artifact_store import RenderKey
from application.ports.prompt_repository import Publication, Selection
from domain.failure import Failure, FailureCode
from domain.prompt import Kind
from domain.render import LiveRender, WorkflowProcess
from tests.contract.prompt_repository_contract import (
    ANY,
    BROKEN,
    ENDINGS,
    INTERRUPTED,
    REFUSED,
    Outside,
    Seen,
    picture,
    taken,
)
from tests.worker_identities import ME

if TYPE_CHECKING:
    from application.ports.prompt_repository import PromptRepository
    from application.ports.renders import RenderLeases
    from domain.render import Claim
    from tests.fakes.system import ManualClock

WORKFLOW = WorkflowProcess(4321, "99")
GIVEN_UP = Failure(FailureCode.WORKER_LOST, "the program died ten times")
HANDS: list[dict[str, object]] = [
    {"artifact_status": "pending"},
    {"artifact_status": "unsupported"},
    {"status": "pending"},
    {"output_reference": None},
]


class LeasedQueue(ABC):
    """A queue whose renders are claimed by one worker and observed by another.

    Attributes:
        outside: acts as the other programs.
        repository: claims prompts for ``ME``.
        leases: the leases of another worker, which takes over.
        clock: the clock of both.
    """

    outside: Outside
    repository: PromptRepository
    leases: RenderLeases
    clock: ManualClock

    def claim(self, prompt_id: int = 1) -> Claim:
        """Write and claim a prompt."""
        self.outside.add(prompt_id)
        return taken(self.repository)

    def seen(self) -> LiveRender:
        """The only live render, as the other worker sees it."""
        [render] = self.leases.live()
        return render


class RenderLeasesContract(ABC):
    """The contract; a subclass supplies the queue."""

    @pytest.fixture
    @abstractmethod
    def queue(self) -> LeasedQueue:
        """An empty queue."""

    def test_a_live_render_is_seen_with_its_owner(self, queue: LeasedQueue) -> None:
        """With all that is needed to decide whether it may be taken over."""
        assert list(queue.leases.live()) == []
        claim = queue.claim()
        assert queue.seen() == LiveRender(
            claim.render_id, 1, claim.kind, ME, None, 0, 0, token=claim.token
        )

    def test_a_process_is_recorded_with_the_claim(self, queue: LeasedQueue) -> None:
        """The waiting process of the prompt's kind; it need not be recorded again."""
        processes = {Kind.IMAGE: WORKFLOW, Kind.AUDIO: WorkflowProcess(17, "1")}
        queue.outside.add(1)
        claim = queue.repository.claim_next(Selection(), processes)
        assert claim is not None
        assert claim.process == WORKFLOW == queue.seen().workflow
        assert queue.leases.record_workflow(claim, WORKFLOW)
        assert queue.leases.record_workflow(claim, WorkflowProcess(18, "1"))
        assert queue.seen().workflow == WorkflowProcess(18, "1")
        queue.outside.add(2)
        _, [after] = queue.repository.publish_and_claim(
            [Publication(claim, (), 1.0)], Selection(), processes=processes
        )
        assert after.process == WORKFLOW == queue.seen().workflow
        assert queue.repository.release(after, GIVEN_UP, 1.0)
        assert not queue.leases.record_workflow(after, WORKFLOW)

    @pytest.mark.parametrize("ending", ENDINGS)
    def test_a_closed_render_is_not_live(self, queue: LeasedQueue, ending: str) -> None:
        """It can be neither renewed, nor recorded for, nor taken over."""
        claim = queue.claim()
        seen = queue.seen()
        assert ENDINGS[ending](queue.repository, claim, queue.clock)
        before = queue.outside.see(1), queue.outside.outcomes(1)
        assert list(queue.leases.live()) == []
        assert not queue.leases.holds(claim)
        assert not queue.leases.heartbeat(claim)
        assert not queue.leases.record_workflow(claim, WORKFLOW)
        assert not queue.leases.abandon(seen, None)
        assert not queue.leases.abandon(seen, GIVEN_UP)
        assert queue.leases.adopt(seen) is None
        assert (queue.outside.see(1), queue.outside.outcomes(1)) == before

    def test_a_heartbeat_is_seen_by_others(self, queue: LeasedQueue) -> None:
        """Every heartbeat changes the number; reading it does not."""
        claim = queue.claim()
        numbers = []
        for _ in range(3):
            assert queue.leases.heartbeat(claim)
            assert queue.leases.holds(claim)
            numbers.append(queue.seen().heartbeat)
        assert len(set(numbers)) == 3

    @pytest.mark.parametrize("hand", HANDS, ids=str)
    def test_a_changed_prompt_is_a_lost_lease(
        self, queue: LeasedQueue, hand: dict[str, object]
    ) -> None:
        """The owner learns of it from a heartbeat or a check, and can stop rendering."""
        claim = queue.claim()
        queue.outside.change(1, **hand)
        assert not queue.leases.holds(claim)
        assert not queue.leases.heartbeat(claim)

    @pytest.mark.parametrize("hand", HANDS, ids=str)
    def test_no_workflow_starts_for_a_changed_prompt(
        self, queue: LeasedQueue, hand: dict[str, object]
    ) -> None:
        """The workflow may not run, and no record of it is written."""
        claim = queue.claim()
        queue.outside.change(1, **hand)
        before = queue.seen()
        assert not queue.leases.record_workflow(claim, WORKFLOW)
        assert queue.seen() == before
        assert before.workflow is None

    def test_a_deleted_prompt_is_a_lost_lease(self, queue: LeasedQueue) -> None:
        """There is no prompt to publish for."""
        claim = queue.claim()
        queue.outside.delete(1)
        assert not queue.leases.holds(claim)
        assert not queue.leases.record_workflow(claim, WORKFLOW)
        assert queue.seen().workflow is None
        assert not queue.leases.heartbeat(claim)

    def test_a_cancelled_render_is_a_lost_lease(self, queue: LeasedQueue) -> None:
        """Its owner learns of the cancellation this way."""
        claim = queue.claim()
        assert queue.repository.cancel(1, requeue=False) is None
        assert not queue.leases.holds(claim)
        assert not queue.leases.heartbeat(claim)

    def test_a_workflow_is_recorded_for_its_render(self, queue: LeasedQueue) -> None:
        """A worker that takes over knows which process group to kill; the last one counts."""
        claim = queue.claim()
        assert queue.leases.record_workflow(claim, WorkflowProcess(17, "1"))
        assert queue.leases.record_workflow(claim, WORKFLOW)
        assert queue.seen().workflow == WORKFLOW

    # ---------------------------------------------------------------------------- abandon

    def test_an_abandoned_prompt_is_pending_again(self, queue: LeasedQueue) -> None:
        """The crash is counted, the attempt is not; the dead worker can change nothing more."""
        queue.outside.add(1)
        queue.outside.change(1, error_message="an old error")
        claim = taken(queue.repository)
        assert queue.leases.abandon(queue.seen(), None)
        assert queue.outside.see(1) == Seen("pending", "an old error", ())
        assert queue.outside.outcomes(1) == ["abandoned"]
        for ending in ENDINGS.values():
            assert not ending(queue.repository, claim, queue.clock)
        assert "took it over" in queue.repository.explain_loss(claim)
        assert queue.outside.see(1).artifact_status == "pending"
        again = taken(queue.repository)
        assert (again.attempt, again.crashes) == (1, 1)
        assert queue.seen().crashes == 1

    def test_lost_workers_are_counted_beside_attempts(self, queue: LeasedQueue) -> None:
        """Failures and releases keep the count; a new acceptance resets it."""
        queue.outside.add(1)
        counted = []
        for ending in ("", "postpone", "", "release", "fail", "release"):
            claim = taken(queue.repository)
            counted.append((claim.attempt, claim.crashes))
            if ending:
                assert ENDINGS[ending](queue.repository, claim, queue.clock)
            else:
                assert queue.leases.abandon(queue.seen(), None)
            queue.clock.advance(61)
            queue.repository.requeue_errors()
        assert counted == [(1, 0), (1, 1), (2, 1), (2, 2), (2, 2), (1, 0)]

    def test_an_abandoned_prompt_can_end_in_error(self, queue: LeasedQueue) -> None:
        """With the reason; a user's next retry starts from zero."""
        queue.claim()
        assert queue.leases.abandon(queue.seen(), GIVEN_UP)
        assert queue.outside.see(1) == Seen("error", GIVEN_UP.explain(), ())
        assert queue.repository.requeue_errors().moved == (1,)
        claim = taken(queue.repository)
        assert (claim.attempt, claim.crashes) == (1, 0)

    def test_a_stale_observation_abandons_nothing(self, queue: LeasedQueue) -> None:
        """The owner has sent a heartbeat since: it is alive."""
        claim = queue.claim()
        stale = queue.seen()
        assert queue.leases.heartbeat(claim)
        assert not queue.leases.abandon(stale, None)
        assert not queue.leases.abandon(stale, GIVEN_UP)
        assert queue.leases.adopt(stale) is None
        assert queue.leases.holds(claim)
        assert queue.repository.publish(claim, [picture(1)], 1.0)

    def test_a_render_is_taken_over_once(self, queue: LeasedQueue) -> None:
        """Two workers that saw the same state do not both count the crash."""
        queue.claim()
        seen = queue.seen()
        assert queue.leases.abandon(seen, None)
        assert not queue.leases.abandon(seen, None)
        assert queue.leases.adopt(seen) is None
        assert queue.outside.outcomes(1) == ["abandoned"]

    @pytest.mark.parametrize("failure", [None, GIVEN_UP], ids=["again", "given up"])
    @pytest.mark.parametrize("hand", HANDS, ids=str)
    def test_abandoning_keeps_changes_by_other_programs(
        self, queue: LeasedQueue, hand: dict[str, object], failure: Failure | None
    ) -> None:
        """The render is closed; the prompt stays as the other program left it."""
        queue.claim()
        queue.outside.change(1, **hand)
        before = queue.outside.see(1)
        assert queue.leases.abandon(queue.seen(), failure)
        assert queue.outside.see(1) == before
        assert list(queue.leases.live()) == []

    # ------------------------------------------------------------------------------ adopt

    def test_an_adopted_render_belongs_to_the_adopter(self, queue: LeasedQueue) -> None:
        """A new number for the same prompt, which is never pending in between."""
        old = queue.claim()
        new = queue.leases.adopt(queue.seen())
        assert new is not None
        assert (new.prompt_id, new.kind, new.writings) == (1, old.kind, old.writings)
        assert new.render_id > old.render_id
        assert (new.attempt, new.crashes) == (1, 1)
        assert queue.seen().render_id == new.render_id
        assert queue.seen().owner != ME
        assert queue.outside.outcomes(1) == ["abandoned", None]
        assert queue.outside.see(1).artifact_status == "processing"
        assert not queue.leases.holds(old)
        assert not queue.repository.publish(old, [picture(1)], 1.0)
        assert queue.repository.publish(new, [picture(1)], 0.0)
        assert queue.outside.see(1) == Seen("ready", None, (picture(1).file_path,))

    @pytest.mark.parametrize("hand", HANDS, ids=str)
    def test_a_changed_prompt_is_not_adopted(
        self, queue: LeasedQueue, hand: dict[str, object]
    ) -> None:
        """Its finished render is no longer wanted."""
        queue.claim()
        queue.outside.change(1, **hand)
        before = queue.outside.see(1)
        assert queue.leases.adopt(queue.seen()) is None
        assert queue.outside.see(1) == before
        assert queue.outside.outcomes(1) == [None]

    # ------------------------------------------------------------------- files and their rows

    def test_only_leftovers_of_our_closed_renders_may_be_removed(self, queue: LeasedQueue) -> None:
        """Live renders, unknown ones, and numbers that belong to another prompt stay."""
        closed, live = queue.claim(1), queue.claim(2)
        queue.repository.release(closed, INTERRUPTED, 1.0)
        done = RenderKey(1, closed.render_id, closed.token)
        others = {
            RenderKey(2, live.render_id, live.token),
            RenderKey(2, closed.render_id, closed.token),
            RenderKey(1, 999),
            RenderKey(1, closed.render_id, "f" * 16),  # before a backup was restored
        }
        assert queue.leases.closed({done, *others}) == {done}
        assert queue.leases.closed(others) == frozenset()
        assert queue.leases.closed(()) == frozenset()

    def test_a_refused_publication_is_kept_while_its_prompt_waits(self, queue: LeasedQueue) -> None:
        """Its leftovers may be removed when the prompt ends."""
        first = queue.claim()
        queue.repository.release(first, REFUSED, 1.0)
        second = taken(queue.repository)
        queue.repository.release(second, INTERRUPTED, 1.0)
        traces = {
            RenderKey(1, first.render_id, first.token),
            RenderKey(1, second.render_id, second.token),
        }
        assert queue.leases.closed(traces) == {RenderKey(1, second.render_id, second.token)}
        third = taken(queue.repository)
        assert queue.leases.closed(traces) == frozenset()
        assert queue.repository.publish(third, [picture(1)], 1.0)
        assert queue.leases.closed(traces) == traces

    def test_a_refused_publication_of_an_adopted_render_is_kept(self, queue: LeasedQueue) -> None:
        """The files belong to the render that was lost."""
        lost = queue.claim()
        adopted = queue.leases.adopt(queue.seen())
        assert adopted is not None
        assert queue.repository.release(adopted, REFUSED, 0.0)
        traces = {
            RenderKey(1, lost.render_id, lost.token),
            RenderKey(1, adopted.render_id, adopted.token),
        }
        assert queue.leases.closed(traces) == frozenset()
        expected = tuple((claim.render_id, claim.token) for claim in (lost, adopted))
        assert taken(queue.repository).unpublished == expected

    @pytest.mark.parametrize("hand", [*HANDS[1:], None], ids=repr)
    def test_a_refused_publication_is_not_kept_for_a_changed_prompt(
        self, queue: LeasedQueue, hand: dict[str, object] | None
    ) -> None:
        """The prompt was changed by another program, or cancelled."""
        claim = queue.claim()
        queue.repository.release(claim, REFUSED, 1.0)
        if hand is None:
            assert queue.repository.cancel(1, requeue=False) is None
        else:
            queue.outside.change(1, **hand)
        trace = RenderKey(1, claim.render_id, claim.token)
        assert queue.leases.closed({trace}) == {trace}

    def test_paths_with_rows_are_returned(self, queue: LeasedQueue) -> None:
        """Exactly those of the given paths that a row names."""
        claim = queue.claim()
        ours, other = picture(1, "a.png"), picture(1, "it's.png")
        assert queue.repository.publish(claim, [ours, other], 1.0)
        asked = [other.file_path, picture(2).file_path]
        assert queue.leases.named(asked) == {other.file_path}
        assert queue.leases.named(()) == frozenset()

    def test_several_renders_do_not_affect_each_other(self, queue: LeasedQueue) -> None:
        """A change to one leaves the others as they are."""
        first, second = queue.claim(1), queue.claim(2)
        queue.leases.record_workflow(second, WORKFLOW)
        queue.leases.heartbeat(second)
        one, two = queue.leases.live()
        assert (one.prompt_id, one.heartbeat, one.workflow) == (1, 0, None)
        assert (two.prompt_id, two.workflow) == (2, WORKFLOW)
        assert not queue.leases.abandon(replace(one, heartbeat=two.heartbeat), None)
        assert queue.leases.abandon(one, None)
        assert not queue.leases.holds(first)
        assert queue.leases.holds(second)
        assert queue.repository.fail(second, BROKEN, 1.0)
        assert taken(queue.repository, ANY).prompt_id == 1
