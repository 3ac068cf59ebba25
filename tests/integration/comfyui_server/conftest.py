"""Fixtures: doubles of ComfyUI, and a renderer that uses them."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest
from returns.pipeline import is_successful

from adapters.comfyui_server import job as job_module
from adapters.comfyui_server import job_socket
from adapters.comfyui_server import renderer as renderer_module
from adapters.comfyui_server.address import ServerAddress
from adapters.comfyui_server.job import JobRun, JobState
from domain.prompt import Kind
from tests.comfyui_double import Double, running_double
from tests.contract.media_renderer_contract import RecordingContext, job_for
from tests.integration.comfyui_server.renderers import LIMITS, renderer
from tests.unit.adapters.comfyui_server.job_page import end_codes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from returns.result import Result

    from adapters.comfyui_server.renderer import ServerRenderer
    from application.ports.media_renderer import RenderingFacts, RenderJob
    from domain.failure import Failure, FailureCode
    from domain.render import ServerJob


class ServerContext(RecordingContext):
    """A render context that can request a stop at any time, and records its calls."""

    def __init__(self, *, endable: bool = True, may_start: bool = True) -> None:
        super().__init__(may_start=may_start)
        self.stop = Event()
        self.text = ""
        self.endable = endable

    def must_stop(self) -> bool:
        return self.stop.is_set()

    def owns_job(self, job: ServerJob) -> bool:
        return self.endable

    def on_output(self, stream: str, chunk: bytes) -> None:
        assert stream == "server"
        self.text += chunk.decode()


class Stage:
    """Doubles, and one renderer over all of them, made when it is first used.

    Attributes:
        news: reports of the pool, in order: a server's name, and why it is unhealthy.
    """

    def __init__(self, folder: Path, opened: ExitStack) -> None:
        self.folder = folder
        self.news: list[tuple[str, FailureCode | None]] = []
        self.watch = ServerContext()
        self.job: RenderJob
        self._open = opened
        self._doubles: list[Double] = []
        self._threads = opened.enter_context(ThreadPoolExecutor(8))
        self._jobs = 0

    def double(self, **options: Any) -> Double:  # noqa: ANN401 (fields of Behaviour)
        """Start one more double with this behaviour."""
        folder = self.folder / f"server{len(self._doubles)}"
        double = self._open.enter_context(running_double(folder, **options))
        self._doubles.append(double)
        return double

    def renderer(
        self,
        *,
        servers: Sequence[ServerAddress] = (),
        graphs: dict[Kind, dict[str, Any]] | None = None,
        **limits: Any,  # noqa: ANN401 (fields of ServerLimits)
    ) -> ServerRenderer:
        """A renderer over the doubles, or over the given addresses."""
        if not self._doubles and not servers:
            self.double()
        places = servers or [ServerAddress(double.url) for double in self._doubles]
        changed = replace(LIMITS, **limits)
        tell = self._tell
        made = renderer(self.folder / "workflows", places, changed, graphs, tell)
        return self._open.enter_context(made)

    def render(
        self,
        with_renderer: ServerRenderer,
        watch: ServerContext | None = None,
        kind: Kind = Kind.IMAGE,
        **changes: Any,  # noqa: ANN401 (fields of RenderJob)
    ) -> Result[RenderingFacts, Failure]:
        """Render into its own folder."""
        self._jobs += 1
        self.watch = watch or ServerContext()
        self.job = replace(job_for(self.folder / f"out{self._jobs}", kind), **changes)
        return with_renderer.render(self.job, self.watch)

    def begin(
        self,
        with_renderer: ServerRenderer,
        watch: ServerContext | None = None,
        kind: Kind = Kind.IMAGE,
        **changes: Any,  # noqa: ANN401 (fields of RenderJob)
    ) -> Future[Result[RenderingFacts, Failure]]:
        """Start a render in its own thread."""
        self._jobs += 1
        self.watch = watch or ServerContext()
        self.job = replace(job_for(self.folder / f"out{self._jobs}", kind), **changes)
        return self._threads.submit(with_renderer.render, self.job, self.watch)

    def files(self) -> list[str]:
        """The files of the last job, by name."""
        return sorted(path.name for path in self.job.output.iterdir())

    def _tell(self, name: str, failure: Failure | None) -> None:
        self.news.append((name, failure.code if failure else None))


@pytest.fixture(autouse=True)
def _ends_as_documented(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """In every test each job ends in a state that docs/server-jobs.md lists for its failure."""
    run, codes, undocumented = JobRun.run, end_codes(), list[tuple[JobState, str]]()

    def observed(job: JobRun) -> Result[RenderingFacts, Failure]:
        result = run(job)
        if is_successful(result):
            if job.state is not JobState.SUCCEEDED:
                undocumented.append((job.state, "success"))
        elif result.failure().code not in codes[job.state]:
            undocumented.append((job.state, result.failure().code))
        return result

    monkeypatch.setattr(JobRun, "run", observed)
    yield
    assert undocumented == []


CANCEL_SECONDS = job_module._CANCEL_SECONDS  # noqa: SLF001 - as it is outside of tests


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Long time limits: a busy machine may take long to connect, and to end a job."""
    monkeypatch.setattr(job_socket, "_MAX_CONNECT_WAIT", 60.0)
    monkeypatch.setattr(job_socket, "_OPEN_SECONDS", 60.0)
    monkeypatch.setattr(job_module, "_CANCEL_SECONDS", 60.0)


@pytest.fixture
def impatient(_patient: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Short time limits, for jobs that would not end however long they are waited for."""
    monkeypatch.setattr(job_module, "_CANCEL_SECONDS", 0.3)
    monkeypatch.setattr(renderer_module, "_CANCEL_SECONDS", 0.3)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """Doubles and a renderer, all ended with the test."""
    with ExitStack() as opened:
        yield Stage(tmp_path, opened)


def state_is(double: Double, state: str, number: int = -1) -> bool:
    """Whether a double's job is in a state; the newest one, unless a number is given."""
    jobs = [job for job in double.jobs if not job.foreign]
    return bool(jobs) and jobs[number].state == state
