"""Stopping our job, and only ours."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from adapters.comfyui_server.address import ServerAddress
from domain.failure import FailureCode
from domain.kind import Kind
from tests.integration.comfyui_server.conftest import ServerWatch, state_is

if TYPE_CHECKING:
    from tests.integration.comfyui_server.conftest import Stage


def test_a_running_job_is_interrupted(stage: Stage) -> None:
    """By its id."""
    double, renderer = stage.double(), stage.renderer()
    double.behaviour.fail("KSampler", "hold")
    running = stage.begin(renderer)
    double.wait(lambda: state_is(double, "running"))
    stage.watch.stop.set()
    assert running.result(10).failure().code is FailureCode.INTERRUPTED
    assert state_is(double, "error")
    (asked,) = double.asked("POST", "/interrupt")
    assert asked.json == {"prompt_id": double.jobs[0].prompt_id}
    assert stage.watch.dropped_jobs == stage.watch.jobs


def test_a_waiting_job_is_taken_from_the_queue(stage: Stage) -> None:
    """Other people's jobs, before it and behind it, are not touched."""
    double, renderer = stage.double(), stage.renderer()
    double.behaviour.fail("EmptyImage", "hold")
    before = double.submit_foreign()
    running = stage.begin(renderer)
    double.wait(lambda: state_is(double, "pending"))
    behind = double.submit_foreign()
    stage.watch.stop.set()
    assert running.result(10).failure().code is FailureCode.INTERRUPTED
    assert double.asked("POST", "/interrupt") == []
    assert double.job(stage.watch.jobs[0].id).state == "deleted"
    double.release()
    double.wait(lambda: double.job(behind).state == "success")
    assert double.job(before).state == "success"


def test_a_job_that_an_heir_has_is_left(stage: Stage) -> None:
    """Who may not end it leaves it as it is."""
    double, renderer = stage.double(), stage.renderer()
    double.behaviour.fail("KSampler", "hold")
    running = stage.begin(renderer, ServerWatch(endable=False))
    double.wait(lambda: state_is(double, "running"))
    stage.watch.stop.set()
    assert running.result(10).failure().code is FailureCode.INTERRUPTED
    assert stage.watch.dropped_jobs == []
    assert double.asked("POST", "/interrupt") == []
    assert double.asked("POST", "/queue") == []
    assert state_is(double, "running")


def test_a_job_that_does_not_heed_is_not_waited_for(stage: Stage) -> None:
    """Whoever asks for an end waits ten seconds at most."""
    double, renderer = stage.double(), stage.renderer()
    double.behaviour.fail("KSampler", "hang")
    running = stage.begin(renderer)
    double.wait(lambda: state_is(double, "running"))
    began = time.monotonic()
    stage.watch.stop.set()
    assert running.result(10).failure().code is FailureCode.INTERRUPTED
    assert time.monotonic() - began < 8
    assert stage.watch.dropped_jobs == []


def test_waiting_for_a_server_that_is_gone_ends_on_request(stage: Stage) -> None:
    """However patient we are otherwise."""
    double, renderer = stage.double(), stage.renderer(unreachable_seconds=60)
    assert renderer.preflight(Kind.IMAGE) is None
    double.stop()
    running = stage.begin(renderer)
    time.sleep(0.3)
    stage.watch.stop.set()
    assert running.result(10).failure().code is FailureCode.INTERRUPTED
    assert stage.watch.dropped_jobs == stage.watch.jobs


def test_forsaken_jobs_are_ended(stage: Stage) -> None:
    """Those that wait and those that run, also on a server that is no longer configured."""
    double, renderer = stage.double(), stage.renderer()
    double.behaviour.fail("KSampler", "hold")
    stage.begin(renderer, ServerWatch(endable=False))
    double.wait(lambda: state_is(double, "running"))
    stage.watch.stop.set()
    (job,) = stage.watch.jobs
    other = stage.renderer(servers=[ServerAddress("http://127.0.0.1:9")])
    assert other.end(job)
    double.wait(lambda: state_is(double, "error"))
    assert other.end(job)  # it is gone already
    double.stop()
    assert not other.end(job)
