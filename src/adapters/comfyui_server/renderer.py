"""The renderer that gives each brief to a ComfyUI server, and chooses the server."""

from __future__ import annotations

import math
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import uuid4

from returns.pipeline import is_successful
from returns.result import Failure as Failed
from returns.result import Success

from adapters.comfyui_server.address import ServerAddress
from adapters.comfyui_server.client import ServerClient, ServerError, cancel_job
from adapters.comfyui_server.deadlines import StopCheck, StopRequestedError
from adapters.comfyui_server.input_pictures import PictureUploads
from adapters.comfyui_server.job import JobRun, JobSetup, JobState
from adapters.comfyui_server.pool import unreachable
from adapters.comfyui_server.progress import NodeTimings
from adapters.comfyui_server.server_workflow import bind
from domain.affinity import Fit, Need
from domain.failure import Failure, FailureCode
from domain.render import ServerJob

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from returns.result import Result

    from adapters.comfyui_server.deadlines import ServerLimits
    from adapters.comfyui_server.pool import Server, ServerPool, ServerSlot
    from adapters.comfyui_server.server_workflow import ServerWorkflow
    from application.ports.media_renderer import RenderContext, RenderingFacts, RenderJob
    from application.ports.system import Clock
    from domain.brief import Brief
    from domain.prompt import Kind
    from domain.render import WorkflowProcess
    from domain.workflow_rules import WorkflowKey

    Workflows = Mapping[WorkflowKey, Callable[[], Result[ServerWorkflow, Failure]]]

_OUTPUT_FOLDER = "mediagen"  # on the server
_CANCEL_SECONDS = 2.0
_FREE_SECONDS = 0.2  # a job that comes at once would come before the memory is free
_SLOT_POLL = 0.1  # seconds, while every slot of the only fitting server is taken
_MAX_MOVES = 8  # from one server to another: they come back and fail again
_NOT_AS_CHECKED = frozenset(
    {FailureCode.MODEL_MISSING, FailureCode.NODE_MISSING, FailureCode.GRAPH_REJECTED}
)


