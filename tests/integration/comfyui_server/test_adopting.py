"""Going on with what an earlier render left on a server."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import uuid4

from returns.pipeline import is_successful

from domain.brief import ImageBrief
from domain.failure import FailureCode
from domain.server_job import ServerJob
from tests.integration.comfyui_server.conftest import ServerWatch, state_is

if TYPE_CHECKING:
    from adapters.comfyui_server.renderer import ServerRenderer
    from tests.comfyui_double import Double
    from tests.integration.comfyui_server.conftest import Stage


def left_behind(stage: Stage, double: Double, renderer: ServerRenderer) -> ServerJob:
    """A job that runs, and that nobody follows any more."""
    double.behaviour.fail("KSampler", "hold")
    running = stage.begin(renderer, ServerWatch(endable=False))
    double.wait(lambda: state_is(double, "running"))
    stage.watch.stop.set()
    running.result(10)
    (job,) = stage.watch.jobs
    return job


def test_a_running_job_is_gone_on_with(stage: Stage) -> None:
    """Nothing is submitted a second time."""
    double, renderer = stage.double(), stage.renderer()
    job = left_behind(stage, double, renderer)
    running = stage.begin(renderer, earlier=(job,), seed=99)
    double.release()
    facts = running.result(10).unwrap()
    assert facts.job == job
    assert facts.job.seed == 7
    assert stage.watch.jobs == [job]
    assert len(double.jobs) == 1
    assert stage.files() == ["generated_image_001.png"]


def test_a_waiting_job_is_gone_on_with(stage: Stage) -> None:
    """It waits behind other people's."""
    double, renderer = stage.double(), stage.renderer()
    double.behaviour.fail("EmptyImage", "hold")
    double.submit_foreign()
    running = stage.begin(renderer, ServerWatch(endable=False))
    double.wait(lambda: state_is(double, "pending"))
    stage.watch.stop.set()
    running.result(10)
    (job,) = stage.watch.jobs
    running = stage.begin(renderer, earlier=(job,))
    double.release()
    assert running.result(10).unwrap().job == job
    assert len([each for each in double.jobs if not each.foreign]) == 1


def test_a_finished_job_is_fetched(stage: Stage) -> None:
    """It is not rendered again."""
    double, renderer = stage.double(), stage.renderer()
    job = left_behind(stage, double, renderer)
    double.release()
    double.wait(lambda: state_is(double, "success"))
    assert stage.render(renderer, earlier=(job,)).unwrap().job == job
    assert len(double.jobs) == 1


def test_a_job_that_is_gone_is_submitted_anew(stage: Stage) -> None:
    """The server was restarted meanwhile."""
    double, renderer = stage.double(), stage.renderer()
    job = left_behind(stage, double, renderer)
    double.behaviour.faults.clear()
    double.restart()
    facts = stage.render(renderer, earlier=(job,)).unwrap()
    assert facts.job != job
    assert stage.watch.dropped_jobs == [job]


def test_a_job_that_failed_meanwhile_is_submitted_anew(stage: Stage) -> None:
    """What went wrong while nobody looked is no failure of this render."""
    double, renderer = stage.double(), stage.renderer()
    job = left_behind(stage, double, renderer)
    double.interrupt()
    double.wait(lambda: state_is(double, "error"))
    facts = stage.render(renderer, earlier=(job,)).unwrap()
    assert facts.job != job
    assert stage.watch.dropped_jobs == [job]


def test_a_job_for_another_brief_is_ended(stage: Stage) -> None:
    """The writing was changed: what runs is of no use."""
    double, renderer = stage.double(), stage.renderer()
    job = left_behind(stage, double, renderer)
    facts = stage.render(renderer, earlier=(job,), brief=ImageBrief(prompt="a city")).unwrap()
    assert facts.job != job
    assert double.job(job.id).state == "error"
    assert stage.watch.dropped_jobs == [job]


def test_a_job_for_another_writing_is_ended(stage: Stage) -> None:
    """Each writing has its own."""
    double, renderer = stage.double(), stage.renderer()
    job = replace(left_behind(stage, double, renderer), variant=2)
    assert stage.render(renderer, earlier=(job,)).unwrap().job != job
    assert stage.watch.dropped_jobs == [job]


def test_the_newest_is_gone_on_with_and_the_others_are_ended(stage: Stage) -> None:
    """Two were left: one of them is enough."""
    double, renderer = stage.double(), stage.renderer()
    older = left_behind(stage, double, renderer)
    running = stage.begin(renderer, ServerWatch(endable=False))
    double.wait(lambda: state_is(double, "pending"))
    stage.watch.stop.set()
    running.result(10)
    (newer,) = stage.watch.jobs
    running = stage.begin(renderer, earlier=(newer, older))
    double.release()
    assert running.result(10).unwrap().job == newer
    assert stage.watch.dropped_jobs == [older]


def test_a_job_that_is_not_ours_any_more_is_left(stage: Stage) -> None:
    """Another render holds it: the watch says no."""
    double, renderer = stage.double(), stage.renderer()
    job = left_behind(stage, double, renderer)
    failure = stage.render(renderer, ServerWatch(may_start=False), earlier=(job,)).failure()
    assert failure.code is FailureCode.INTERRUPTED
    assert state_is(double, "running")
    assert len(double.jobs) == 1


def test_a_job_on_a_strange_server_is_left_to_others(stage: Stage) -> None:
    """It is not in the configuration any more."""
    stage.double()
    job = ServerJob(str(uuid4()), "http://127.0.0.1:9", 1, "x", 1)
    assert is_successful(stage.render(stage.renderer(), earlier=(job,)))
    assert stage.watch.dropped_jobs == []
