"""What all books of jobs on servers promise, whoever keeps them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from domain.failure import Failure, FailureCode
from domain.render import ServerJob
from tests.contract.prompt_repository_contract import ANY, ENDINGS, INTERRUPTED, Outside, taken

if TYPE_CHECKING:
    from application.ports.prompt_repository import PromptRepository
    from application.ports.renders import RenderLeases, ServerJobs
    from domain.render import Claim
    from tests.fakes.system import ManualClock

LOST = Failure(FailureCode.WORKER_LOST, "the program died ten times")
GOES_ON = {"release", "abandon"}


def job(number: int = 1, **changes: object) -> ServerJob:
    """A job with an id of its own."""
    given: dict[str, object] = {
        "id": f"00000000-0000-4000-8000-{number:012}",
        "server": "http://127.0.0.1:8188",
        "variant": 1,
        "fingerprint": "f" * 64,
        "seed": 7,
    }
    return ServerJob(**(given | changes))  # type: ignore[arg-type]


class Yard(ABC):
    """A queue, its leases, and the book of its jobs.

    Attributes:
        outside: plays the other programs.
        repository: claims prompts.
        leases: of another worker, who takes over.
        jobs: the book.
        clock: of all of them.
    """

    outside: Outside
    repository: PromptRepository
    leases: RenderLeases
    jobs: ServerJobs
    clock: ManualClock

    def claim(self, prompt_id: int = 1) -> Claim:
        """A fresh prompt, claimed."""
        self.outside.add(prompt_id)
        return taken(self.repository)

    def end(self, how: str, claim: Claim) -> None:
        """End the render of a claim."""
        if how == "abandon":
            [live] = [each for each in self.leases.live() if each.render_id == claim.render_id]
            assert self.leases.abandon(live, None)
        else:
            assert ENDINGS[how](self.repository, claim, self.clock)

    def again(self) -> Claim:
        """The next claim, whatever had to be waited for."""
        self.clock.advance(10**6)
        return taken(self.repository)

    def grow_older(self, seconds: int) -> None:
        """Let the records of all jobs be as old."""
        moment = datetime.now(UTC) - timedelta(seconds=seconds)
        self.execute(
            f"UPDATE media_generator_server_jobs SET held_at = '{moment:%Y-%m-%d %H:%M:%S}'"  # noqa: S608 - a test's own words
        )

    @abstractmethod
    def execute(self, statement: str) -> None:
        """Run a statement of another program."""


class ServerJobsContract(ABC):
    """The tests; a subclass gives them a yard."""

    @pytest.fixture
    @abstractmethod
    def yard(self) -> Yard:
        """An empty queue."""

    def test_a_job_is_held_by_a_live_render(self, yard: Yard) -> None:
        """It is nobody's leftover while its render lives, and may be written down again."""
        claim = yard.claim()
        assert yard.jobs.record(claim, job())
        assert yard.jobs.record(claim, job())
        assert yard.jobs.owns(claim, job())
        assert list(yard.jobs.earlier(claim)) == []
        assert list(yard.jobs.orphaned()) == []

    @pytest.mark.parametrize("ending", [*ENDINGS, "abandon"])
    def test_a_closed_render_holds_no_job(self, yard: Yard, ending: str) -> None:
        """Nothing is submitted for what is over."""
        claim = yard.claim()
        yard.end(ending, claim)
        assert not yard.jobs.record(claim, job())
        assert list(yard.jobs.orphaned()) == []

    @pytest.mark.parametrize(
        "hand", [{"artifact_status": "pending"}, {"status": "draft"}, {"output_reference": None}]
    )
    def test_a_prompt_that_others_changed_gets_no_job(
        self, yard: Yard, hand: dict[str, object]
    ) -> None:
        """As little as it would get a process."""
        claim = yard.claim()
        yard.outside.change(1, **hand)
        assert not yard.jobs.record(claim, job())

    @pytest.mark.parametrize("ending", sorted(GOES_ON))
    def test_the_next_render_goes_on_with_the_job(self, yard: Yard, ending: str) -> None:
        """Everything that was known of it comes back, seeds beyond 63 bits too."""
        first = yard.claim()
        left = job(seed=2**64 - 1, variant=2, server="http://gpu:1")
        assert yard.jobs.record(first, left)
        yard.end(ending, first)
        assert list(yard.jobs.orphaned()) == []
        second = yard.again()
        assert list(yard.jobs.earlier(second)) == [left]
        assert list(yard.jobs.orphaned()) == []
        assert yard.jobs.record(second, left)
        assert list(yard.jobs.earlier(second)) == []
        assert not yard.jobs.owns(first, left)
        assert yard.jobs.owns(second, left)

    def test_the_newest_job_comes_first(self, yard: Yard) -> None:
        """Each render left one; all of them may still run."""
        for number in (1, 2, 3):
            claim = yard.claim() if number == 1 else yard.again()
            assert yard.jobs.record(claim, job(number))
            yard.end("release", claim)
        left = list(yard.jobs.earlier(yard.again()))
        assert left == [job(3), job(2), job(1)]

    def test_a_job_that_another_live_render_holds_is_not_taken(self, yard: Yard) -> None:
        """Two prompts never share one."""
        first, second = yard.claim(1), yard.claim(2)
        assert yard.jobs.record(first, job())
        assert not yard.jobs.record(second, job())
        assert not yard.jobs.owns(second, job())

    def test_a_worker_that_was_taken_over_ends_nothing(self, yard: Yard) -> None:
        """Between its being given up and its heir's taking the job, too."""
        claim = yard.claim()
        assert yard.jobs.record(claim, job())
        yard.end("abandon", claim)
        assert not yard.jobs.owns(claim, job())

    def test_an_heir_may_end_what_it_does_not_go_on_with(self, yard: Yard) -> None:
        """Something else is wanted by now; the one who left it may not end it any more."""
        first = yard.claim()
        assert yard.jobs.record(first, job())
        yard.end("abandon", first)
        second = yard.again()
        assert yard.jobs.owns(second, job())
        assert not yard.jobs.owns(first, job())
        assert yard.jobs.record(second, job())
        yard.end("release", second)
        assert not yard.jobs.owns(first, job())

    def test_a_worker_whose_prompt_was_cancelled_ends_its_job(self, yard: Yard) -> None:
        """Nobody else will; and should it die before that, the job is seen to be orphaned."""
        claim = yard.claim()
        assert yard.jobs.record(claim, job())
        assert yard.repository.cancel(1, requeue=False) is None
        assert yard.jobs.owns(claim, job())
        assert list(yard.jobs.orphaned()) == [job()]

    def test_a_job_that_nobody_knows_may_be_ended(self, yard: Yard) -> None:
        """It was dropped by an heir who did not find it; then it came up after all."""
        claim = yard.claim()
        yard.end("abandon", claim)
        assert yard.jobs.owns(claim, job())

    @pytest.mark.parametrize("ending", sorted({"fail", "postpone"} & set(ENDINGS)))
    def test_what_is_over_is_orphaned(self, yard: Yard, ending: str) -> None:
        """A next render, if there is one, begins with a job of its own."""
        claim = yard.claim()
        assert yard.jobs.record(claim, job())
        yard.end(ending, claim)
        assert list(yard.jobs.orphaned()) == [job()]
        if ending == "postpone":
            assert list(yard.jobs.earlier(yard.again())) == []

    def test_a_job_of_an_earlier_acceptance_is_orphaned(self, yard: Yard) -> None:
        """Given back, cancelled, asked for anew: something else is wanted now."""
        claim = yard.claim()
        assert yard.jobs.record(claim, job())
        yard.end("release", claim)
        assert yard.repository.cancel(1, requeue=False) is None
        yard.repository.requeue([1], again=False)
        assert list(yard.jobs.orphaned()) == [job()]
        assert list(yard.jobs.earlier(yard.again())) == []

    @pytest.mark.parametrize(
        "hand", [{"artifact_status": "unsupported"}, {"artifact_status": "ready"}]
    )
    def test_a_job_of_a_prompt_that_others_took_away_is_orphaned(
        self, yard: Yard, hand: dict[str, object]
    ) -> None:
        """It was given back, and then nobody wanted it any more."""
        claim = yard.claim()
        assert yard.jobs.record(claim, job())
        assert yard.repository.release(claim, INTERRUPTED, 1.0)
        assert list(yard.jobs.orphaned()) == []
        yard.outside.change(1, **hand)
        assert list(yard.jobs.orphaned()) == [job()]

    def test_what_is_published_is_forgotten(self, yard: Yard) -> None:
        """With the next job or without one; jobs of other renders stay."""
        left, first = yard.claim(1), yard.claim(2)
        assert yard.jobs.record(left, job(1))
        assert yard.jobs.record(first, job(2))
        yard.end("publish", first)
        second = yard.claim(3)
        assert yard.jobs.record(second, job(3))
        assert list(yard.jobs.orphaned()) == []
        yard.end("publish", second)
        yard.end("fail", left)
        assert list(yard.jobs.orphaned()) == [job(1)]

    def test_what_is_dropped_is_gone(self, yard: Yard) -> None:
        """Twice is no error."""
        claim = yard.claim()
        for number in (1, 2, 3):
            assert yard.jobs.record(claim, job(number))
        yard.jobs.forget(job(1))
        yard.jobs.forget(job(1))
        yard.end("release", claim)
        second = yard.repository.claim_next(ANY)
        assert second is not None
        assert {each.id for each in yard.jobs.earlier(second)} == {job(2).id, job(3).id}

    def test_a_successors_job_is_not_forgotten_by_the_render_before_it(self, yard: Yard) -> None:
        """Should the successor die too, the next one must find the job."""
        first = yard.claim()
        assert yard.jobs.record(first, job())
        yard.end("abandon", first)
        second = yard.again()
        assert yard.jobs.record(second, job())
        yard.jobs.forget(job(), first)
        yard.end("abandon", second)
        assert list(yard.jobs.earlier(yard.again())) == [job()]

    def test_a_render_forgets_its_own_jobs_and_those_before_it(self, yard: Yard) -> None:
        """It knows what became of them."""
        first = yard.claim()
        assert yard.jobs.record(first, job(1))
        yard.end("release", first)
        second = yard.again()
        assert yard.jobs.record(second, job(2))
        for number in (1, 2):
            yard.jobs.forget(job(number), second)
        yard.end("release", second)
        assert list(yard.jobs.earlier(yard.again())) == []

    def test_a_successor_learns_how_old_the_record_of_a_job_is(self, yard: Yard) -> None:
        """The one who recorded it renews it; the one who continues the job does not."""
        first = yard.claim()
        assert yard.jobs.record(first, job())
        yard.grow_older(3600)
        yard.end("abandon", first)
        second = yard.again()
        assert yard.jobs.record(second, job())
        yard.end("abandon", second)
        third = yard.again()
        [left] = yard.jobs.earlier(third)
        assert 3590 < left.age < 3660
        assert yard.jobs.record(third, job())
        assert yard.jobs.record(third, job())
        yard.end("abandon", third)
        [left] = yard.jobs.earlier(yard.again())
        assert left.age < 60
