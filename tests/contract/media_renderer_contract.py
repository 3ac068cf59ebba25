"""Contract of every media renderer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from enum import Enum, auto
from typing import TYPE_CHECKING, ClassVar

import pytest
from returns.pipeline import is_successful

from application.ports.media_renderer import RenderJob
from domain.brief import ImageBrief, LyricsBrief, Section
from domain.failure import Blame, FailureCode
from domain.picture_size import PictureSize
from domain.prompt import Kind

if TYPE_CHECKING:
    from pathlib import Path

    from application.ports.media_renderer import MediaRenderer
    from domain.render import ServerJob, WorkflowProcess

PICTURE = ImageBrief(prompt="a lake at dawn")
SONG = LyricsBrief(sections=(Section("verse", "Steam ascends"),), genre="folk")


class Behaviour(Enum):
    """The behaviour of a renderer under test."""

    SUCCEED = auto()  # leave at least one file for every job
    FAIL = auto()  # leave files and still fail: this render's fault
    TAKE_LONG = auto()  # show progress once or more, and continue until stopped
    BE_BROKEN = auto()  # nothing works: the installation's fault


class RecordingContext:
    """A context that records each call, and asks the job to stop after so many reports."""

    def __init__(self, *, stop_after: int | None = None, may_start: bool = True) -> None:
        self.reports: list[tuple[float | None, str]] = []
        self.workflows: list[WorkflowProcess] = []
        self.printed: Counter[str] = Counter()  # bytes, by stream
        self.jobs: list[ServerJob] = []
        self.dropped_jobs: list[ServerJob] = []
        self.previews: list[tuple[bytes, str]] = []
        self.started: list[bool] = []
        self._stop_after = stop_after
        self._may_start = may_start

    def record_process(self, workflow: WorkflowProcess) -> bool:
        self.workflows.append(workflow)
        return self._may_start

    def record_job(self, job: ServerJob) -> bool:
        self.jobs.append(job)
        return self._may_start

    def owns_job(self, job: ServerJob) -> bool:
        return True

    def forget_job(self, job: ServerJob) -> None:
        self.dropped_jobs.append(job)

    def on_started(self, *, takes_next: bool = False) -> None:
        self.started.append(takes_next)

    def has_next(self) -> bool:
        return False

    def on_preview(self, picture: bytes, media_type: str) -> None:
        self.previews.append((picture, media_type))

    def on_progress(self, fraction: float | None, message: str) -> None:
        self.reports.append((fraction, message))

    def on_output(self, stream: str, chunk: bytes) -> None:
        self.printed[stream] += len(chunk)

    def must_stop(self) -> bool:
        return self._stop_after is not None and len(self.reports) >= self._stop_after


def job_for(output: Path, kind: Kind = Kind.IMAGE, prompt_id: int = 200) -> RenderJob:
    """A job with a new output folder."""
    output.mkdir(parents=True)
    picture = kind is Kind.IMAGE
    return RenderJob(
        prompt_id=prompt_id,
        render_id=prompt_id + 1000,
        brief=PICTURE if picture else SONG,
        seed=7,
        size=PictureSize(64, 64) if picture else None,
        output=output,
    )


class MediaRendererContract(ABC):
    """The contract; a subclass named ``Test...`` supplies the renderers.

    Attributes:
        kinds: the kinds of media that the renderer can make; no other is requested.
    """

    kinds: ClassVar[frozenset[Kind]] = frozenset(Kind)

    @pytest.fixture(params=Kind)
    def kind(self, request: pytest.FixtureRequest) -> Kind:
        """Each kind that the renderer can make."""
        kind: Kind = request.param
        if kind not in self.kinds:
            pytest.skip(f"makes nothing of the kind {kind}")
        return kind

    @pytest.fixture
    def any_kind(self) -> Kind:
        """One of those kinds, if it does not matter which."""
        return next(kind for kind in Kind if kind in self.kinds)

    @abstractmethod
    def renderer(self, behaviour: Behaviour, folder: Path) -> MediaRenderer:
        """A renderer with this behaviour; it may use ``folder``."""

    def test_a_working_renderer_passes_its_preflight(self, kind: Kind, tmp_path: Path) -> None:
        """No failure is reported."""
        assert self.renderer(Behaviour.SUCCEED, tmp_path).preflight(kind) is None

    def test_a_success_says_that_the_prompt_was_used(self, any_kind: Kind, tmp_path: Path) -> None:
        """The metadata of the published file record it."""
        renderer = self.renderer(Behaviour.SUCCEED, tmp_path)
        assert (
            renderer.render(job_for(tmp_path / "out", any_kind), RecordingContext())
            .unwrap()
            .prompt_used
        )

    def test_a_broken_installation_fails_the_preflight(self, kind: Kind, tmp_path: Path) -> None:
        """The failure blames the environment."""
        failure = self.renderer(Behaviour.BE_BROKEN, tmp_path).preflight(kind)
        assert failure is not None
        assert failure.blame is Blame.ENVIRONMENT

    def test_a_broken_installation_fails_a_job_with_the_same_code(
        self, any_kind: Kind, tmp_path: Path
    ) -> None:
        """A job that runs anyway returns a failure instead of raising."""
        renderer = self.renderer(Behaviour.BE_BROKEN, tmp_path)
        expected = renderer.preflight(any_kind)
        result = renderer.render(job_for(tmp_path / "out", any_kind), RecordingContext())
        assert expected is not None
        assert result.failure().code is expected.code

    def test_success_leaves_files_and_facts(self, kind: Kind, tmp_path: Path) -> None:
        """The media are in the job's folder, and the facts say how they were made."""
        job = job_for(tmp_path / "out", kind)
        facts = self.renderer(Behaviour.SUCCEED, tmp_path).render(job, RecordingContext()).unwrap()
        assert any(job.output.iterdir())
        assert facts.seconds >= 0
        assert facts.renderer
        assert facts.workflow
        assert "/" not in facts.workflow

    def test_progress_is_a_fraction_that_reaches_the_end(
        self, any_kind: Kind, tmp_path: Path
    ) -> None:
        """Reported values lie between 0 and 1."""
        watch = RecordingContext()
        self.renderer(Behaviour.SUCCEED, tmp_path).render(
            job_for(tmp_path / "out", any_kind), watch
        )
        fractions = [fraction for fraction, _ in watch.reports if fraction is not None]
        assert all(0 <= fraction <= 1 for fraction in fractions)
        assert fractions[-1] == 1

    def test_failure_is_a_value_that_blames_the_render(
        self, any_kind: Kind, tmp_path: Path
    ) -> None:
        """An expected failure is returned, whatever files were left."""
        job = job_for(tmp_path / "out", any_kind)
        result = self.renderer(Behaviour.FAIL, tmp_path).render(job, RecordingContext())
        assert not is_successful(result)
        assert result.failure().blame is Blame.RENDER

    def test_a_job_that_must_stop_at_once_is_interrupted(
        self, any_kind: Kind, tmp_path: Path
    ) -> None:
        """No file is made for a job that is no longer wanted."""
        job = job_for(tmp_path / "out", any_kind)
        result = self.renderer(Behaviour.SUCCEED, tmp_path).render(
            job, RecordingContext(stop_after=0)
        )
        assert result.failure().code is FailureCode.INTERRUPTED
        assert not any(job.output.iterdir())

    def test_a_job_is_stopped_in_the_middle(self, any_kind: Kind, tmp_path: Path) -> None:
        """A stop request during the render is obeyed."""
        job = job_for(tmp_path / "out", any_kind)
        result = self.renderer(Behaviour.TAKE_LONG, tmp_path).render(
            job, RecordingContext(stop_after=1)
        )
        assert result.failure().code is FailureCode.INTERRUPTED

    def test_a_process_that_may_not_start_makes_nothing(
        self, any_kind: Kind, tmp_path: Path
    ) -> None:
        """A renderer asks before it starts a process; one without processes has nothing to ask."""
        job, watch = job_for(tmp_path / "out", any_kind), RecordingContext(may_start=False)
        result = self.renderer(Behaviour.SUCCEED, tmp_path).render(job, watch)
        if watch.workflows or watch.jobs:
            assert result.failure().code is FailureCode.INTERRUPTED
            assert not any(job.output.iterdir())
        else:
            assert is_successful(result)

    def test_one_renderer_serves_several_threads(self, any_kind: Kind, tmp_path: Path) -> None:
        """Concurrent jobs do not disturb each other."""
        renderer = self.renderer(Behaviour.SUCCEED, tmp_path)
        jobs = [job_for(tmp_path / f"out{n}", any_kind, n) for n in range(8)]
        with ThreadPoolExecutor(4) as pool:
            results = list(pool.map(lambda job: renderer.render(job, RecordingContext()), jobs))
        assert all(map(is_successful, results))
        assert all(any(job.output.iterdir()) for job in jobs)

    def test_it_is_closed_once_its_jobs_are_over(self, any_kind: Kind, tmp_path: Path) -> None:
        """Its owner closes it; its files stay."""
        renderer = self.renderer(Behaviour.SUCCEED, tmp_path)
        job = job_for(tmp_path / "out", any_kind)
        assert is_successful(renderer.render(job, RecordingContext()))
        renderer.close()
        assert any(job.output.iterdir())
