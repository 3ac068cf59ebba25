"""Fixtures that run real scripts with this interpreter, in separate folders."""

from __future__ import annotations

import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from adapters.comfyui_script.process import WaitingGates
from adapters.comfyui_script.renderer import ScriptRenderer
from adapters.comfyui_script.workflow import DEFAULT_ARGUMENTS, ArgumentStyle, ScriptWorkflow
from adapters.system_clock import SystemClock
from domain.prompt import Kind
from tests.contract.media_renderer_contract import RecordingContext, job_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from returns.result import Result

    from application.ports.media_renderer import RenderingFacts, RenderJob
    from domain.failure import Failure

WORKFLOWS = Path(__file__).parents[2] / "workflows"


class Make(Protocol):
    def __call__(
        self,
        script: str | Path,
        /,
        kind: Kind = Kind.IMAGE,
        **changes: Any,  # noqa: ANN401 - any field of the workflow
    ) -> ScriptWorkflow: ...


class Bench:
    """Runs one script after another, each in its own folder.

    Attributes:
        early: whether each script runs behind a gate that was started earlier.
    """

    def __init__(self, folder: Path, make: Make) -> None:
        self.folder = folder
        self.make = make
        self.watch = RecordingContext()
        self.clock = SystemClock()
        self.early = False
        self.job: RenderJob

    def run(
        self,
        script: str | Path,
        /,
        *,
        kind: Kind = Kind.IMAGE,
        change: Callable[[RenderJob], RenderJob] = lambda job: job,
        **changes: Any,  # noqa: ANN401 - any field of the workflow
    ) -> Result[RenderingFacts, Failure]:
        """Render with a script of ``tests/workflows``, or with an absolute path."""
        number = len(list(self.folder.glob("out*")))
        self.job = change(job_for(self.folder / f"out{number}", kind))
        workflow = self.make(script, kind, **changes)
        with closing(ScriptRenderer({(kind, ""): workflow}, self.clock)) as renderer:
            if self.early:
                gates = WaitingGates(self.clock)
                gates.start(workflow.working_directory, self.job.environment)
                renderer._gates = gates  # noqa: SLF001
                [process] = renderer.waiting_processes(kind, self.job.environment, 0)
                self.job = replace(self.job, process=process)
            return renderer.render(self.job, self.watch)

    def left(self, name: str) -> str:
        """The text of a file that the script wrote."""
        return (self.job.output / name).read_text(encoding="utf-8")


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Workflows with the contract's arguments and time limits for tests."""

    def made(
        script: str | Path,
        /,
        kind: Kind = Kind.IMAGE,
        **changes: Any,  # noqa: ANN401 - any field of the workflow
    ) -> ScriptWorkflow:
        fields: dict[str, Any] = {
            "renderer": "script",
            "interpreter": Path(sys.executable),
            "script": WORKFLOWS / script,
            "working_directory": tmp_path,
            "arguments": DEFAULT_ARGUMENTS[kind],
            "extra_arguments": (),
            "argument_style": ArgumentStyle.EQUALS,
            "queue_size": 1,
            "time_limit_seconds": 60.0,
            "stall_seconds": 0.0,
            "grace_seconds": 5.0,
        }
        return ScriptWorkflow(**(fields | changes))

    return made


@pytest.fixture
def bench(tmp_path: Path, make: Make) -> Bench:
    """A folder and settings to run scripts with."""
    return Bench(tmp_path, make)
