"""Taking over from lost workers and removing leftovers; each step is applied to the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from application.ports.artifact_store import RenderKey
from domain.failure import Failure, FailureCode
from tests.contract.queue_machine_rendering import MAX_CRASHES, POLICY
from tests.contract.queue_machine_worker import LEASE, LONGEST_GAP

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from domain.render import LiveRender
    from tests.contract.queue_machine_rendering import Renderer
    from tests.contract.queue_machine_worker import Death, Worker

LOST = Failure(FailureCode.WORKER_LOST, "the program died too often")


@dataclass
class Recoverer:
    """Looks for lost renders of all workers."""

    renderer: Renderer
    workers: Sequence[Worker]

    def watch(self, worker: Worker, looks: int, awake: Collection[Worker]) -> list[LiveRender]:
        """Check a few times; returns the renders whose owners are lost, as they were seen.

        Workers that are awake send heartbeats between two checks.
        """
        for _ in range(looks):
            self._look(worker)
            self.renderer.clock.advance(LONGEST_GAP)
            for each in awake:
                for claim in each.claims[-2:]:
                    self.renderer.beat(each, claim)
        seen, expired = self._look(worker)
        now = self.renderer.clock.monotonic()
        for render in seen:
            stood_still = now - self.renderer.model.renders[render.render_id].heartbeat_at
            if render.render_id in expired:
                assert stood_still >= LEASE
            else:
                assert stood_still < LEASE or looks * LONGEST_GAP < LEASE
        return [each for each in seen if each.render_id in expired or each.owner in worker.dead]

    def take_over(
        self,
        worker: Worker,
        lost: list[LiveRender],
        death: Death | None,
        before: Callable[[LiveRender], None],
        *,
        publishes: bool,
    ) -> None:
        """Take over each in turn; anything may happen between the check and the takeover."""
        for render in lost:
            before(render)
            if not self._adopt(worker, render, death, publishes=publishes):
                self._abandon(worker, render, death)

    def wake(self, render: LiveRender) -> None:
        """The owner was only suspended, if it is alive."""
        for worker in self.workers:
            for claim in worker.claims:
                if claim.render_id == render.render_id:
                    self.renderer.beat(worker, claim)

    def sweep(self, worker: Worker) -> None:
        """Remove leftovers of closed renders."""
        leases, files, model = worker.session.leases, self.renderer.files, self.renderer.model
        unknown = RenderKey(1, 999)
        closed = leases.closed({*files.plans, unknown})
        pairs = [(trace.prompt_id, trace.render_id) for trace in files.plans]
        assert {(trace.prompt_id, trace.render_id) for trace in closed} == model.closed(pairs)
        with_rows = {path for _, path in model.rows}
        for trace in closed:
            paths = files.plans[trace]
            named = leases.named(paths)
            assert named == with_rows.intersection(paths)
            files.sweep(trace, keep_placed=bool(named))

    def _look(self, worker: Worker) -> tuple[list[LiveRender], frozenset[int]]:
        live = worker.session.leases.live()
        assert [
            (each.render_id, each.prompt_id, each.owner, each.heartbeat, each.crashes)
            for each in live
        ] == [
            (each.render_id, each.prompt_id, each.owner, each.heartbeat, each.crashes)
            for each in self.renderer.model.live()
        ]
        others = [each for each in live if not worker.holds(each.render_id)]
        heartbeats = {each.render_id: each.heartbeat for each in others}
        return others, worker.observer.observe(self.renderer.clock.monotonic(), heartbeats)

    def _is_as_seen(self, seen: LiveRender) -> bool:
        render = self.renderer.model.renders[seen.render_id]
        return render.outcome is None and render.heartbeat == seen.heartbeat

    def _adopt(
        self, worker: Worker, seen: LiveRender, death: Death | None, *, publishes: bool
    ) -> bool:
        """Adopt finished files, and publish them at once or later."""
        model, leases = self.renderer.model, worker.session.leases
        paths = self.renderer.files.finished(RenderKey(seen.prompt_id, seen.render_id, seen.token))
        if paths is None or POLICY.gives_up_after(seen.crashes):
            return False
        worker.try_to_die(death, lambda: leases.adopt(seen))
        claim = leases.adopt(seen)
        known = model.prompts[seen.prompt_id]
        written = known.reference in model.writings
        wanted = self._is_as_seen(seen) and model.is_held(seen.render_id) and written
        assert (claim is not None) is wanted
        if claim is None:
            return False
        model.abandon(seen.render_id, None)
        self.renderer.began(worker, claim)
        worker.adopted[claim.render_id] = paths
        worker.die_now(death)
        if publishes:
            self.renderer.publish(worker, claim, None)
        return True

    def _abandon(self, worker: Worker, seen: LiveRender, death: Death | None) -> None:
        """Put the prompt back in the queue, or fail it."""
        leases = worker.session.leases
        gives_up = seen.crashes + 1 >= MAX_CRASHES
        assert POLICY.gives_up_after(seen.crashes + 1) is gives_up
        failure = LOST if gives_up else None
        worker.try_to_die(death, lambda: leases.abandon(seen, failure))
        done = self._is_as_seen(seen)
        assert leases.abandon(seen, failure) is done
        if done:
            self.renderer.model.abandon(seen.render_id, failure)
        worker.die_now(death)
