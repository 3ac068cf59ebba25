"""What all leases promise, whoever keeps them."""

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


class Ward(ABC):
    """A queue whose renders are claimed by one worker and watched by another.

    Attributes:
        outside: plays the other programs.
        repository: claims in the name of ``ME``.
        leases: those of another worker, who takes over.
        clock: of both.
    """

    outside: Outside
    repository: PromptRepository
    leases: RenderLeases
    clock: ManualClock

    def claim(self, prompt_id: int = 1) -> Claim:
        """A fresh prompt, claimed."""
        self.outside.add(prompt_id)
        return taken(self.repository)

    def seen(self) -> LiveRender:
        """The one render that is live."""
        [render] = self.leases.live()
        return render


class RenderLeasesContract(ABC):
    """The tests; a subclass gives them a ward."""

    @pytest.fixture
    @abstractmethod
    def ward(self) -> Ward:
        """An empty queue."""

    def test_a_live_render_is_seen_with_its_owner(self, ward: Ward) -> None:
        """All that is needed to judge whether it may be taken over."""
        assert list(ward.leases.live()) == []
        claim = ward.claim()
        assert ward.seen() == LiveRender(
            claim.render_id, 1, claim.kind, ME, None, 0, 0, token=claim.token
        )

    def test_a_process_is_recorded_with_the_claim(self, ward: Ward) -> None:
        """The one that waits for the kind of the prompt; it need not be recorded again."""
        processes = {Kind.IMAGE: WORKFLOW, Kind.AUDIO: WorkflowProcess(17, "1")}
        ward.outside.add(1)
        claim = ward.repository.claim_next(Selection(), processes)
        assert claim is not None
        assert claim.process == WORKFLOW == ward.seen().workflow
        assert ward.leases.record_workflow(claim, WORKFLOW)
        assert ward.leases.record_workflow(claim, WorkflowProcess(18, "1"))
        assert ward.seen().workflow == WorkflowProcess(18, "1")
        ward.outside.add(2)
        _, [after] = ward.repository.publish_and_claim(
            [Publication(claim, (), 1.0)], Selection(), processes=processes
        )
        assert after.process == WORKFLOW == ward.seen().workflow
        assert ward.repository.release(after, GIVEN_UP, 1.0)
        assert not ward.leases.record_workflow(after, WORKFLOW)

    @pytest.mark.parametrize("ending", ENDINGS)
    def test_a_closed_render_is_not_live(self, ward: Ward, ending: str) -> None:
        """Nothing of it can be kept, recorded or taken over."""
        claim = ward.claim()
        seen = ward.seen()
        assert ENDINGS[ending](ward.repository, claim, ward.clock)
        before = ward.outside.see(1), ward.outside.outcomes(1)
        assert list(ward.leases.live()) == []
        assert not ward.leases.holds(claim)
        assert not ward.leases.heartbeat(claim)
        assert not ward.leases.record_workflow(claim, WORKFLOW)
        assert not ward.leases.abandon(seen, None)
        assert not ward.leases.abandon(seen, GIVEN_UP)
        assert ward.leases.adopt(seen) is None
        assert (ward.outside.see(1), ward.outside.outcomes(1)) == before

    def test_a_heartbeat_is_seen_by_others(self, ward: Ward) -> None:
        """Every beat changes the number, and looking does not."""
        claim = ward.claim()
        numbers = []
        for _ in range(3):
            assert ward.leases.heartbeat(claim)
            assert ward.leases.holds(claim)
            numbers.append(ward.seen().heartbeat)
        assert len(set(numbers)) == 3

    @pytest.mark.parametrize("hand", HANDS, ids=str)
    def test_a_prompt_that_others_changed_is_a_lost_lease(
        self, ward: Ward, hand: dict[str, object]
    ) -> None:
        """Its owner learns of it by beating or by looking, and need not render on."""
        claim = ward.claim()
        ward.outside.change(1, **hand)
        assert not ward.leases.holds(claim)
        assert not ward.leases.heartbeat(claim)

    @pytest.mark.parametrize("hand", HANDS, ids=str)
    def test_nothing_is_begun_for_a_prompt_that_others_changed(
        self, ward: Ward, hand: dict[str, object]
    ) -> None:
        """The workflow must not run, and nothing of it is written down."""
        claim = ward.claim()
        ward.outside.change(1, **hand)
        before = ward.seen()
        assert not ward.leases.record_workflow(claim, WORKFLOW)
        assert ward.seen() == before
        assert before.workflow is None

    def test_a_deleted_prompt_is_a_lost_lease(self, ward: Ward) -> None:
        """There is nothing that could be published."""
        claim = ward.claim()
        ward.outside.delete(1)
        assert not ward.leases.holds(claim)
        assert not ward.leases.record_workflow(claim, WORKFLOW)
        assert ward.seen().workflow is None
        assert not ward.leases.heartbeat(claim)

    def test_a_cancelled_render_is_a_lost_lease(self, ward: Ward) -> None:
        """This is how its owner notices."""
        claim = ward.claim()
        assert ward.repository.cancel(1, requeue=False) is None
        assert not ward.leases.holds(claim)
        assert not ward.leases.heartbeat(claim)

    def test_a_workflow_is_remembered_for_its_render(self, ward: Ward) -> None:
        """Whoever takes over knows what to end; the last one counts."""
        claim = ward.claim()
        assert ward.leases.record_workflow(claim, WorkflowProcess(17, "1"))
        assert ward.leases.record_workflow(claim, WORKFLOW)
        assert ward.seen().workflow == WORKFLOW

    # ---------------------------------------------------------------------------- abandon

    def test_an_abandoned_prompt_is_pending_again(self, ward: Ward) -> None:
        """The lost worker is counted, the attempt is not; the dead can do nothing more."""
        ward.outside.add(1)
        ward.outside.change(1, error_message="an old error")
        claim = taken(ward.repository)
        assert ward.leases.abandon(ward.seen(), None)
        assert ward.outside.see(1) == Seen("pending", "an old error", ())
        assert ward.outside.outcomes(1) == ["abandoned"]
        for ending in ENDINGS.values():
            assert not ending(ward.repository, claim, ward.clock)
        assert "took it over" in ward.repository.explain_loss(claim)
        assert ward.outside.see(1).artifact_status == "pending"
        again = taken(ward.repository)
        assert (again.attempt, again.crashes) == (1, 1)
        assert ward.seen().crashes == 1

    def test_lost_workers_are_counted_beside_attempts(self, ward: Ward) -> None:
        """Neither a failure nor a release forgets them; a new acceptance does."""
        ward.outside.add(1)
        counted = []
        for ending in ("", "postpone", "", "release", "fail", "release"):
            claim = taken(ward.repository)
            counted.append((claim.attempt, claim.crashes))
            if ending:
                assert ENDINGS[ending](ward.repository, claim, ward.clock)
            else:
                assert ward.leases.abandon(ward.seen(), None)
            ward.clock.advance(61)
            ward.repository.requeue_errors()
        assert counted == [(1, 0), (1, 1), (2, 1), (2, 2), (2, 2), (1, 0)]

    def test_a_prompt_that_is_given_up_ends_in_error(self, ward: Ward) -> None:
        """It says why; a person's next try begins anew."""
        ward.claim()
        assert ward.leases.abandon(ward.seen(), GIVEN_UP)
        assert ward.outside.see(1) == Seen("error", GIVEN_UP.explain(), ())
        assert ward.repository.requeue_errors().moved == (1,)
        claim = taken(ward.repository)
        assert (claim.attempt, claim.crashes) == (1, 0)

    def test_a_stale_look_abandons_nothing(self, ward: Ward) -> None:
        """Its owner beat since: it lives."""
        claim = ward.claim()
        stale = ward.seen()
        assert ward.leases.heartbeat(claim)
        assert not ward.leases.abandon(stale, None)
        assert not ward.leases.abandon(stale, GIVEN_UP)
        assert ward.leases.adopt(stale) is None
        assert ward.leases.holds(claim)
        assert ward.repository.publish(claim, [picture(1)], 1.0)

    def test_a_render_is_taken_over_once(self, ward: Ward) -> None:
        """Two who saw the same do not both count it."""
        ward.claim()
        seen = ward.seen()
        assert ward.leases.abandon(seen, None)
        assert not ward.leases.abandon(seen, None)
        assert ward.leases.adopt(seen) is None
        assert ward.outside.outcomes(1) == ["abandoned"]

    @pytest.mark.parametrize("failure", [None, GIVEN_UP], ids=["again", "given up"])
    @pytest.mark.parametrize("hand", HANDS, ids=str)
    def test_abandoning_leaves_what_others_did(
        self, ward: Ward, hand: dict[str, object], failure: Failure | None
    ) -> None:
        """The render is closed; the prompt stays as they left it."""
        ward.claim()
        ward.outside.change(1, **hand)
        before = ward.outside.see(1)
        assert ward.leases.abandon(ward.seen(), failure)
        assert ward.outside.see(1) == before
        assert list(ward.leases.live()) == []

    # ------------------------------------------------------------------------------ adopt

    def test_an_adopted_render_is_our_own(self, ward: Ward) -> None:
        """A new number for the same prompt, which never was pending in between."""
        old = ward.claim()
        new = ward.leases.adopt(ward.seen())
        assert new is not None
        assert (new.prompt_id, new.kind, new.writings) == (1, old.kind, old.writings)
        assert new.render_id > old.render_id
        assert (new.attempt, new.crashes) == (1, 1)
        assert ward.seen().render_id == new.render_id
        assert ward.seen().owner != ME
        assert ward.outside.outcomes(1) == ["abandoned", None]
        assert ward.outside.see(1).artifact_status == "processing"
        assert not ward.leases.holds(old)
        assert not ward.repository.publish(old, [picture(1)], 1.0)
        assert ward.repository.publish(new, [picture(1)], 0.0)
        assert ward.outside.see(1) == Seen("ready", None, (picture(1).file_path,))

    @pytest.mark.parametrize("hand", HANDS, ids=str)
    def test_a_prompt_that_others_changed_is_not_adopted(
        self, ward: Ward, hand: dict[str, object]
    ) -> None:
        """What was finished for it is not wanted any more."""
        ward.claim()
        ward.outside.change(1, **hand)
        before = ward.outside.see(1)
        assert ward.leases.adopt(ward.seen()) is None
        assert ward.outside.see(1) == before
        assert ward.outside.outcomes(1) == [None]

    # ------------------------------------------------------------------- files and their rows

    def test_only_closed_renders_of_ours_may_be_cleared_away(self, ward: Ward) -> None:
        """Live ones, unknown ones, and numbers that belong to another prompt stay."""
        closed, live = ward.claim(1), ward.claim(2)
        ward.repository.release(closed, INTERRUPTED, 1.0)
        done = RenderKey(1, closed.render_id, closed.token)
        others = {
            RenderKey(2, live.render_id, live.token),
            RenderKey(2, closed.render_id, closed.token),
            RenderKey(1, 999),
            RenderKey(1, closed.render_id, "f" * 16),  # of a timeline that a backup has ended
        }
        assert ward.leases.closed({done, *others}) == {done}
        assert ward.leases.closed(others) == frozenset()
        assert ward.leases.closed(()) == frozenset()

    def test_what_could_not_be_published_is_kept_while_its_prompt_waits(self, ward: Ward) -> None:
        """Until the prompt ends, and then it is cleared away with the rest."""
        first = ward.claim()
        ward.repository.release(first, REFUSED, 1.0)
        second = taken(ward.repository)
        ward.repository.release(second, INTERRUPTED, 1.0)
        traces = {
            RenderKey(1, first.render_id, first.token),
            RenderKey(1, second.render_id, second.token),
        }
        assert ward.leases.closed(traces) == {RenderKey(1, second.render_id, second.token)}
        third = taken(ward.repository)
        assert ward.leases.closed(traces) == frozenset()
        assert ward.repository.publish(third, [picture(1)], 1.0)
        assert ward.leases.closed(traces) == traces

    def test_what_was_adopted_and_could_not_be_published_is_kept(self, ward: Ward) -> None:
        """The files are those of the render that was lost."""
        lost = ward.claim()
        adopted = ward.leases.adopt(ward.seen())
        assert adopted is not None
        assert ward.repository.release(adopted, REFUSED, 0.0)
        traces = {
            RenderKey(1, lost.render_id, lost.token),
            RenderKey(1, adopted.render_id, adopted.token),
        }
        assert ward.leases.closed(traces) == frozenset()
        expected = tuple((claim.render_id, claim.token) for claim in (lost, adopted))
        assert taken(ward.repository).unpublished == expected

    @pytest.mark.parametrize("hand", [*HANDS[1:], None], ids=repr)
    def test_what_nobody_waits_for_is_not_kept(
        self, ward: Ward, hand: dict[str, object] | None
    ) -> None:
        """The prompt was changed by others, or cancelled."""
        claim = ward.claim()
        ward.repository.release(claim, REFUSED, 1.0)
        if hand is None:
            assert ward.repository.cancel(1, requeue=False) is None
        else:
            ward.outside.change(1, **hand)
        trace = RenderKey(1, claim.render_id, claim.token)
        assert ward.leases.closed({trace}) == {trace}

    def test_files_with_rows_are_known(self, ward: Ward) -> None:
        """Exactly those of the files asked for that a row names."""
        claim = ward.claim()
        ours, other = picture(1, "a.png"), picture(1, "it's.png")
        assert ward.repository.publish(claim, [ours, other], 1.0)
        asked = [other.file_path, picture(2).file_path]
        assert ward.leases.named(asked) == {other.file_path}
        assert ward.leases.named(()) == frozenset()

    def test_several_renders_are_told_apart(self, ward: Ward) -> None:
        """What happens to one does not touch the others."""
        first, second = ward.claim(1), ward.claim(2)
        ward.leases.record_workflow(second, WORKFLOW)
        ward.leases.heartbeat(second)
        one, two = ward.leases.live()
        assert (one.prompt_id, one.heartbeat, one.workflow) == (1, 0, None)
        assert (two.prompt_id, two.workflow) == (2, WORKFLOW)
        assert not ward.leases.abandon(replace(one, heartbeat=two.heartbeat), None)
        assert ward.leases.abandon(one, None)
        assert not ward.leases.holds(first)
        assert ward.leases.holds(second)
        assert ward.repository.fail(second, BROKEN, 1.0)
        assert taken(ward.repository, ANY).prompt_id == 1
