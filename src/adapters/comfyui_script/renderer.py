"""The renderer that runs a workflow script for each job."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from returns.pipeline import is_successful
from returns.result import Failure as Failed
from returns.result import Result, Success

from adapters.comfyui_script.arguments import (
    command_line,
    mapping_failure,
    passed_fields,
    uses_seed,
)
from adapters.comfyui_script.diagnosis import diagnose, redact_brief
from adapters.comfyui_script.host_pool import HostPool, WarmJob
from adapters.comfyui_script.output import excerpt, output_lines
from adapters.comfyui_script.process import (
    Limits,
    ProcessResult,
    ScriptProcess,
    StopReason,
    WaitingGates,
    start_failure,
)
from adapters.comfyui_script.script_source import script_source
from adapters.comfyui_script.stray_files import stray_files
from application.ports.media_renderer import RenderingFacts
from domain.affinity import Fit, Need
from domain.brief import PROMPT_FIELDS, brief_texts
from domain.failure import Failure, FailureCode
from domain.workflow_rules import WorkflowKey, workflow_subject

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from adapters.comfyui_script.script_source import ScriptSource
    from adapters.comfyui_script.workflow import ScriptWorkflow
    from application.ports.media_renderer import RenderContext, RenderJob
    from application.ports.system import Clock
    from domain.brief import Brief
    from domain.prompt import Kind
    from domain.render import WorkflowProcess


class ScriptRenderer:
    """Makes media by running the configured script (contract, section 3).

    Safe to use from several threads at once.

    Args:
        workflows: the scripts that are rendered.
        clock: measures the limits of the scripts.
        hosts: warm hosts for exports; None if every script gets a process of its own.
    """

    def __init__(
        self,
        workflows: Mapping[WorkflowKey, ScriptWorkflow],
        clock: Clock,
        hosts: HostPool | None = None,
    ) -> None:
        self._workflows = workflows
        self._clock = clock
        self._hosts = hosts
        self._gates = WaitingGates(clock)
        self._last_scripts: dict[int, Path] = {}

    def waiting_processes(
        self, kind: Kind, environment: Mapping[str, str], slot: int
    ) -> Sequence[WorkflowProcess]:
        """The warm hosts that know the script, or else the gates that may become it.

        If the kind has several scripts, it is not known yet which of them comes next.
        """
        scripts = [flow for key, flow in self._workflows.items() if key[0] is kind]
        pool = self._hosts if len(scripts) == 1 else None
        hosts = pool.idle_processes(slot, scripts[0].script) if pool and pool.was_used else ()
        return hosts or self._gates.processes(scripts[0].working_directory, environment)

    def preflight(self, kind: Kind, workflow: str = "") -> Failure | None:
        """Whether interpreter, script and ComfyUI directory are there, and the prompt is used."""
        key = kind, workflow
        flow = self._workflows[key]
        # ``os.access`` comes first: a path's own methods may raise where a folder above is closed.
        if not (os.access(flow.interpreter, os.X_OK) and flow.interpreter.is_file()):
            return Failure(
                FailureCode.INTERPRETER_MISSING,
                f"the interpreter {flow.interpreter} is not an executable file",
            )
        if not (os.access(flow.script, os.R_OK) and flow.script.is_file()):
            return Failure(
                FailureCode.SCRIPT_MISSING,
                f"the {workflow_subject(key, 'script')} {flow.script} is not a readable file",
            )
        if not (os.access(flow.working_directory, os.F_OK) and flow.working_directory.is_dir()):
            return Failure(
                FailureCode.COMFYUI_MISSING,
                f"the ComfyUI directory {flow.working_directory} is not there",
            )
        return mapping_failure(kind, *self._current(key))

    def need(self, kind: Kind, workflow: str, brief: Callable[[], Brief | None]) -> Need:  # noqa: ARG002
        """The workflow: which models a script loads is its own business."""
        return Need(kind, workflow)

    def fit(self, need: Need, slot: int, ahead: int = 0) -> Fit:  # noqa: ARG002
        """Whether the slot's warm host ran the script last, so that it has its models loaded."""
        script = self._workflows[need.kind, need.workflow].script
        return Fit.LOADED if self._last_scripts.get(slot) == script else Fit.POSSIBLE

    def why_away(self, need: Need) -> Failure | None:  # noqa: ARG002
        """None: ``fit`` never says that something is away."""
        return None

    def reserve(self, prompt_id: int, need: Need, slot: int, ahead: int = 0) -> None:  # noqa: ARG002
        """Record what the slot runs next."""
        self._last_scripts[slot] = self._workflows[need.kind, need.workflow].script

    def release(self, prompt_id: int) -> None:
        """Nothing is kept for a prompt."""

    def render(self, job: RenderJob, context: RenderContext) -> Result[RenderingFacts, Failure]:
        """Run the script; its whole process group has ended when this returns.

        An export that saves every picture under the same name is run once for each pass of
        ``queue_size``, with a seed and a folder of its own.

        Raises:
            OSError: no process could be made, for a reason that is no fault of the set-up.
        """
        kind = job.brief.kind
        key = kind, job.workflow
        workflow, source = self._current(key)
        if workflow.passes > 1:
            from adapters.comfyui_script.passes import render_passes

            return render_passes(self._variant, self._workflows[key], job, context)
        began = time.time()
        failure = mapping_failure(kind, workflow, source)
        if context.must_stop():
            failure = Failure(FailureCode.INTERRUPTED, "stopped before the script began")
        if failure is not None:
            return Failed(failure)
        command = command_line(workflow, source, job)
        if not is_successful(command):
            return Failed(command.failure())
        limits = Limits(
            seconds=workflow.time_limit_seconds,
            stall_seconds=workflow.stall_seconds,
            grace_seconds=workflow.grace_seconds,
            folder=job.output,
        )
        hosts = self._hosts
        try:
            may_be_hosted = hosts is not None and (workflow.warm or hosts.starts_ahead)
            if hosts is not None and may_be_hosted and source.can_be_warm:
                warm = WarmJob(
                    workflow,
                    command.unwrap(),
                    job.environment,
                    job.slot,
                    limits,
                    lambda ended: _failure(ended, workflow, job).code,
                )
                result = hosts.run(warm, context)
            else:
                if hosts is not None and hosts.was_used:
                    hosts.yield_memory(job.slot)
                result = ScriptProcess(
                    command.unwrap(),
                    workflow.working_directory,
                    limits,
                    self._clock,
                    context,
                    job.environment,
                    self._gates,
                    job.process,
                ).run()
        except OSError as error:
            if failure := start_failure(error, workflow):
                return Failed(failure)
            raise
        if result.stop or result.status:
            return Failed(_failure(result, workflow, job))
        fields = passed_fields(workflow, source)
        savers = source.export.picture_savers if source.export is not None else ()
        is_single = (job.output / "output.png").exists()
        return Success(
            RenderingFacts(
                renderer=workflow.renderer,
                workflow=workflow.script.name,
                seconds=result.seconds,
                seed_used=uses_seed(workflow, source),
                size_used=job.size is not None and fields >= {"width", "height"},
                prompt_used=PROMPT_FIELDS[kind] in fields,
                detail=partial(_last_lines, result),
                models=source.models,
                overwritten=savers if len(savers) > 1 and is_single else (),
                elsewhere=partial(stray_files, workflow, job.output, began),
            )
        )

    def _current(self, key: WorkflowKey) -> tuple[ScriptWorkflow, ScriptSource]:
        """A workflow with the arguments that its script, as it is now, gets."""
        workflow = self._workflows[key]
        source = script_source(workflow.script)
        if source.export is not None:
            from adapters.comfyui_script.export_arguments import resolved_workflow

            workflow = resolved_workflow(workflow, source, key[0])
        return workflow, source

    def _variant(self, key: WorkflowKey, workflow: ScriptWorkflow) -> ScriptRenderer:
        """A renderer as this one, with another workflow in place of one."""
        return ScriptRenderer({key: workflow}, self._clock, self._hosts)

    def close(self) -> None:
        """End the warm hosts and the gates."""
        self._gates.close()
        if self._hosts is not None:
            self._hosts.close()


