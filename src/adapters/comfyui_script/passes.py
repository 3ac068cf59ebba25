"""Several passes of an export that saves every picture as ``output.png``, over the one before.

Such an export is run once for each pass, in a folder of its own, and its files are renamed, so that
none is lost. Each pass has a seed of its own, or all would make the same picture.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from returns.pipeline import is_successful

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from returns.result import Result

    from adapters.comfyui_script.workflow import ScriptWorkflow
    from application.ports.media_renderer import (
        MediaRenderer,
        RenderContext,
        RenderingFacts,
        RenderJob,
    )
    from domain.failure import Failure
    from domain.render import ServerJob, WorkflowProcess
    from domain.workflow_rules import WorkflowKey

_SEEDS = 2**64


def render_passes(
    variant: Callable[[WorkflowKey, ScriptWorkflow], MediaRenderer],
    workflow: ScriptWorkflow,
    job: RenderJob,
    context: RenderContext,
) -> Result[RenderingFacts, Failure]:
    """Render once for each pass, within the time limit of one run.

    Args:
        variant: gives the renderer of a workflow.
        workflow: with the number of passes as its ``queue_size``.
        job: of all passes.
        context: of all passes.

    Returns:
        The facts of the last pass, with the seconds of all and the seed of each file; or the
        failure of the first that failed.
    """
    rendered: Result[RenderingFacts, Failure]
    seeds: dict[str, int] = {}
    seconds = 0.0
    for number in range(workflow.queue_size):
        left = workflow.time_limit_seconds - seconds
        once = replace(workflow, queue_size=1, time_limit_seconds=left)
        folder = job.output / f"pass_{number + 1:03}"
        folder.mkdir()
        part = replace(job, output=folder, seed=(job.seed + number) % _SEEDS)
        pass_context = _PassContext(context, number, workflow.queue_size)
        rendered = variant((job.brief.kind, job.workflow), once).render(part, pass_context)
        if not is_successful(rendered):
            return rendered
        seconds += rendered.unwrap().seconds
        seeds |= dict.fromkeys(_kept_files(folder, number), part.seed)
    return rendered.map(lambda facts: replace(facts, seconds=seconds, seeds=seeds))


def _kept_files(folder: Path, number: int) -> Iterator[str]:
    """Move the files of a pass, counted from 0, into the folder above; gives their new names."""
    for file in sorted(folder.iterdir()):
        if file.is_file() and not file.is_symlink():
            name = f"{file.stem}_{number + 1:03}{file.suffix}"
            file.rename(folder.parent / name)
            yield name


@dataclass(frozen=True, slots=True)
class _PassContext:
    """The context of one pass: its progress is a part of the whole.

    Attributes:
        whole: the context of the job.
        number: of the pass, counted from 0.
        count: of all passes.
    """

    whole: RenderContext
    number: int
    count: int

    def on_progress(self, fraction: float | None, message: str) -> None:
        """Report the pass's progress as that of the whole."""
        whole = None if fraction is None else (self.number + fraction) / self.count
        self.whole.on_progress(whole, message)

    def record_process(self, workflow: WorkflowProcess) -> bool:
        """As the whole."""
        return self.whole.record_process(workflow)

    def record_job(self, job: ServerJob) -> bool:
        """As the whole."""
        return self.whole.record_job(job)

    def owns_job(self, job: ServerJob) -> bool:
        """As the whole."""
        return self.whole.owns_job(job)

    def forget_job(self, job: ServerJob) -> None:
        """As the whole."""
        self.whole.forget_job(job)

    def on_started(self, *, takes_next: bool = False) -> None:
        """As the whole."""
        self.whole.on_started(takes_next=takes_next)

    def has_next(self) -> bool:
        """Another pass is the same as another prompt."""
        return self.number + 1 < self.count or self.whole.has_next()

    def on_preview(self, picture: bytes, media_type: str) -> None:
        """As the whole."""
        self.whole.on_preview(picture, media_type)

    def on_output(self, stream: str, chunk: bytes) -> None:
        """As the whole."""
        self.whole.on_output(stream, chunk)

    def must_stop(self) -> bool:
        """As the whole."""
        return self.whole.must_stop()
