"""Contract of all records of jobs on servers."""

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
    """A job with its own id."""
    given: dict[str, object] = {
        "id": f"00000000-0000-4000-8000-{number:012}",
        "server": "http://127.0.0.1:8188",
        "variant": 1,
        "fingerprint": "f" * 64,
        "seed": 7,
    }
    return ServerJob(**(given | changes))  # type: ignore[arg-type]


class JobQueue(ABC):
    """A queue, its leases, and its records of server jobs.

    Attributes:
        outside: acts as the other programs.
        repository: claims prompts.
        leases: the leases of another worker, which takes over.
        jobs: the records under test.
        clock: the clock of all of them.
    """

    outside: Outside
    repository: PromptRepository
    leases: RenderLeases
    jobs: ServerJobs
    clock: ManualClock

    def claim(self, prompt_id: int = 1) -> Claim:
        """Write and claim a prompt."""
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
        """The next claim, after any wait."""
        self.clock.advance(10**6)
        return taken(self.repository)

    def grow_older(self, seconds: int) -> None:
        """Set the age of all job records."""
        moment = datetime.now(UTC) - timedelta(seconds=seconds)
        self.execute(
            f"UPDATE media_generator_server_jobs SET held_at = '{moment:%Y-%m-%d %H:%M:%S}'"  # noqa: S608 - a test's own words
        )

    @abstractmethod
    def execute(self, statement: str) -> None:
        """Run a statement of another program."""


