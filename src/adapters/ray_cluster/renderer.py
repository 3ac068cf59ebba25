"""The renderer that gives each brief to a slot of a Ray cluster."""

from __future__ import annotations

from queue import Empty
from typing import TYPE_CHECKING
from uuid import uuid4

from returns.result import Failure as Failed
from returns.result import Result, Success

from domain.affinity import Fit, Need
from domain.failure import Failure, FailureCode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from adapters.ray_cluster.cluster import ClusterSlot, RayCluster
    from adapters.ray_cluster.messages import Rendered, Report
    from application.ports.media_renderer import RenderContext, RenderingFacts, RenderJob
    from application.ports.system import Clock
    from domain.brief import Brief
    from domain.prompt import Kind
    from domain.render import WorkflowProcess

_TICK = 0.1  # seconds between two questions whether to stop
_STOP_SECONDS = 20.0  # from a request to stop to the end, whatever the node does
_REPORTS = frozenset({"on_started", "on_preview", "on_progress", "on_output"})
_STOPPED = Failure(FailureCode.INTERRUPTED, "the job was stopped on request")


class RayRenderer:
    """Makes media on the nodes of a Ray cluster. Safe to use from several threads at once.

    Args:
        cluster: the cluster; closed with this.
        clock: what to measure with.
    """

    def __init__(self, cluster: RayCluster, clock: Clock) -> None:
        self._cluster = cluster
        self._clock = clock

    def preflight(self, kind: Kind, workflow: str = "") -> Failure | None:
        """Whether a slot of the cluster is there for the workflow, and its node can render it."""
        try:
            return self._cluster.failure((kind, workflow))
        except OSError as error:
            return _unreadable(error)

    def waiting_processes(
        self,
        kind: Kind,
        environment: Mapping[str, str],  # noqa: ARG002
        slot: int,
    ) -> Sequence[WorkflowProcess] | None:
        """None if no slot of the cluster is there and free.

        Its processes run on other machines, and are no business of this one's database.
        """
        workflows = [key for key in self._cluster.setup.workflows if key[0] is kind]
        return None if self._cluster.hold(slot, workflows) is None else ()

    def need(self, kind: Kind, workflow: str, brief: Callable[[], Brief | None]) -> Need:  # noqa: ARG002
        """The workflow."""
        return Need(kind, workflow)

    def fit(self, need: Need, slot: int, ahead: int = 0) -> Fit:  # noqa: ARG002
        """Whether a free slot rendered the workflow last, so that its node has its models."""
        key = need.kind, need.workflow
        of_cluster = self._cluster.free_slot(slot, (key,))
        if of_cluster is None:
            return Fit.IMPOSSIBLE
        return Fit.LOADED if of_cluster.last == key else Fit.POSSIBLE

    def why_away(self, need: Need) -> Failure | None:  # noqa: ARG002
        """None: ``fit`` never says that something is away."""
        return None

    def reserve(self, prompt_id: int, need: Need, slot: int, ahead: int = 0) -> None:  # noqa: ARG002
        """Keep the slot of the cluster that suits the prompt best."""
        self._cluster.hold(slot, ((need.kind, need.workflow),))

    def release(self, prompt_id: int) -> None:
        """Nothing: what is kept for a slot of the worker stays kept for its next prompt."""

    def render(self, job: RenderJob, context: RenderContext) -> Result[RenderingFacts, Failure]:
        """Render on a node; when this returns, the job has ended, or its node is lost.

        A slot on a lost node stops what it renders once its driver has been silent for a minute.
        """
        key = job.brief.kind, job.workflow
        give_up_at = self._clock.monotonic() + self._cluster.setup.start_seconds
        while not context.must_stop():
            if (slot := self._cluster.take(job.slot, key)) is not None:
                try:
                    return self._render(slot, job, context)
                finally:
                    self._cluster.release(slot)
            if (failure := self.preflight(*key)) is not None:
                return Failed(failure)
            if self._clock.monotonic() > give_up_at:  # others may have a place for it
                message = "the slot of the cluster was lost before the job began"
                return Failed(Failure(FailureCode.SERVER_LOST, message))
            self._clock.sleep(_TICK)
        return Failed(_STOPPED)

    def close(self) -> None:
        """End the connection, and with it every actor."""
        self._cluster.close()

    def _render(
        self, slot: ClusterSlot, job: RenderJob, context: RenderContext
    ) -> Result[RenderingFacts, Failure]:
        node = slot.report.node if slot.report is not None else "that rendered it"
        try:
            self._cluster.begin(slot, f"{job.render_id}-{job.variant}-{uuid4().hex}", job)
        except OSError as error:
            return Failed(_unreadable(error))
        lost, rendered = self._follow(slot, context)
        if rendered is None:
            if context.must_stop():
                return Failed(_STOPPED)
            return Failed(Failure(FailureCode.SERVER_LOST, f"the Ray node {node} was lost: {lost}"))
        _pass_on(rendered.reports, context)
        if rendered.failure is not None and rendered.failure.code.found_by_preflight:
            self._cluster.mark(slot, (job.brief.kind, job.workflow), rendered.failure)
        if rendered.facts is None:
            return Failed(rendered.failure or _STOPPED)
        return Success(rendered.facts)

    def _follow(self, slot: ClusterSlot, context: RenderContext) -> tuple[str, Rendered | None]:
        """The result of the slot's job; without one, why it was lost.

        A node that does not stop the job in time counts as lost.
        """
        give_up_at: float | None = None
        while give_up_at is None or self._clock.monotonic() < give_up_at:
            if give_up_at is None and context.must_stop():
                give_up_at = self._clock.monotonic() + _STOP_SECONDS
                self._cluster.stop(slot)
            try:
                name, value = slot.inbox.get(timeout=_TICK)
            except Empty:
                continue
            if name == "reports":
                _pass_on(value, context)
            else:
                return (value, None) if name == "lost" else ("", value)
        return "it did not stop in time", None


def _pass_on(reports: Sequence[Report], context: RenderContext) -> None:
    """Report to the worker what was reported on the node."""
    for name, values in reports:
        if name in _REPORTS:
            getattr(context, name)(*values)


def _unreadable(error: OSError) -> Failure:
    message = f"the workflow {error.filename} cannot be read: {error.strerror}"
    return Failure(FailureCode.WORKFLOW_UNUSABLE, message)