class ServerRenderer:
    """Makes media on ComfyUI servers. Safe to use from several threads at once.

    Args:
        workflows: how to get each workflow; asked for every job, so that a changed file counts.
            The same object means that nothing changed.
        pool: the servers; closed with this.
        limits: how long to wait, and how much a job may leave.
        clock: what to measure with, and to wait by.
    """

    def __init__(
        self, workflows: Workflows, pool: ServerPool, limits: ServerLimits, clock: Clock
    ) -> None:
        self._workflows = workflows
        self._pool = pool
        self._limits = limits
        self._clock = clock
        self._uploads = PictureUploads()
        self._timings: dict[WorkflowKey, tuple[ServerWorkflow, NodeTimings]] = {}

    def preflight(self, kind: Kind, workflow: str = "") -> Failure | None:
        """Whether the workflow can be used, and a server is there that can run it.

        Asks no server that answered a moment ago.
        """
        loaded = self._workflows[kind, workflow]()
        if not is_successful(loaded):
            return loaded.failure()
        return self._pool.preflight(loaded.unwrap())

    def waiting_processes(
        self,
        kind: Kind,  # noqa: ARG002
        environment: Mapping[str, str],  # noqa: ARG002
        slot: int,  # noqa: ARG002
    ) -> Sequence[WorkflowProcess]:
        """None: a job of a server has no process here."""
        return ()

    def need(self, kind: Kind, workflow: str, brief: Callable[[], Brief | None]) -> Need:
        """The models of the graph, or those that the brief names in their place."""
        loaded = self._workflows[kind, workflow]()
        if not is_successful(loaded):
            return Need(kind, workflow)
        return self._pool.need(loaded.unwrap(), brief)

    def fit(self, need: Need, slot: int, ahead: int = 0) -> Fit:  # noqa: ARG002
        """How the servers that may take a job now suit a prompt."""
        loaded = self._workflows[need.kind, need.workflow]()
        if not is_successful(loaded):
            return Fit.POSSIBLE
        return self._pool.fit(loaded.unwrap(), need, ahead)

    def why_away(self, need: Need) -> Failure | None:
        """Why a prompt waits for servers that do not answer; None if it does not."""
        loaded = self._workflows[need.kind, need.workflow]()
        return self._pool.why_away(loaded.unwrap(), need) if is_successful(loaded) else None

    def reserve(self, prompt_id: int, need: Need, slot: int, ahead: int = 0) -> None:  # noqa: ARG002
        """Keep the place of the best server for a prompt."""
        loaded = self._workflows[need.kind, need.workflow]()
        if is_successful(loaded):
            self._pool.reserve(prompt_id, loaded.unwrap(), need, ahead)

    def release(self, prompt_id: int) -> None:
        """Give back the place that was kept for a prompt and not used."""
        self._pool.release_reserved(prompt_id)

    def render(self, job: RenderJob, context: RenderContext) -> Result[RenderingFacts, Failure]:
        """Let a server make the media and fetch them.

        When this returns, no job needs to be waited for any more: it is over, or recorded by
        ``RenderContext.record_job`` to be resumed or ended later.
        """
        key = job.brief.kind, job.workflow
        loaded = self._workflows[key]()
        if not is_successful(loaded):
            return Failed(loaded.failure())
        workflow, stop = loaded.unwrap(), StopCheck(context, self._clock)
        known = self._timings.get(key)
        if known is None or known[0] is not workflow:
            known = self._timings[key] = (workflow, NodeTimings(workflow.graph))
        need = Need(workflow.kind, workflow.label, workflow.models)
        if workflow.paths:
            need = self._pool.need(workflow, lambda: job.brief)
        setup = JobSetup(
            workflow, job, context, need, self._pool, self._limits, known[1], self._clock, stop
        )
        try:
            stop.check()
            return _ServerRender(setup, self._uploads).run()
        except StopRequestedError:
            return Failed(Failure(FailureCode.INTERRUPTED, "the job was stopped on request"))

    def end(self, job: ServerJob) -> bool:
        """Take a job from its server's queue, or stop it; whether it certainly is gone.

        Its server need not be one of the configured ones any more.
        """
        server = self._pool.find(job.server)
        if server is not None:
            gone = cancel_job(server.client, job.id, self._clock, _CANCEL_SECONDS)
        else:
            try:
                address = ServerAddress(job.server)
            except ValueError:
                return False
            with closing(ServerClient(address)) as client:
                gone = cancel_job(client, job.id, self._clock, _CANCEL_SECONDS)
        if gone:
            self._pool.cancelling.discard(job.id)
        return gone

    def close(self) -> None:
        """End every connection and thread."""
        self._pool.close()


