"""One job on one server, from the first request to the last file."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from returns.pipeline import is_successful
from returns.result import Failure as Failed
from returns.result import Result, Success

from adapters.comfyui_server.backoff import Backoff
from adapters.comfyui_server.collecting import Collector
from adapters.comfyui_server.ending import end_job
from adapters.comfyui_server.fields import field_values
from adapters.comfyui_server.following import Follower, OverdueError
from adapters.comfyui_server.graph import title_of, working_nodes
from adapters.comfyui_server.inbox import Inbox
from adapters.comfyui_server.plain_text import Scrubber
from adapters.comfyui_server.progress import JobProgress
from adapters.comfyui_server.rejections import rejection
from adapters.comfyui_server.stopping import StopAskedError
from adapters.comfyui_server.submitting import Submitter
from adapters.comfyui_server.verdicts import busy, failed, overdue
from adapters.comfyui_server.workflow import bind, passes
from application.ports.media_renderer import RenderingFacts
from domain.failure import Failure, FailureCode
from domain.server_job import ServerJob

if TYPE_CHECKING:
    from adapters.comfyui_server.api import Submission
    from adapters.comfyui_server.history import Ending
    from adapters.comfyui_server.parts import Parts
    from adapters.comfyui_server.pool import Seat
    from adapters.comfyui_server.stopping import StopCheck
    from adapters.comfyui_server.workflow import BoundGraph, ServerWorkflow
    from application.ports.media_renderer import RenderJob, RenderWatch

_GRACE = 3.0  # seconds for a job that is to end; who asks Media Generator to end waits ten
_FOLDER = "mediagen"  # on the server
_OK = 200
_KEEPS_FILES = frozenset({FailureCode.DISK_FULL, FailureCode.OUTPUT_NOT_WRITABLE})


class Attempt:
    """Runs a job on a seat, or goes on with one that is there.

    Both ways raise StopAskedError (the job is ended if it may be), LostError and
    ServerTroubleError (the job is left as it is).

    Attributes:
        job: on the server; None before there is one.
        may_be_there: whether the server may have it.
        ended_badly: whether it ended, and the history tells of no success.
    """

    def __init__(
        self,
        parts: Parts,
        seat: Seat,
        workflow: ServerWorkflow,
        asked: RenderJob,
        watch: RenderWatch,
        stop: StopCheck,
    ) -> None:
        self._parts = parts
        self._seat = seat
        self._api = seat.server.api
        self._server = f"ComfyUI at {seat.server.name}"
        self._workflow = workflow
        self._asked = asked
        self._watch = watch
        self._stop = stop
        values = field_values(asked, "").values()
        self._clean = Scrubber(value for value in values if isinstance(value, str)).clean
        self.job: ServerJob | None = None
        self.may_be_there = False
        self.ended_badly = False

    def submit(self, *, insist: bool) -> Result[RenderingFacts, Failure]:
        """Give the server a new job and follow it; ``insist`` on a server that is not there."""
        job_id = str(uuid4())
        bound = bind(self._workflow, self._asked, f"{_FOLDER}/{job_id}")
        if not is_successful(bound):
            return Failed(bound.failure())
        graph = bound.unwrap()
        inbox = Inbox(job_id)
        client_id = self._seat.socket.attend(inbox)
        self._stop.check()
        name, seed = self._seat.server.name, self._asked.seed
        self._hold(ServerJob(job_id, name, self._asked.variant, graph.fingerprint, seed))
        submission = self._post(graph, job_id, client_id, insist=insist)
        if submission.status != _OK or submission.body.get("node_errors"):
            return self._refused(submission, graph)
        if submission.job != job_id:
            self._rename(submission.job, inbox)
        return self._followed(inbox, mark=job_id, at_once=False)

    def go_on(self, job: ServerJob) -> Result[RenderingFacts, Failure]:
        """Follow a job that was submitted earlier."""
        self.job, self.may_be_there = job, True
        return self._followed(Inbox(job.id), mark=job.id, at_once=True)

    def _hold(self, job: ServerJob) -> None:
        if not self._watch.submitting(job):
            raise StopAskedError
        self.job = job

    def _post(self, graph: BoundGraph, job_id: str, client_id: str, *, insist: bool) -> Submission:
        parts = self._parts
        backoff = Backoff(parts.limits.unreachable_seconds)
        submitter = Submitter(self._api, backoff, parts.clock, self._stop, insist=insist)
        try:
            return submitter.submit(graph.graph, job_id, client_id)
        except StopAskedError:
            self._end(wanted=submitter.may_be_there)
            raise
        finally:
            self.may_be_there = submitter.may_be_there

    def _refused(
        self, submission: Submission, graph: BoundGraph
    ) -> Result[RenderingFacts, Failure]:
        """A graph was refused, or a part of it; the rest would run on: it is ended."""
        if submission.job and self.job and submission.job != self.job.id:
            end_job(self._api, submission.job, self._parts.clock, _GRACE)
        self._end(wanted=submission.status == _OK)
        return Failed(
            rejection(submission.body, graph.graph, self._server, self._clean, submission.status)
        )

    def _rename(self, given: str, inbox: Inbox) -> None:
        """An old server gave the job an id of its own: that one counts from now on."""
        old = self.job
        if old is None:
            return
        self.job = ServerJob(given, old.server, old.variant, old.fingerprint, old.seed)
        inbox.job = given
        self._watch.dropped(old)
        if not self._watch.submitting(self.job):
            self._end(wanted=True)
            raise StopAskedError

    def _followed(
        self, inbox: Inbox, mark: str, *, at_once: bool
    ) -> Result[RenderingFacts, Failure]:
        graph = self._workflow.graph
        progress = JobProgress(
            frozenset(working_nodes(graph)), lambda node: title_of(graph, node), self._watch
        )
        parts = self._parts
        follower = Follower(self._api, inbox, progress, parts.limits, parts.clock, self._stop)
        if at_once:
            follower.look_at_once()
        try:
            ending = follower.follow()
            if not ending.succeeded:
                return self._failed(ending)
            failure = self._collected(ending, mark)
        except StopAskedError:
            self._end(wanted=True)
            raise
        except OverdueError as error:
            return Failed(self._overdue(error))
        if failure is not None:
            if failure.code not in _KEEPS_FILES:
                self._drop()
            return Failed(failure)
        progress.finish()
        return Success(self._facts(ending, follower.seconds))

    def _failed(self, ending: Ending) -> Result[RenderingFacts, Failure]:
        self.ended_badly = True
        self._drop()
        failure = failed(ending, self._workflow.graph, self._server, self._clean)
        log = f"{failure.message}\n{failure.detail}".rstrip()
        self._watch.heard("server", f"{log}\n".encode("utf-8", "replace"))
        return Failed(failure)

    def _collected(self, ending: Ending, mark: str) -> Failure | None:
        collector = Collector(self._api, self._server, self._parts, self._stop)
        own = {target.node_id for target in self._workflow.targets.get("filename_prefix", ())}
        kind = self._workflow.kind
        return collector.collect(ending.files, self._asked.output, kind, own, mark)

    def _overdue(self, error: OverdueError) -> Failure:
        """Stop a job for which patience has ended; a server that cannot is set aside."""
        gone = self._end(wanted=True)
        failure = overdue(error.why, self._server, self._parts.limits, gone=gone)
        condemned = self.job is not None and self.job.id in self._parts.condemned
        if failure.code is FailureCode.SERVER_STUCK or condemned:
            stuck = busy(self._server) if condemned else failure
            self._parts.pool.set_aside(self._seat.server, stuck, error.blocker)
        return failure

    def _end(self, *, wanted: bool) -> bool:
        """End the job, if we may and it is there; whether it is certainly gone."""
        job = self.job
        if job is None:
            return True
        if wanted:
            if not self._watch.may_end(job):
                return False
            self._parts.condemned.add(job.id)
            if not end_job(self._api, job.id, self._parts.clock, _GRACE):
                return False
        self._drop()
        return True

    def _drop(self) -> None:
        if self.job is not None:
            self._parts.condemned.discard(self.job.id)
            self._watch.dropped(self.job)

    def _facts(self, ending: Ending, seconds: float) -> RenderingFacts:
        size = self._asked.size is not None
        return RenderingFacts(
            renderer="server",
            workflow=self._workflow.name,
            seconds=seconds if ending.seconds is None else ending.seconds,
            seed_used=passes(self._workflow, "seed"),
            size_used=size and passes(self._workflow, "width") and passes(self._workflow, "height"),
            job=self.job,
        )
