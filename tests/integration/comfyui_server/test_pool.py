"""Several jobs on several servers at once."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from returns.pipeline import is_successful

from adapters.comfyui_server.address import ServerAddress
from domain.failure import FailureCode
from tests.contract.media_renderer_contract import job_for
from tests.integration.comfyui_server.conftest import ServerWatch, state_is

if TYPE_CHECKING:
    from tests.comfyui_double import Double
    from tests.integration.comfyui_server.conftest import Stage


def at_once(double: Double) -> int:
    """How many jobs of ours a double has now."""
    return sum(job.state in {"pending", "running"} for job in double.jobs)


def test_work_goes_to_whichever_server_is_free(stage: Stage) -> None:
    """And no server gets more jobs at once than it has slots, or two: one waits there."""
    first, second = stage.double(node_seconds=0.05), stage.double(node_seconds=0.02)
    renderer = stage.renderer(
        servers=[ServerAddress(first.url, slots=2), ServerAddress(second.url)]
    )
    most = [0, 0]

    class Counting(ServerWatch):
        def must_stop(self) -> bool:
            for number, double in enumerate((first, second)):
                most[number] = max(most[number], at_once(double))
            return False

    jobs = [job_for(stage.folder / f"job{number}", prompt_id=number) for number in range(12)]
    with ThreadPoolExecutor(6) as threads:
        made = list(threads.map(lambda job: renderer.render(job, Counting()), jobs))
    assert all(map(is_successful, made))
    assert len(first.jobs) + len(second.jobs) == 12
    assert min(len(first.jobs), len(second.jobs)) >= 2
    assert most[0] <= 2
    assert most[1] <= 2
    assert len(first.connected) <= 2
    assert len(second.connected) <= 2


def test_whoever_waits_for_a_seat_can_be_stopped(stage: Stage) -> None:
    """Before anything was submitted."""
    double, renderer = stage.double(), stage.renderer()
    double.behaviour.fail("KSampler", "hold")
    running = [stage.begin(renderer) for _ in range(2)]  # one of them waits in the server's queue
    double.wait(lambda: len(double.jobs) == 2)
    waiting = stage.begin(renderer)
    time.sleep(0.2)
    assert not waiting.done()
    stage.watch.stop.set()
    assert waiting.result(60).failure().code is FailureCode.INTERRUPTED
    assert stage.watch.jobs == []
    double.release()
    assert all(is_successful(job.result(60)) for job in running)
    assert len(double.jobs) == 2


def test_a_seat_is_given_back_whatever_happens(stage: Stage) -> None:
    """Failures, stops and lost servers leave it free."""
    double, renderer = stage.double(), stage.renderer()
    for kind in ("exception", "interrupt", "out_of_memory"):
        double.behaviour.fail("KSampler", kind)
        assert not is_successful(stage.render(renderer))
    double.restart()
    assert is_successful(stage.render(renderer))