class _ServerRender:
    """One render: resumes a job of an earlier one, or submits a job, on one server after another.

    What is on an unhealthy server, or on one that is not configured, is left alone: the recovery
    of orphaned jobs ends it when that is possible.
    """

    def __init__(self, setup: JobSetup, uploads: PictureUploads) -> None:
        self._setup = setup
        self._uploads = uploads
        self._refusals: dict[str, Failure] = {}  # by server, of values that it does not offer
        self._pool = setup.pool
        self._left = list(setup.request.earlier)  # which may be there, the newest first
        self._lost_on: set[str] = set()
        self._moves = 0
        self._freed_memory = False

    def run(self) -> Result[RenderingFacts, Failure]:
        """Make the media."""
        while True:
            if self._left and (resumed := self._resume_earlier()):
                return resumed
            if self._refusals:
                acquired = self._acquire_elsewhere()
            else:
                acquired = self._pool.acquire(
                    self._setup.workflow,
                    self._setup.need,
                    self._setup.stop,
                    self._setup.request.prompt_id,
                )
            if not is_successful(acquired):
                return Failed(acquired.failure())
            slot = acquired.unwrap()
            if self._left and slot.server.name in {job.server for job in self._left}:
                self._pool.release(slot)  # it answers again: what is there comes first
                continue
            try:
                result = self._submit(slot)
            finally:
                self._pool.release(slot)
            if result is not None:
                return result

    def _acquire_elsewhere(self) -> Result[ServerSlot, Failure]:
        """A slot on a server that offers the values of the brief, of which others lack one."""
        for server in self._pool.servers:
            is_open = server.is_for(self._setup.workflow) and server.unhealthy is None
            if not is_open or server.name in self._refusals:
                continue
            refusal = self._refusal_of(server)
            if refusal is not None:
                self._refusals[server.name] = refusal
                continue
            while (slot := self._pool.acquire_on(server, self._setup.need)) is None:
                self._setup.stop.sleep(_SLOT_POLL)
            return Success(slot)
        if failure := self._pool.why_away(self._setup.workflow, self._setup.need):
            return Failed(failure)
        first = next(iter(self._refusals.values()))
        away = [
            f"{server.name} does not answer now, and did not offer it before"
            for server in self._pool.servers
            if server.is_for(self._setup.workflow) and server.unhealthy is not None
        ]
        if not away and len({failure.message for failure in self._refusals.values()}) == 1:
            return Failed(first)
        # They offer different values; the one that was meant may be on any of them.
        explained = [f"{name}: {failure.message}" for name, failure in self._refusals.items()]
        return Failed(replace(first, detail="\n".join((*explained, *away))))

    def _refusal_of(self, server: Server) -> Failure | None:
        """Why a server cannot run the job with its values, by what it has now."""
        try:
            failure = server.compatibility(self._setup.workflow)
        except ServerError as error:
            return unreachable(server, error)
        types = server.input_types(self._setup.workflow)
        bound = bind(self._setup.workflow, self._setup.request, "", types)
        return failure or (None if is_successful(bound) else bound.failure())

    def _submit(self, slot: ServerSlot) -> Result[RenderingFacts, Failure] | None:
        """Run a new job on a slot; None if another try makes sense."""
        request, server = self._setup.request, slot.server
        job_id = str(uuid4())
        # A folder for each job: a node that saves lists its whole folder first, which takes longer
        # the more files there are.
        day = self._setup.clock.now().date().isoformat()
        prefix = f"{_OUTPUT_FOLDER}/{day}/{job_id}/{self._setup.workflow.kind.value}"
        types = server.input_types(self._setup.workflow)
        bound = bind(self._setup.workflow, request, prefix, types)
        if not is_successful(bound):
            return self._refused(server, bound.failure())
        graph, fingerprint = bound.unwrap().graph, bound.unwrap().fingerprint
        for note in bound.unwrap().notes:
            self._setup.context.on_output("server", f"{note}\n".encode())
        if request.pictures:
            try:
                self._uploads.place(server, self._setup.workflow, graph, request.pictures)
            except ServerError as error:
                return self._not_uploaded(server, error)
        job = ServerJob(job_id, server.name, request.variant, fingerprint, request.seed)
        run = JobRun(self._setup, slot, job, graph)
        if not self._setup.context.record_job(job):
            raise StopRequestedError
        if slot.need is not None and slot.need.models:
            self._pool.on_models(server.name, slot.need.models, slot.had_loaded)
        result = run.run()
        if is_successful(result):
            if self._left:
                self._end_left()
            if self._pool.prefers_loaded:
                self._pool.learn(slot, result.unwrap().seconds)
            return result
        return None if self._may_retry(run, server, result.failure().code) else result

    def _refused(self, server: Server, failure: Failure) -> Result[RenderingFacts, Failure] | None:
        """The end of a job whose values do not suit a server; None if another try makes sense."""
        if failure.code is not FailureCode.BRIEF_VALUE:
            return Failed(failure)
        if server.name not in self._refusals:
            server.forget_compatibility()  # what is missing may have been installed meanwhile
            refusal = self._refusal_of(server)
            if refusal is None:
                return None
            self._refusals[server.name] = refusal
        return None

    def _not_uploaded(
        self, server: Server, error: ServerError
    ) -> Result[RenderingFacts, Failure] | None:
        """The end of a job whose picture a server did not take; None for a try elsewhere."""
        if error.temporary:
            failure = unreachable(server, error)
            self._pool.mark_unhealthy(server, failure)
            return None if self._can_move(server) else Failed(failure)
        message = (
            f"prompt {self._setup.request.prompt_id}: ComfyUI at {server.name}: {error.reason}"
        )
        return Failed(Failure(FailureCode.INPUT_PICTURE, message))

    def _may_retry(self, run: JobRun, server: Server, code: FailureCode) -> bool:
        """Whether another job may succeed where this one did not; one that is left is kept."""
        if run.state is JobState.LEFT:
            self._left.insert(0, replace(run.job, age=math.inf if run.is_accepted else 0.0))
        if run.state is JobState.LOST:  # most likely the server was restarted
            server.forget_compatibility()
            is_first = server.name not in self._lost_on
            self._lost_on.add(server.name)
            return is_first
        if run.server_error is not None:
            return self._can_move(server)
        if code in _NOT_AS_CHECKED:
            server.forget_compatibility()
        return code is FailureCode.OUT_OF_MEMORY and self._free_memory(server)

    def _resume_earlier(self) -> Result[RenderingFacts, Failure] | None:
        """Resume the newest job that makes the same; end the others. None without a result."""
        setup = self._setup
        bound = bind(setup.workflow, setup.request, "")
        fingerprint = bound.unwrap().fingerprint if is_successful(bound) else ""
        for job, server in self._reachable():
            is_same = (job.variant, job.fingerprint) == (setup.request.variant, fingerprint)
            if not is_same or job.id in self._pool.cancelling:
                self._end(job, server)
            elif setup.context.record_job(job):
                result = self._resume(job, server)
                if result is not None:
                    self._end_left()
                    return result
        return None

    def _resume(self, job: ServerJob, server: Server) -> Result[RenderingFacts, Failure] | None:
        """Resume an earlier job; None if it came to nothing."""
        slot = self._pool.acquire_on(server, over_limit=True)
        if slot is None:
            return None
        try:
            run = JobRun(self._setup, slot, job, None)
            result = run.run()
        finally:
            self._pool.release(slot)
        if is_successful(result):
            return result
        if run.server_error is not None:
            self._left.append(job)
            return None if self._can_move(server) else result
        # A job that failed before this render began is no failure of this render.
        ended_before = run.history is not None and not run.history.succeeded
        return None if ended_before or run.state is JobState.LOST else result

    def _reachable(self) -> Iterator[tuple[ServerJob, Server]]:
        """Take the jobs on healthy servers from those that were left."""
        for job in tuple(self._left):
            server = self._pool.find(job.server)
            if server is not None and server.unhealthy is None:
                self._left.remove(job)
                yield job, server

    def _end_left(self) -> None:
        for job, server in self._reachable():
            self._end(job, server)

    def _end(self, job: ServerJob, server: Server) -> None:
        context, clock = self._setup.context, self._setup.clock
        if context.owns_job(job) and cancel_job(server.client, job.id, clock, _CANCEL_SECONDS):
            context.forget_job(job)

    def _can_move(self, server: Server) -> bool:
        """Whether to try elsewhere, because this server does not answer."""
        self._moves += 1
        has_other = self._pool.has_other(server, self._setup.workflow)
        return has_other and self._moves <= _MAX_MOVES

    def _free_memory(self, server: Server) -> bool:
        """Make a server free its memory, once, if the settings allow it; whether it did."""
        if not self._setup.limits.free_memory or self._freed_memory:
            return False
        self._freed_memory = True
        try:
            server.client.free()
        except ServerError:
            return False
        self._setup.stop.sleep(_FREE_SECONDS)
        log = b"asked to free its memory; the job is tried once more\n"
        self._setup.context.on_output("server", log)
        return True
