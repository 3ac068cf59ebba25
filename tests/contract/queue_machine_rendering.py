"""The steps of a worker with its claims, applied to the queue, the files and the model."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from application.ports.prompt_repository import Publication
from domain.artifact import Artifact
from domain.failure import Failure, FailureCode
from domain.render import WorkflowProcess
from domain.retry import RetryPolicy
from tests.contract.queue_machine_files import Files
from tests.contract.queue_machine_worker import trace_of

if TYPE_CHECKING:
    from application.ports.prompt_repository import Selection
    from domain.render import Claim
    from tests.contract.queue_machine_model import Model
    from tests.contract.queue_machine_worker import Death, Worker
    from tests.contract.queue_machine_worlds import World

MAX_ATTEMPTS = 3
MAX_CRASHES = 3
POLICY = RetryPolicy(max_attempts=MAX_ATTEMPTS, max_crashes=MAX_CRASHES)
BROKEN = Failure(FailureCode.WORKFLOW_FAILED, "exit code 1")
MEMORY = Failure(FailureCode.OUT_OF_MEMORY, "no memory left")
STOPPED = Failure(FailureCode.INTERRUPTED, "asked to stop")


class Renderer:
    """One method for each step; DeadError says that the worker died in it."""

    def __init__(self, world: World, model: Model) -> None:
        self.clock = world.clock
        self.model = model
        self.files = Files()

    def claim(self, worker: Worker, selection: Selection, death: Death | None) -> None:
        """Claim the first prompt that is due."""
        repository, now = worker.session.repository, self.clock.now()
        assert repository.count_pending(selection) == len(self.model.pending(selection))
        assert repository.next_retry_at(selection) == self.model.next_retry_at(selection, now)
        worker.try_to_die(death, lambda: repository.claim_next(selection))
        expected = self.model.claimable(selection, now)
        self._claimed(worker, expected, repository.claim_next(selection))
        worker.die_now(death)

    def publish(self, worker: Worker, claim: Claim, death: Death | None) -> None:
        """Publish with a valid or a stale token."""
        repository, artifacts = worker.session.repository, self._placed(worker, claim)
        worker.try_to_die(death, lambda: repository.publish(claim, artifacts, 1.0))
        published = repository.publish(claim, artifacts, 1.0)
        self._published(worker, claim, artifacts, published=published)
        worker.die_now(death)

    def publish_and_claim(
        self, worker: Worker, claim: Claim, selection: Selection, death: Death | None
    ) -> None:
        """Publish and claim in one transaction."""
        repository, artifacts = worker.session.repository, self._placed(worker, claim)
        publications = [Publication(claim, artifacts, 1.0)]
        worker.try_to_die(death, lambda: repository.publish_and_claim(publications, selection, 2))
        [published], claims = repository.publish_and_claim(publications, selection, 2)
        self._published(worker, claim, artifacts, published=published)
        for following in (*claims, *[None] * (2 - len(claims))):
            expected = self.model.claimable(selection, self.clock.now())
            self._claimed(worker, expected, following)
        worker.die_now(death)

    def fail(self, worker: Worker, claim: Claim, death: Death | None) -> None:
        """End with a final failure."""
        repository = worker.session.repository
        worker.try_to_die(death, lambda: repository.fail(claim, BROKEN, 1.0))
        assert repository.fail(claim, BROKEN, 1.0) is self.model.fail(claim.render_id, BROKEN)
        worker.die_now(death)

    def charge(self, worker: Worker, claim: Claim, death: Death | None) -> None:
        """Postpone, or fail after the last attempt."""
        repository, model = worker.session.repository, self.model
        chance = claim.render_id % 5 / 4
        wait = POLICY.wait(MEMORY, claim.attempt, chance)
        assert (wait is None) is (claim.attempt >= MAX_ATTEMPTS)
        if wait is None:
            worker.try_to_die(death, lambda: repository.fail(claim, MEMORY, 1.0))
            assert repository.fail(claim, MEMORY, 1.0) is model.fail(claim.render_id, MEMORY)
        else:
            retry_at = self.clock.now() + timedelta(seconds=wait)
            worker.try_to_die(death, lambda: repository.postpone(claim, MEMORY, 1.0, retry_at))
            postponed = repository.postpone(claim, MEMORY, 1.0, retry_at)
            assert postponed is model.postpone(claim.render_id, MEMORY, retry_at)
        worker.die_now(death)

    def release(self, worker: Worker, claim: Claim, death: Death | None) -> None:
        """Release the prompt without a charge."""
        repository = worker.session.repository
        worker.try_to_die(death, lambda: repository.release(claim, STOPPED, 1.0))
        released = repository.release(claim, STOPPED, 1.0)
        assert released is self.model.release(claim.render_id, STOPPED)
        worker.die_now(death)

    def plan(self, worker: Worker, claim: Claim, death: Death | None) -> None:
        """Record the plan without placing files."""
        if claim.render_id not in worker.adopted:
            self.files.plan(trace_of(claim), claim.kind.value)
        worker.die_now(death)

    def place(self, worker: Worker, claim: Claim, death: Death | None) -> None:
        """Place the files; their rows are not committed."""
        self._placed(worker, claim)
        worker.die_now(death)

    def beat(self, worker: Worker, claim: Claim, death: Death | None = None) -> None:
        """Send a heartbeat, and check the answer."""
        leases, held = worker.session.leases, self.model.is_held(claim.render_id)
        worker.try_to_die(death, lambda: leases.heartbeat(claim))
        assert leases.heartbeat(claim) is held
        self.model.beat(claim.render_id, self.clock.monotonic(), self.clock.now())
        assert leases.holds(claim) is held
        worker.die_now(death)

    def record(self, worker: Worker, claim: Claim, death: Death | None) -> None:
        """Record the workflow's process group; refused if the lease is lost."""
        leases, held = worker.session.leases, self.model.is_held(claim.render_id)
        workflow = WorkflowProcess(claim.render_id + 100, "99")
        worker.try_to_die(death, lambda: leases.record_workflow(claim, workflow))
        assert leases.record_workflow(claim, workflow) is held
        if held:
            self.model.renders[claim.render_id].group = workflow.group
        worker.die_now(death)

    def set_clock_back(self, worker: Worker, claim: Claim, death: Death | None) -> None:
        """Set the wall clock back by less than a wait."""
        self.clock.jump(-4.0)

    def began(self, worker: Worker, claim: Claim) -> None:
        """Compare a claim with the model's expectation, and give it to the worker."""
        assert claim.render_id > max(self.model.renders, default=0)
        render = self.model.open(claim, worker.owner, self.clock.monotonic())
        assert (claim.kind.value, claim.attempt, claim.crashes) == (
            render.kind,
            render.attempt,
            render.crashes,
        )
        assert [writing.id for writing in claim.writings] == [render.reference]
        worker.claims.append(claim)

    def _claimed(self, worker: Worker, expected: list[int], claim: Claim | None) -> None:
        assert (claim and claim.prompt_id) == (expected[0] if expected else None)
        if claim is not None:
            self.began(worker, claim)

    def _placed(self, worker: Worker, claim: Claim) -> list[Artifact]:
        """The files that a claim may publish: its own, or those of the render that it adopted."""
        paths = worker.adopted.get(claim.render_id)
        if paths is None:
            paths = self.files.place(trace_of(claim), claim.kind.value)
        return [Artifact(claim.kind, path, {}) for path in paths]

    def _published(
        self, worker: Worker, claim: Claim, artifacts: list[Artifact], *, published: bool
    ) -> None:
        paths = [artifact.file_path for artifact in artifacts]
        assert published is self.model.publish(claim.render_id, paths)
        if not published:
            assert worker.session.repository.explain_loss(claim)