def _last_lines(result: ProcessResult) -> str:
    return excerpt(output_lines(result.stderr) or output_lines(result.stdout))


def _failure(result: ProcessResult, workflow: ScriptWorkflow, job: RenderJob) -> Failure:
    """The failure of a script that was stopped or did not end with exit code 0."""
    texts = [text for text in brief_texts(job.brief).values() if text]
    name = workflow.script.name
    if result.stop is None:
        failure = diagnose(
            result.status,
            result.stderr,
            stdout=result.stdout,
            script=name,
            brief_texts=texts,
        )
        if failure.code is FailureCode.MODEL_MISSING and workflow.paths:
            from adapters.comfyui_script.path_values import named_model

            # Other briefs need not name it: nothing is wrong with the workflow.
            if path := named_model(workflow, job, failure.words):
                message = f"prompt {job.prompt_id}, {path}: {failure.message}"
                return replace(failure, code=FailureCode.BRIEF_VALUE, message=message)
        return failure
    lines = output_lines(result.stderr)
    detail = excerpt(lines)
    if result.stop is StopReason.REQUESTED:
        return Failure(FailureCode.INTERRUPTED, f"{name} was stopped on request", detail)
    words = redact_brief(lines[-1], texts) if lines else ""
    if result.stop is StopReason.TIMED_OUT:
        limit = f"{workflow.time_limit_seconds:g} seconds"
        message = f"{name} ran longer than its {limit} and was stopped"
        return Failure(FailureCode.TIMED_OUT, message, detail, words)
    limit = f"{workflow.stall_seconds:g} seconds"
    message = f"{name} printed nothing and wrote nothing for {limit} and was stopped"
    return Failure(FailureCode.STALLED, message, detail, words)
