"""Contract tests of the fake renderer, and of its scripts."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from returns.pipeline import is_successful

from domain.failure import Failure, FailureCode
from domain.prompt import Kind
from tests.contract.media_renderer_contract import (
    Behaviour,
    MediaRendererContract,
    RecordingContext,
    job_for,
)
from tests.fakes.media_renderer import FakeMediaRenderer

if TYPE_CHECKING:
    from pathlib import Path

    from application.ports.media_renderer import RenderJob

BAD = Failure(FailureCode.WORKFLOW_FAILED, "it failed")
MISSING = Failure(FailureCode.SCRIPT_MISSING, "it is not there")


def _write(job: RenderJob) -> None:
    (job.output / "file").write_bytes(b"media")


class TestFakeMediaRenderer(MediaRendererContract):
    def renderer(self, behaviour: Behaviour, folder: Path) -> FakeMediaRenderer:
        match behaviour:
            case Behaviour.FAIL:
                return FakeMediaRenderer(lambda _: BAD)
            case Behaviour.BE_BROKEN:
                broken = FakeMediaRenderer(lambda _: MISSING)
                broken.refusals.update(dict.fromkeys(Kind, MISSING))
                return broken
            case _:
                return FakeMediaRenderer(write=_write, progress=(0.5, 1.0))


def test_scripted_outcomes_are_returned_in_order_and_counted(tmp_path: Path) -> None:
    """One prompt fails once and then succeeds; another is not affected."""
    fake = FakeMediaRenderer()
    fake.script(1, BAD, None)
    mine, other = job_for(tmp_path / "1", prompt_id=1), job_for(tmp_path / "2", prompt_id=2)
    results = [fake.render(job, RecordingContext()) for job in (mine, other, mine, mine)]
    assert [is_successful(result) for result in results] == [False, True, True, True]
    assert fake.calls_by_prompt == {1: 3, 2: 1}
    assert fake.calls == 4


def test_a_call_costs_microseconds(tmp_path: Path) -> None:
    """Ten thousand calls take a fraction of a second, so that simulations can be long."""
    fake, job, watch = FakeMediaRenderer(), job_for(tmp_path / "out"), RecordingContext()
    began = time.process_time()
    for _ in range(10_000):
        fake.render(job, watch)
    assert (time.process_time() - began) / 10_000 < 1e-3
