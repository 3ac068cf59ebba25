"""The renderer that runs a workflow script for each job."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from returns.pipeline import is_successful
from returns.result import Failure as Failed
from returns.result import Result, Success

from adapters.comfyui_script.arguments import command_line, passes
from adapters.comfyui_script.diagnosis import diagnose
from adapters.comfyui_script.fields import brief_texts
from adapters.comfyui_script.last_words import detail_of, lines_of
from adapters.comfyui_script.process import Ending, Limits, Stop, run
from adapters.comfyui_script.progress import ProgressReport
from adapters.comfyui_script.start_failure import why_not_started
from application.ports.media_renderer import RenderingFacts
from domain.failure import Failure, FailureCode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.comfyui_script.workflow import ScriptWorkflow
    from application.ports.clock import Clock
    from application.ports.media_renderer import RenderJob, RenderWatch
    from domain.kind import Kind
    from domain.render import WorkflowProcess


class ScriptRenderer:
    """Makes media by running the configured script (contract, section 3).

    Safe to use from several threads at once.
    """

    def __init__(self, workflows: Mapping[Kind, ScriptWorkflow], clock: Clock) -> None:
        self._workflows = workflows
        self._clock = clock

    def preflight(self, kind: Kind) -> Failure | None:
        """Whether interpreter, script and ComfyUI directory are there."""
        workflow = self._workflows[kind]
        if not _is_file(workflow.interpreter, os.X_OK):
            return Failure(
                FailureCode.INTERPRETER_MISSING,
                f"the interpreter {workflow.interpreter} is not an executable file",
            )
        if not _is_file(workflow.script, os.R_OK):
            return Failure(
                FailureCode.SCRIPT_MISSING,
                f"the {kind.value} script {workflow.script} is not a readable file",
            )
        if not workflow.working_directory.is_dir():
            return Failure(
                FailureCode.COMFYUI_MISSING,
                f"the ComfyUI directory {workflow.working_directory} is not there",
            )
        return None

    def render(self, job: RenderJob, watch: RenderWatch) -> Result[RenderingFacts, Failure]:
        """Run the script; its whole process group has ended when this returns.

        Raises:
            OSError: no process could be made, for a reason that is no fault of the set-up.
        """
        workflow = self._workflows[job.brief.kind]
        if watch.must_stop():
            return Failed(Failure(FailureCode.INTERRUPTED, "stopped before the script began"))
        command = command_line(workflow, job)
        if not is_successful(command):
            return Failed(command.failure())
        report = ProgressReport(watch, self._clock)
        try:
            ending = run(
                command.unwrap(),
                workflow.working_directory,
                _limits(workflow, job),
                self._clock,
                _Follower(watch, report),
                job.environment,
            )
        except OSError as error:
            if failure := why_not_started(error, workflow):
                return Failed(failure)
            raise
        report.finish()
        return _judge(ending, workflow, job)


class _Follower:
    """Follows the process on behalf of the watch."""

    def __init__(self, watch: RenderWatch, report: ProgressReport) -> None:
        self._watch = watch
        self._report = report

    def started(self, workflow: WorkflowProcess) -> bool:
        return self._watch.started(workflow)

    def heard(self, stream: str, chunk: bytes) -> None:
        self._watch.heard(stream, chunk)
        self._report.heard(stream, chunk)

    def must_stop(self) -> bool:
        self._report.pass_on_when_due()
        return self._watch.must_stop()


def _is_file(path: os.PathLike[str], right: int) -> bool:
    return os.path.isfile(path) and os.access(path, right)  # noqa: PTH113 - a stat per claim


def _limits(workflow: ScriptWorkflow, job: RenderJob) -> Limits:
    return Limits(
        seconds=workflow.time_limit_seconds,
        stall_seconds=workflow.stall_seconds,
        grace_seconds=workflow.grace_seconds,
        folder=job.output,
    )


def _judge(
    ending: Ending, workflow: ScriptWorkflow, job: RenderJob
) -> Result[RenderingFacts, Failure]:
    name = workflow.script.name
    if ending.stop:
        detail = detail_of(lines_of(ending.stderr))
        return Failed(_stopped(ending.stop, workflow, detail))
    if ending.status:
        return Failed(
            diagnose(
                ending.status,
                ending.stderr,
                stdout=ending.stdout,
                script=name,
                said=brief_texts(job),
            )
        )
    return Success(
        RenderingFacts(
            renderer=workflow.renderer,
            workflow=name,
            seconds=ending.seconds,
            seed_used=passes(workflow, "seed"),
            size_used=job.size is not None
            and passes(workflow, "width")
            and passes(workflow, "height"),
        )
    )


def _stopped(stop: Stop, workflow: ScriptWorkflow, detail: str) -> Failure:
    name = workflow.script.name
    match stop:
        case Stop.ASKED:
            return Failure(FailureCode.INTERRUPTED, f"{name} was stopped on request", detail)
        case Stop.OVERTIME:
            limit = f"{workflow.time_limit_seconds:g} seconds"
            message = f"{name} ran longer than its {limit} and was stopped"
            return Failure(FailureCode.TIMED_OUT, message, detail)
        case Stop.STALLED:
            limit = f"{workflow.stall_seconds:g} seconds"
            message = f"{name} printed nothing and wrote nothing for {limit} and was stopped"
            return Failure(FailureCode.STALLED, message, detail)
