"""One job on one server, from its submission to its files: a state machine.

``docs/server-jobs.md`` draws the states and says which failure ends where; a test holds the page
and this module together.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from returns.result import Failure as Failed
from returns.result import Result, Success

from adapters.comfyui_server.client import HTTP_OK, ServerError, Submission, cancel_job
from adapters.comfyui_server.deadlines import (
    LATE_SECONDS,
    RECORD_SECONDS,
    STOP_INTERVAL,
    Deadline,
    Outage,
    OverdueReason,
    PollSchedule,
    StallDetector,
    StopRequestedError,
)
from adapters.comfyui_server.error_mapping import ErrorMapper
from adapters.comfyui_server.job_socket import Inbox, JobEnded, Transcript
from adapters.comfyui_server.outputs import OutputCollector, foreign_output, select_outputs
from adapters.comfyui_server.pool import unreachable
from adapters.comfyui_server.progress import JobProgress
from application.ports.media_renderer import RenderingFacts
from domain.brief import PROMPT_FIELDS, brief_texts
from domain.failure import Failure, FailureCode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.comfyui_graph.graph import Graph
    from adapters.comfyui_server.deadlines import ServerLimits, StopCheck
    from adapters.comfyui_server.pool import ServerPool, ServerSlot
    from adapters.comfyui_server.progress import NodeTimings
    from adapters.comfyui_server.responses import JobHistory, QueueSnapshot
    from adapters.comfyui_server.server_workflow import ServerWorkflow
    from application.ports.media_renderer import RenderContext, RenderJob
    from application.ports.system import Clock
    from domain.affinity import Need
    from domain.render import ServerJob

_CANCEL_SECONDS = 3.0  # a stop of Media Generator itself may take ten
_RECHECK_SECONDS = 0.15  # until a job that was found nowhere is looked for once more
_BLOCKED = frozenset({FailureCode.SERVER_STUCK, FailureCode.SERVER_BUSY})
_FETCHED_AGAIN = frozenset({FailureCode.DISK_FULL, FailureCode.OUTPUT_NOT_WRITABLE})


class JobState(StrEnum):
    """Where a job stands."""

    SUBMITTING = "submitting"  # recorded under our id; posted until the server answers
    WAITING = "waiting"  # the server has it, and has not started it as far as is known
    RUNNING = "running"  # a message or the queue said that it is executed
    MISSING = "missing"  # neither queue nor history has it; it is looked for once more
    OVERDUE = "overdue"  # it exceeded a limit; history and queue are asked once more
    FETCHING = "fetching"  # the history calls it a success; its files are copied
    CANCELLING = "cancelling"  # it must end; waiting until it has left the queue
    SUCCEEDED = "succeeded"  # its files are here
    FAILED = "failed"  # it ended without a usable result; forgotten
    REFUSED = "refused"  # the server did not take it; forgotten
    CANCELLED = "cancelled"  # it certainly neither runs nor waits any more; forgotten
    LOST = "lost"  # the server does not know it, most likely after a restart; forgotten
    LEFT = "left"  # it may still be there and stays recorded, to be resumed or ended later


_S = JobState
_ON_SERVER = (_S.WAITING, _S.RUNNING, _S.MISSING, _S.OVERDUE)
_FROM_SERVER = frozenset({_S.FETCHING, _S.FAILED, _S.CANCELLING, _S.LEFT})

TRANSITIONS: Final[Mapping[JobState, frozenset[JobState]]] = MappingProxyType(
    {
        _S.SUBMITTING: frozenset({_S.WAITING, _S.REFUSED, _S.CANCELLING, _S.LEFT}),
        _S.WAITING: _FROM_SERVER | {_S.RUNNING, _S.MISSING, _S.OVERDUE},
        _S.RUNNING: _FROM_SERVER | {_S.MISSING, _S.OVERDUE},
        _S.MISSING: _FROM_SERVER | {_S.WAITING, _S.RUNNING, _S.LOST},
        _S.OVERDUE: _FROM_SERVER | {_S.WAITING, _S.RUNNING},
        _S.FETCHING: frozenset({_S.SUCCEEDED, _S.FAILED, _S.CANCELLING, _S.LEFT}),
        _S.CANCELLING: frozenset({_S.CANCELLED, _S.LEFT}),
    }
)
"""The states that may follow each state; the others are final."""


@dataclass(frozen=True, slots=True)
class JobSetup:
    """What all jobs of one render share.

    Attributes:
        workflow: what is run.
        request: the brief, and where its files go.
        context: gets jobs, progress and previews.
        need: what it needs of a server.
        pool: the servers.
        limits: how long to wait.
        timings: how long the workflow's nodes took in earlier renders.
        clock: what to measure with.
        stop: asked whether the render must stop.
    """

    workflow: ServerWorkflow
    request: RenderJob
    context: RenderContext
    need: Need
    pool: ServerPool
    limits: ServerLimits
    timings: NodeTimings
    clock: Clock
    stop: StopCheck


class JobRun:
    """Runs one job, which is recorded before it is run, on a slot of a server.

    Args:
        setup: what it shares with other jobs of the same render.
        slot: the right to give its server a job.
        job: its id, server and so on.
        graph: what to submit; None for a job that was submitted earlier.

    Attributes:
        job: as given; under another id if an old server ignored ours.
        state: where it stands.
        history: how it ended, as soon as the server's history knows.
        server_error: why its server counts as unreachable, or None.
        is_accepted: whether the server has accepted it, in this run or an earlier one.
    """

    def __init__(
        self, setup: JobSetup, slot: ServerSlot, job: ServerJob, graph: Graph | None
    ) -> None:
        self.job = job
        self.state = JobState.WAITING if graph is None else JobState.SUBMITTING
        self.history: JobHistory | None = None
        self.server_error: ServerError | None = None
        self.is_accepted = graph is None
        self._setup = setup
        self._clock = setup.clock
        self._slot = slot
        self._client = slot.server.client
        self._graph = graph
        self._prefix = job.id  # in the names of its files
        self._may_have_arrived = graph is None
        self._recorded_at = self._clock.monotonic(), self._clock.now()
        self._inbox = Inbox(job.id)
        self._frames = 0
        timings = setup.timings
        self._transcript = Transcript(timings.outputs)
        self._progress = JobProgress(timings.titles, timings.weights(), setup.context)
        self._outage = Outage(setup.limits.unreachable_seconds, setup.clock)
        self._polls: PollSchedule
        self._deadline: Deadline
        self._stall = StallDetector(setup.limits.stall_seconds)
        self._began: float | None = None
        self._queue: QueueSnapshot | None = None
        self._retry_at = 0.0
        self._recheck_at = 0.0  # when to ask the queue again for a missing job
        self._late_until = self._clock.monotonic() + LATE_SECONDS - job.age
        self._overdue: OverdueReason | None = None
        self._failure: Failure | None = None

    def run(self) -> Result[RenderingFacts, Failure]:
        """Run until a final state; raises what the context raises."""
        client_id = ""
        if self._graph is None:
            self._follow_from_now()
            self._polls.ask_both(self._clock.monotonic())
        else:
            client_id = self._slot.socket.subscribe(self._inbox)
        while self.state in TRANSITIONS:
            try:
                match self.state:
                    case JobState.SUBMITTING:
                        self._submit(client_id)
                    case JobState.FETCHING:
                        self._fetch()
                    case JobState.CANCELLING:
                        self._cancel()
                    case _:
                        self._follow()
            except StopRequestedError:
                message = "the job was stopped on request"
                self._enter(JobState.CANCELLING, Failure(FailureCode.INTERRUPTED, message))
            except ServerError as error:
                self._server_unreachable(error)
        return Success(self._facts()) if self._failure is None else Failed(self._failure)

    @cached_property
    def _errors(self) -> ErrorMapper:
        workflow, request = self._setup.workflow, self._setup.request
        texts = brief_texts(request.brief).values()
        left_out = workflow.picture_targets(without=request.pictures.keys())
        return ErrorMapper(self._slot.server.name, workflow.graph, texts, left_out)

    def _enter(self, state: JobState, failure: Failure | None = None) -> None:
        """Change the state; a job that is certainly over is forgotten."""
        if state not in TRANSITIONS[self.state]:
            raise AssertionError(f"a job went from {self.state} to {state}")
        self.state = state
        self._failure = failure
        if state in {JobState.FAILED, JobState.REFUSED, JobState.CANCELLED, JobState.LOST}:
            self._setup.pool.cancelling.discard(self.job.id)
            self._setup.context.forget_job(self.job)

    # ------------------------------------------------------------------------------- submitting

    def _submit(self, client_id: str) -> None:
        """Post the graph; after an answer that did not come, first look whether it arrived."""
        self._setup.stop.check()
        try:
            if self._may_have_arrived and self._is_there():
                submission = Submission(HTTP_OK, self.job.id, {})
            else:
                self._may_have_arrived = False
                monotonic, wall = self._recorded_at
                slept = abs(self._clock.now() - wall).total_seconds()  # as a machine does
                if max(self._clock.monotonic() - monotonic, slept) >= RECORD_SECONDS:
                    self._renew_record()
                method = self._setup.limits.preview_method
                submission = self._client.submit(self._graph or {}, self.job.id, client_id, method)
        except ServerError as error:
            self._may_have_arrived = self._may_have_arrived or error.arrived
            has_other = self._setup.pool.has_other(self._slot.server, self._setup.workflow)
            if has_other and not error.connected and not self._may_have_arrived:
                raise
            self._setup.stop.sleep(self._outage.pause(error))
            return
        self._outage.end()
        self._may_have_arrived = submission.status == HTTP_OK
        if submission.status != HTTP_OK:
            self._enter(JobState.REFUSED, self._errors.rejected(submission))
            return
        if submission.body.get("node_errors"):  # it would run the rest of the graph
            if submission.job != self.job.id:
                cancel_job(self._client, submission.job, self._clock, _CANCEL_SECONDS)
            self._enter(JobState.CANCELLING, self._errors.rejected(submission))
            return
        if submission.job != self.job.id:
            self._rename(submission.job)
        self._follow_from_now()
        self.is_accepted = True
        self._enter(JobState.WAITING)
        # The log is opened while the server works.
        line = f"job {self.job.id} on {self._slot.server.name}\n"
        self._setup.context.on_output("server", line.encode())

    def _renew_record(self) -> None:
        """Record the job again: its render may have been taken over since."""
        self._recorded_at = self._clock.monotonic(), self._clock.now()
        if not self._setup.context.record_job(self.job):
            raise StopRequestedError

    def _is_there(self) -> bool:
        for pause in (_RECHECK_SECONDS, 0.0):
            if self._client.queue().holds(self.job.id) or self._client.history(self.job.id):
                return True
            self._setup.stop.sleep(pause)
        return False

    def _rename(self, job_id: str) -> None:
        """Use the id that an old server gave the job."""
        recorded, self.job = self.job, replace(self.job, id=job_id)
        self._inbox.job, self._inbox.is_complete = job_id, False
        self._setup.context.forget_job(recorded)
        if not self._setup.context.record_job(self.job):
            raise StopRequestedError

    # -------------------------------------------------------------------------------- following

    def _follow_from_now(self) -> None:
        now = self._clock.monotonic()
        self._polls = PollSchedule(now)
        self._deadline = Deadline(self._setup.limits.seconds, now)

    def _follow(self) -> None:
        """Wait for messages, ask for history and queue when that is due, check the limits.

        A job whose every message came on one connection needs no history: it consists of them.
        """
        self._setup.context.on_started(takes_next=self._slot.server.takes_next)
        self._receive()
        self._setup.stop.check()
        if self._inbox.is_complete and (history := self._transcript.history()):
            self.history = history
            self._enter(JobState.FETCHING)
        elif self._clock.monotonic() >= max(self._polls.history_due, self._retry_at):
            self._poll()
        if self.state in _ON_SERVER and self.state is not JobState.MISSING:
            self._check_limits()

    def _receive(self) -> None:
        now = self._clock.monotonic()
        until = min(max(self._polls.history_due, self._retry_at), now + STOP_INTERVAL)
        if self.state is not JobState.OVERDUE:
            until = min(until, self._deadline.at, self._stall.at)
        messages, reconnected = self._inbox.receive(until - now)
        now = self._clock.monotonic()
        before, self._frames = self._frames, self._inbox.frames
        if reconnected:
            self._stall.connection_changed()
            self._polls.ask_both(now)
        elif self._frames > before and self.state is not JobState.MISSING:
            self._polls.message_received()
        for message in messages:
            self._mark_running(now)
            self._stall.message_received(now)
            self._progress.handle(message, now)
            self._transcript.handle(message)
            if isinstance(message, JobEnded):
                self._polls.job_ended(now, final=message.final)
        self._progress.report_if_due(now)

    def _mark_running(self, now: float) -> None:
        if self._began is None:
            self._began = now
            self._deadline.restart(now)
        if self.state is JobState.WAITING:
            self._enter(JobState.RUNNING)

    def _poll(self) -> None:
        """Ask for the history, which decides, and sometimes for the queue."""
        try:
            history = self._client.history(self.job.id)
            if history is None and self._clock.monotonic() >= self._polls.queue_due:
                self._queue_answered(self._client.queue())
        except ServerError as error:
            pause = self._outage.pause(error)
            now = self._clock.monotonic()
            self._polls.ask_both(now)
            self._retry_at = now + pause
            return
        self._outage.end()
        self.history = history
        if history is None:
            now = self._clock.monotonic()
            self._polls.history_empty(now)
            if self.state is JobState.MISSING:
                self._polls.ask_both(self._recheck_at)
        elif history.succeeded:
            self._enter(JobState.FETCHING)
        else:
            failure = self._errors.failed(history)
            log = f"{failure.summary}\n{failure.detail}".rstrip()
            self._enter(JobState.FAILED, failure)
            self._setup.context.on_output("server", f"{log}\n".encode("utf-8", "replace"))

    def _queue_answered(self, queue: QueueSnapshot) -> None:
        now = self._clock.monotonic()
        if queue.holds(self.job.id):
            running = self.job.id in queue.running
            self._late_until = -math.inf  # it did arrive
            if running:
                self._mark_running(now)
                if self._inbox.frames:  # messages sent before the connection was made are lost
                    self._stall.job_running(now)
            elif self._began is None:
                self._progress.waiting()
                if queue != self._queue:  # it may have moved ahead of the job
                    self._deadline.restart(now)
            if self.state is JobState.MISSING:
                self._enter(JobState.WAITING if self._began is None else JobState.RUNNING)
            self._queue = queue
            self._polls.queue_asked(now, running=running)
        elif self.state is not JobState.OVERDUE:
            self._recheck_at = now + _RECHECK_SECONDS
            if self.state is not JobState.MISSING:
                self._enter(JobState.MISSING)
            elif now >= self._late_until:
                self._enter(JobState.LOST, self._errors.lost())

    def _check_limits(self) -> None:
        now = self._clock.monotonic()
        if now >= self._deadline.at:
            self._overdue = OverdueReason.OVERTIME if self._began is not None else self._blockage()
        else:
            self._overdue = OverdueReason.STALLED if now >= self._stall.at else None
        if self._overdue is None:
            if self.state is JobState.OVERDUE:
                self._enter(JobState.WAITING if self._began is None else JobState.RUNNING)
        elif self.state is not JobState.OVERDUE:
            self._enter(JobState.OVERDUE)
            self._polls.ask_both(now)
        elif self._polls.history_due > now:  # both were asked, and nothing has changed
            self._enter(JobState.CANCELLING)

    def _blockage(self) -> OverdueReason:
        """Why a job waits: others run, or nothing does that could end."""
        foreign = (
            self._queue.running if self._queue else frozenset()
        ) - self._setup.pool.cancelling
        return OverdueReason.QUEUE_BUSY if foreign else OverdueReason.QUEUE_STUCK

    # --------------------------------------------------------------------- fetching, cancelling

    def _fetch(self) -> None:
        setup = self._setup
        files = select_outputs(self.history.files if self.history else ())
        prefixed = {target.node_id for target in setup.workflow.targets.get("filename_prefix", ())}
        foreign = foreign_output(files, prefixed, self._prefix)
        if not files:
            self._enter(JobState.FAILED, self._errors.no_files())
        elif foreign:
            self._enter(JobState.FAILED, self._errors.foreign_file(foreign.filename))
        else:
            collector = OutputCollector(self._client, setup.limits, self._outage, setup.stop)
            failure = collector.collect(files, setup.request.output, setup.workflow.kind)
            if failure is None:
                self._progress.finish()
                setup.timings.learn(self._progress.seconds)
                self._enter(JobState.SUCCEEDED)
            else:
                is_kept = failure.code in _FETCHED_AGAIN
                self._enter(JobState.LEFT if is_kept else JobState.FAILED, failure)

    def _cancel(self) -> None:
        """End the job if it may be there and is still ours."""
        pool, failure = self._setup.pool, self._failure
        gone, tried = not self._may_have_arrived, False
        if not gone and self._setup.context.owns_job(self.job):
            tried = True
            pool.cancelling.add(self.job.id)
            gone = cancel_job(self._client, self.job.id, self._clock, _CANCEL_SECONDS)
        if failure is None and self._overdue is not None:
            failure = self._errors.overdue(self._overdue, self._setup.limits, gone=gone)
            ignored = tried and not gone
            if ignored or failure.code in _BLOCKED:
                blocker = self.job.id
                if self._began is None and self._queue is not None:
                    blocker = self._queue.blocker(self.job.id)
                reason = self._errors.busy() if ignored else failure
                pool.mark_unhealthy(self._slot.server, reason, blocker)
        self._enter(JobState.CANCELLED if gone else JobState.LEFT, failure)

    def _server_unreachable(self, error: ServerError) -> None:
        """Leave the job as it is: its server fails to answer for too long."""
        self.server_error = error
        failure = unreachable(self._slot.server, error)
        self._setup.pool.mark_unhealthy(self._slot.server, failure)
        if self.state is JobState.SUBMITTING and not self._may_have_arrived:
            self._enter(JobState.REFUSED, failure)
        elif self._graph is None:  # resumed: nothing was asked of the server for this render
            self._enter(JobState.LEFT, failure)
        else:
            self._enter(JobState.LEFT, self._errors.went_away(error))

    def _facts(self) -> RenderingFacts:
        request, targets = self._setup.request, self._setup.workflow.targets
        seconds = 0.0 if self._began is None else self._clock.monotonic() - self._began
        if self.history is not None and self.history.seconds is not None:
            seconds = self.history.seconds
        return RenderingFacts(
            renderer="server",
            workflow=self._setup.workflow.name,
            seconds=seconds,
            seed_used="seed" in targets,
            size_used=request.size is not None and {"width", "height"} <= targets.keys(),
            prompt_used=PROMPT_FIELDS[self._setup.workflow.kind] in targets,
            job=self.job,
            models=self._setup.need.models,
        )