class ServerJobsContract(ABC):
    """The contract; a subclass supplies the queue."""

    @pytest.fixture
    @abstractmethod
    def queue(self) -> JobQueue:
        """An empty queue."""

    def test_a_job_is_held_by_a_live_render(self, queue: JobQueue) -> None:
        """It is no leftover while its render is live, and may be recorded again."""
        claim = queue.claim()
        assert queue.jobs.record(claim, job())
        assert queue.jobs.record(claim, job())
        assert queue.jobs.owns(claim, job())
        assert list(queue.jobs.earlier(claim)) == []
        assert list(queue.jobs.orphaned()) == []

    @pytest.mark.parametrize("ending", [*ENDINGS, "abandon"])
    def test_a_closed_render_holds_no_job(self, queue: JobQueue, ending: str) -> None:
        """No job is submitted for a closed render."""
        claim = queue.claim()
        queue.end(ending, claim)
        assert not queue.jobs.record(claim, job())
        assert list(queue.jobs.orphaned()) == []

    @pytest.mark.parametrize(
        "hand", [{"artifact_status": "pending"}, {"status": "draft"}, {"output_reference": None}]
    )
    def test_a_changed_prompt_gets_no_job(self, queue: JobQueue, hand: dict[str, object]) -> None:
        """Just as it gets no process."""
        claim = queue.claim()
        queue.outside.change(1, **hand)
        assert not queue.jobs.record(claim, job())

    @pytest.mark.parametrize("ending", sorted(GOES_ON))
    def test_the_next_render_continues_the_job(self, queue: JobQueue, ending: str) -> None:
        """All its recorded data are returned, including seeds beyond 63 bits."""
        first = queue.claim()
        left = job(seed=2**64 - 1, variant=2, server="http://gpu:1")
        assert queue.jobs.record(first, left)
        queue.end(ending, first)
        assert list(queue.jobs.orphaned()) == []
        second = queue.again()
        assert list(queue.jobs.earlier(second)) == [left]
        assert list(queue.jobs.orphaned()) == []
        assert queue.jobs.record(second, left)
        assert list(queue.jobs.earlier(second)) == []
        assert not queue.jobs.owns(first, left)
        assert queue.jobs.owns(second, left)

    def test_the_newest_job_comes_first(self, queue: JobQueue) -> None:
        """Each render left one; all of them may still be running."""
        for number in (1, 2, 3):
            claim = queue.claim() if number == 1 else queue.again()
            assert queue.jobs.record(claim, job(number))
            queue.end("release", claim)
        left = list(queue.jobs.earlier(queue.again()))
        assert left == [job(3), job(2), job(1)]

    def test_a_job_that_another_live_render_holds_is_not_taken(self, queue: JobQueue) -> None:
        """Two prompts never share a job."""
        first, second = queue.claim(1), queue.claim(2)
        assert queue.jobs.record(first, job())
        assert not queue.jobs.record(second, job())
        assert not queue.jobs.owns(second, job())

    def test_an_abandoned_worker_cancels_no_job(self, queue: JobQueue) -> None:
        """Not even before its successor has taken the job."""
        claim = queue.claim()
        assert queue.jobs.record(claim, job())
        queue.end("abandon", claim)
        assert not queue.jobs.owns(claim, job())

    def test_a_successor_may_cancel_a_job_that_it_does_not_continue(self, queue: JobQueue) -> None:
        """The prompt has changed since; the worker that left the job may no longer cancel it."""
        first = queue.claim()
        assert queue.jobs.record(first, job())
        queue.end("abandon", first)
        second = queue.again()
        assert queue.jobs.owns(second, job())
        assert not queue.jobs.owns(first, job())
        assert queue.jobs.record(second, job())
        queue.end("release", second)
        assert not queue.jobs.owns(first, job())

    def test_a_worker_cancels_the_job_of_a_cancelled_prompt(self, queue: JobQueue) -> None:
        """No other worker will; if it dies before that, the job counts as orphaned."""
        claim = queue.claim()
        assert queue.jobs.record(claim, job())
        assert queue.repository.cancel(1, requeue=False) is None
        assert queue.jobs.owns(claim, job())
        assert list(queue.jobs.orphaned()) == [job()]

    def test_an_unrecorded_job_may_be_cancelled(self, queue: JobQueue) -> None:
        """A successor did not find it and dropped its record; then the job appeared after all."""
        claim = queue.claim()
        queue.end("abandon", claim)
        assert queue.jobs.owns(claim, job())

    @pytest.mark.parametrize("ending", sorted({"fail", "postpone"} & set(ENDINGS)))
    def test_jobs_of_a_finished_prompt_are_orphaned(self, queue: JobQueue, ending: str) -> None:
        """A later render starts with a job of its own."""
        claim = queue.claim()
        assert queue.jobs.record(claim, job())
        queue.end(ending, claim)
        assert list(queue.jobs.orphaned()) == [job()]
        if ending == "postpone":
            assert list(queue.jobs.earlier(queue.again())) == []

    def test_a_job_of_an_earlier_acceptance_is_orphaned(self, queue: JobQueue) -> None:
        """Released, cancelled, and queued again: another result is wanted now."""
        claim = queue.claim()
        assert queue.jobs.record(claim, job())
        queue.end("release", claim)
        assert queue.repository.cancel(1, requeue=False) is None
        queue.repository.requeue([1], again=False)
        assert list(queue.jobs.orphaned()) == [job()]
        assert list(queue.jobs.earlier(queue.again())) == []

    @pytest.mark.parametrize(
        "hand", [{"artifact_status": "unsupported"}, {"artifact_status": "ready"}]
    )
    def test_a_job_of_a_withdrawn_prompt_is_orphaned(
        self, queue: JobQueue, hand: dict[str, object]
    ) -> None:
        """The prompt was released, and then taken out of the queue."""
        claim = queue.claim()
        assert queue.jobs.record(claim, job())
        assert queue.repository.release(claim, INTERRUPTED, 1.0)
        assert list(queue.jobs.orphaned()) == []
        queue.outside.change(1, **hand)
        assert list(queue.jobs.orphaned()) == [job()]

    def test_jobs_of_a_published_prompt_are_forgotten(self, queue: JobQueue) -> None:
        """With or without a next job; jobs of other renders stay."""
        left, first = queue.claim(1), queue.claim(2)
        assert queue.jobs.record(left, job(1))
        assert queue.jobs.record(first, job(2))
        queue.end("publish", first)
        second = queue.claim(3)
        assert queue.jobs.record(second, job(3))
        assert list(queue.jobs.orphaned()) == []
        queue.end("publish", second)
        queue.end("fail", left)
        assert list(queue.jobs.orphaned()) == [job(1)]

    def test_a_dropped_job_is_gone(self, queue: JobQueue) -> None:
        """Dropping it twice is no error."""
        claim = queue.claim()
        for number in (1, 2, 3):
            assert queue.jobs.record(claim, job(number))
        queue.jobs.forget(job(1))
        queue.jobs.forget(job(1))
        queue.end("release", claim)
        second = queue.repository.claim_next(ANY)
        assert second is not None
        assert {each.id for each in queue.jobs.earlier(second)} == {job(2).id, job(3).id}

    def test_a_successors_job_is_not_forgotten_by_the_render_before_it(
        self, queue: JobQueue
    ) -> None:
        """If the successor dies too, the next worker must find the job."""
        first = queue.claim()
        assert queue.jobs.record(first, job())
        queue.end("abandon", first)
        second = queue.again()
        assert queue.jobs.record(second, job())
        queue.jobs.forget(job(), first)
        queue.end("abandon", second)
        assert list(queue.jobs.earlier(queue.again())) == [job()]

    def test_a_render_forgets_its_own_jobs_and_those_before_it(self, queue: JobQueue) -> None:
        """It knows their outcomes."""
        first = queue.claim()
        assert queue.jobs.record(first, job(1))
        queue.end("release", first)
        second = queue.again()
        assert queue.jobs.record(second, job(2))
        for number in (1, 2):
            queue.jobs.forget(job(number), second)
        queue.end("release", second)
        assert list(queue.jobs.earlier(queue.again())) == []

    def test_a_successor_sees_the_age_of_a_job_record(self, queue: JobQueue) -> None:
        """The worker that recorded the job renews the record; one that continues it does not."""
        first = queue.claim()
        assert queue.jobs.record(first, job())
        queue.grow_older(3600)
        queue.end("abandon", first)
        second = queue.again()
        assert queue.jobs.record(second, job())
        queue.end("abandon", second)
        third = queue.again()
        [left] = queue.jobs.earlier(third)
        assert 3590 < left.age < 3660
        assert queue.jobs.record(third, job())
        assert queue.jobs.record(third, job())
        queue.end("abandon", third)
        [left] = queue.jobs.earlier(queue.again())
        assert left.age < 60
