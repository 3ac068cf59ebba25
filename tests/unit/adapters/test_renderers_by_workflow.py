"""Two renderers behind one port."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from adapters.renderers_by_workflow import RenderersByWorkflow
from domain.failure import Failure, FailureCode
from domain.prompt import Kind
from tests.contract.media_renderer_contract import RecordingContext, job_for
from tests.fakes.media_renderer import FakeMediaRenderer

if TYPE_CHECKING:
    from pathlib import Path

AWAY = Failure(FailureCode.SERVER_UNREACHABLE, "connection refused")


@pytest.mark.parametrize("kind", Kind)
def test_each_job_goes_to_the_renderer_of_its_kind(kind: Kind, tmp_path: Path) -> None:
    """The other renderer gets nothing."""
    renderers = {(each, ""): FakeMediaRenderer() for each in Kind}
    RenderersByWorkflow(renderers).render(
        job_for(tmp_path / "out", kind), RecordingContext()
    ).unwrap()
    assert {each: made.calls for (each, _), made in renderers.items()} == {
        each: int(each is kind) for each in Kind
    }


def test_each_job_goes_to_the_renderer_of_its_workflow(tmp_path: Path) -> None:
    """Two workflows of a kind may have different renderers; neither may keep a waiting process."""
    renderers = {(Kind.IMAGE, name): FakeMediaRenderer() for name in ("anime", "photo")}
    job = replace(job_for(tmp_path / "out", Kind.IMAGE), workflow="photo")
    both = RenderersByWorkflow(renderers)
    both.render(job, RecordingContext()).unwrap()
    assert {name: made.calls for (_, name), made in renderers.items()} == {"anime": 0, "photo": 1}
    renderers[Kind.IMAGE, "anime"].refusals[Kind.IMAGE] = AWAY
    assert both.preflight(Kind.IMAGE, "anime") is AWAY
    assert both.preflight(Kind.IMAGE, "photo") is None
    assert both.waiting_processes(Kind.IMAGE, {}, 0) == ()


def test_a_preflight_failure_of_one_kind_does_not_affect_the_other() -> None:
    """Each renderer is checked separately."""
    renderers = {(kind, ""): FakeMediaRenderer() for kind in Kind}
    renderers[Kind.IMAGE, ""].refusals[Kind.IMAGE] = AWAY
    both = RenderersByWorkflow(renderers)
    assert [both.preflight(kind) for kind in Kind] == [AWAY, None]
