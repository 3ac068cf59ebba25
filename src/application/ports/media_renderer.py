"""The port to the renderers: a workflow script, the sketch, a ComfyUI server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from returns.result import Result

    from application.ports.input_pictures import InputPicture
    from domain.affinity import Fit, Need
    from domain.brief import Brief
    from domain.failure import Failure
    from domain.picture_size import PictureSize
    from domain.prompt import Kind
    from domain.render import ServerJob, WorkflowProcess


@dataclass(frozen=True, slots=True)
class RenderJob:
    """One brief to render.

    Attributes:
        prompt_id: the prompt, for messages and names only.
        render_id: the render, for messages and names only.
        brief: the brief to render.
        seed: 0 to 2**64 - 1.
        size: of the picture; None for a song.
        output: an existing, empty folder, absolute.
        environment: variables of the slot, which override those of this process.
        variant: number of the writing, counted from 1.
        earlier: jobs on servers that earlier renders left for the same writing, newest first;
            one with the same request may be continued.
        slot: number of the slot that renders it; one job of a slot runs at a time.
        process: one of ``waiting_processes`` that was recorded with the claim; None if none was.
        workflow: name of the workflow that renders it; "" for the only one of its kind.
        pictures: those that the brief names, by the path of the value in the brief's JSON.
    """

    prompt_id: int
    render_id: int
    brief: Brief
    seed: int
    size: PictureSize | None
    output: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    variant: int = 1
    earlier: tuple[ServerJob, ...] = ()
    slot: int = 0
    process: WorkflowProcess | None = None
    workflow: str = ""
    pictures: Mapping[str, InputPicture] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RenderingFacts:
    """How a job was rendered; becomes part of the artifacts' metadata.

    Attributes:
        renderer: "script", "sketch", "server" or "ray".
        workflow: file name of the workflow, without folders.
        seconds: running time of the workflow.
        seed_used: whether the workflow received the seed, so that it describes the result.
        size_used: whether the workflow received width and height.
        prompt_used: whether the workflow received the prompt (of a song: the lyrics).
        job: the job on a server that made it, or None; its seed is the one that counts.
        detail: returns the end of the workflow's output, for a failure of verification.
        overwritten: the nodes, in words, of whose files only the last one's was kept.
        seeds: of single files, by name, where they differ from the job's.
        models: file names of the models that made the files, as far as they are known.
        reuse_key: identifies the job for later ones that ask for the same; "" if none may be
            answered by this one.
        reused_from: "prompt_id" and "render_id" of the render whose files were copied, if nothing
            was rendered.
        mark_ids: ids of the marks that copied files have, by name.
        elsewhere: called if the job's folder holds no media; says where files appeared instead, in
            one sentence, or "".
    """

    renderer: str
    workflow: str
    seconds: float
    seed_used: bool
    size_used: bool
    prompt_used: bool
    job: ServerJob | None = None
    detail: Callable[[], str] = str
    overwritten: tuple[str, ...] = ()
    seeds: Mapping[str, int] = field(default_factory=dict)
    models: tuple[str, ...] = ()
    elsewhere: Callable[[], str] = str
    reuse_key: str = ""
    reused_from: Mapping[str, int] = field(default_factory=dict)
    mark_ids: Mapping[str, str] = field(default_factory=dict)


class RenderContext(Protocol):
    """What a renderer may call while it works. Safe to call from any thread."""

    def record_process(self, workflow: WorkflowProcess) -> bool:
        """Record the process group of the workflow before it does anything.

        Called once for each group that the renderer starts. After it returns, other workers can
        end the group if this process dies. False: the group may not run.
        """
        ...

    def record_job(self, job: ServerJob) -> bool:
        """Record a job before it is submitted to a server or continued there.

        After it returns True, a worker that takes over finds the job in ``RenderJob.earlier`` if
        this process dies. False: the job may be neither submitted nor continued.
        """
        ...

    def owns_job(self, job: ServerJob) -> bool:
        """Whether a recorded job may be ended on its server; false if a successor has it."""
        ...

    def forget_job(self, job: ServerJob) -> None:
        """Forget a job that ended or disappeared without a result."""
        ...

    def on_started(self, *, takes_next: bool = False) -> None:
        """Report that the workflow runs, or that the job is in its server's queue.

        Until then, work on the previous prompt is put off for a moment. May be called repeatedly.

        Args:
            takes_next: whether the next job may be given to the renderer now, which queues it.
        """
        ...

    def has_next(self) -> bool:
        """Whether another prompt of the same kind waits that the slot may render next."""
        ...

    def on_preview(self, picture: bytes, media_type: str) -> None:
        """Report a preview of the picture, with its media type: "image/jpeg" or "image/png"."""
        ...

    def on_progress(self, fraction: float | None, message: str) -> None:
        """Report progress from 0 to 1 (None if unknown), and what the job is doing."""
        ...

    def on_output(self, stream: str, chunk: bytes) -> None:
        """Report raw output of the workflow; the stream is "stdout" or "stderr"."""
        ...

    def must_stop(self) -> bool:
        """Whether the job must stop at once; cheap enough for several calls a second."""
        ...


class MediaRenderer(Protocol):
    """Renders briefs into media files."""

    def preflight(self, kind: Kind, workflow: str = "") -> Failure | None:
        """The environment failure that every job of a workflow would meet, or None.

        Args:
            kind: the kind that it renders.
            workflow: its name; "" for the only one of the kind.
        """
        ...

    def waiting_processes(
        self, kind: Kind, environment: Mapping[str, str], slot: int
    ) -> Sequence[WorkflowProcess] | None:
        """Process groups that wait for the next job of a kind and do nothing before it.

        One that no other job has may be recorded with a claim. They end if this process dies.
        None if the slot has no place for a job of the kind now, although others may have one: then
        none may be claimed for it.

        Args:
            kind: the kind of the job.
            environment: the job's.
            slot: the job's.
        """
        ...

    def need(self, kind: Kind, workflow: str, brief: Callable[[], Brief | None]) -> Need:
        """What a prompt needs of what renders it.

        Args:
            kind: the kind of the prompt.
            workflow: its name; "" for the only one of the kind.
            brief: returns the prompt's brief, or None if it cannot be read; called only where
                a brief may name models or other choices.
        """
        ...

    def fit(self, need: Need, slot: int, ahead: int = 0) -> Fit:
        """How a prompt suits what may take the next job of a slot: servers, a process, a node.

        Args:
            need: of the prompt.
            slot: the job's.
            ahead: number of prompts before this one that need the same models.
        """
        ...

    def why_away(self, need: Need) -> Failure | None:
        """Why a prompt waits for a server that does not answer, as ``fit`` says; or None.

        Args:
            need: of the prompt.
        """
        ...

    def reserve(self, prompt_id: int, need: Need, slot: int, ahead: int = 0) -> None:
        """Keep the place that suits a prompt best which is about to be claimed.

        Used by the job of the prompt, or given back by ``release``.

        Args:
            prompt_id: the prompt.
            need: as for ``fit``.
            slot: as for ``fit``.
            ahead: as for ``fit``.
        """
        ...

    def release(self, prompt_id: int) -> None:
        """Give back the place that was kept for a prompt, unless its job has used it."""
        ...

    def render(self, job: RenderJob, context: RenderContext) -> Result[RenderingFacts, Failure]:
        """Render a job into its output folder; afterwards none of its processes write to it.

        The renderer does not judge the files; the artifact store verifies them. If
        ``context.must_stop()`` or ``context.record_process()`` ended the job, the failure's code
        is ``interrupted``.

        Args:
            job: the brief, and where to render it.
            context: what the renderer may call while it works.
        """
        ...

    def close(self) -> None:
        """End every connection and thread; called when no more jobs are rendered."""
        ...
