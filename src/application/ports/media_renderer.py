"""The port to whatever makes media: a workflow script, the sketch, a server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from returns.result import Result

    from domain.brief import Brief
    from domain.failure import Failure
    from domain.kind import Kind
    from domain.picture_size import PictureSize
    from domain.render import WorkflowProcess
    from domain.server_job import ServerJob


@dataclass(frozen=True, slots=True)
class RenderJob:
    """One brief to render.

    Attributes:
        prompt_id: for messages and names only.
        render_id: likewise.
        brief: what to make.
        seed: for this job, 0 to 2**64 - 1.
        size: of the picture; None for a song.
        output: an absolute folder that exists and is empty.
        environment: variables of the slot, over the program's own.
        variant: which writing of the prompt it is, counted from 1.
        earlier: jobs on servers that earlier renders left for the same writing, newest first;
            one that asks for the same thing may be gone on with.
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


@dataclass(frozen=True, slots=True)
class RenderingFacts:
    """How a job was made; becomes part of the artifacts' metadata.

    Attributes:
        renderer: "script", "sketch" or "server".
        workflow: name of the workflow (a file name, no path).
        seconds: the workflow's own running time.
        seed_used: whether the seed was passed on, so that it describes the result.
        size_used: whether width and height were passed on.
        job: the job on a server that made it, or None; its seed is the one that counts.
    """

    renderer: str
    workflow: str
    seconds: float
    seed_used: bool
    size_used: bool
    job: ServerJob | None = None

    def as_metadata(self) -> Mapping[str, object]:
        """The entries for an artifact's metadata."""
        entries: dict[str, object] = {
            "renderer": self.renderer,
            "workflow": self.workflow,
            "render_seconds": round(self.seconds, 3),
        }
        if self.job is not None:
            entries |= {"server": self.job.server, "server_job": self.job.id}
        return entries


class RenderWatch(Protocol):
    """What a renderer tells and asks while it works. Safe to call from any thread."""

    def started(self, workflow: WorkflowProcess) -> bool:
        """Tell which process group is about to work for the job, before it does anything.

        Called by renderers that start one, once for each. When this returns, whoever must be
        able to end the group should the caller die knows of it. False: it may not run.
        """
        ...

    def submitting(self, job: ServerJob) -> bool:
        """Tell which job is about to be given to a server, or gone on with there.

        When this returns True, whoever takes over should the caller die finds it among
        ``RenderJob.earlier``. False: it may neither be submitted nor gone on with.
        """
        ...

    def may_end(self, job: ServerJob) -> bool:
        """Whether a job that was told of may be ended on its server; not when an heir has it."""
        ...

    def dropped(self, job: ServerJob) -> None:
        """Tell that a job is over or gone without a result, and not to be looked for again."""
        ...

    def previewed(self, picture: bytes, media_type: str) -> None:
        """Show what the picture looks like so far ("image/jpeg" or "image/png")."""
        ...

    def progressed(self, fraction: float | None, message: str) -> None:
        """Tell how far the job is (0 to 1, None when unknown)."""
        ...

    def heard(self, stream: str, chunk: bytes) -> None:
        """Pass on what a workflow printed, as it came; the stream is "stdout" or "stderr"."""
        ...

    def must_stop(self) -> bool:
        """Whether the job must be stopped at once; cheap, asked several times a second."""
        ...


class MediaRenderer(Protocol):
    """Turns a brief into media files in a folder."""

    def preflight(self, kind: Kind) -> Failure | None:
        """What would make every job of this kind fail (an environment failure), or None."""
        ...

    def render(self, job: RenderJob, watch: RenderWatch) -> Result[RenderingFacts, Failure]:
        """Make the media. When it returns, nothing that it started writes any more.

        Whether the files are good is not the renderer's to say: the artifact store verifies.
        When ``watch.must_stop()`` turned true, or ``watch.started()`` was false, the failure's
        code is ``interrupted``.
        """
        ...
