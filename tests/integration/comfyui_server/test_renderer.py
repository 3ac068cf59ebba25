"""Servers that go down, jobs that are lost, and jobs that are resumed."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from returns.pipeline import is_successful

from adapters.comfyui_server.address import ServerAddress
from adapters.comfyui_server.pool import Unhealthy
from domain.brief import ImageBrief
from domain.failure import Failure, FailureCode
from domain.prompt import Kind
from domain.render import ServerJob
from tests.comfyui_double import small_picture
from tests.integration.comfyui_server.conftest import ServerContext, state_is
from tests.integration.comfyui_server.renderers import picture_graph
from tests.integration.comfyui_server.test_socket import wait_for

if TYPE_CHECKING:
    from adapters.comfyui_server.renderer import ServerRenderer
    from tests.comfyui_double import Double
    from tests.integration.comfyui_server.conftest import Stage


def test_a_forgotten_job_is_submitted_once_more(stage: Stage) -> None:
    """As another job; the first one is dropped."""
    double = stage.double(lost_jobs=1)
    assert is_successful(stage.render(stage.renderer()))
    assert len(double.jobs) == 2
    assert stage.watch.dropped_jobs == stage.watch.jobs[:1]


@pytest.mark.slow
def test_a_server_that_forgets_repeatedly_loses_the_job(stage: Stage) -> None:
    """Twice is enough."""
    double = stage.double(lost_jobs=9)
    failure = stage.render(stage.renderer()).failure()
    assert failure.code is FailureCode.SERVER_LOST
    assert len(double.jobs) == 2
    assert stage.watch.dropped_jobs == stage.watch.jobs


def test_a_restart_during_a_job_is_noticed_at_once(stage: Stage) -> None:
    """Its queue is empty then: the job is submitted again within the same render."""
    double, renderer = stage.double(), stage.renderer()
    held = double.behaviour.fail("KSampler", "hold")
    running = stage.begin(renderer)
    wait_for(lambda: held.times == 0)
    double.restart()
    assert is_successful(running.result(60))
    assert [job.foreign for job in double.jobs] == [False, False]


def test_a_server_that_stays_down_loses_the_job(stage: Stage) -> None:
    """It is marked unhealthy, and used again when it answers."""
    double, renderer = stage.double(), stage.renderer(unreachable_seconds=0.5)
    double.behaviour.fail("KSampler", "hold")
    running = stage.begin(renderer)
    double.wait(lambda: state_is(double, "running"))
    double.stop()
    failure = running.result(60).failure()
    assert failure.code is FailureCode.SERVER_LOST
    assert double.url in failure.message
    assert stage.watch.dropped_jobs == []  # it may still be there when the server is back
    assert renderer.preflight(Kind.IMAGE) is not None
    double.start()
    wait_for(lambda: renderer.preflight(Kind.IMAGE) is None)
    assert stage.news == [(double.url, FailureCode.SERVER_UNREACHABLE), (double.url, None)]


def test_a_job_moves_to_another_server(stage: Stage) -> None:
    """Within the same render, instead of waiting for the first server."""
    first, second = stage.double(), stage.double()
    renderer = stage.renderer(unreachable_seconds=0.3)
    first.behaviour.fail("KSampler", "hold")
    running = stage.begin(renderer)
    first.wait(lambda: state_is(first, "running"))
    first.stop()
    facts = running.result(60).unwrap()
    assert facts.job is not None
    assert facts.job.server == second.url
    assert len(stage.watch.jobs) == 2


def test_a_server_is_not_waited_for_while_another_is_healthy(stage: Stage) -> None:
    """One that refuses connections is left at once, whatever the time limits."""
    first, second = stage.double(), stage.double()
    renderer = stage.renderer(unreachable_seconds=3600)
    for kind in Kind:
        assert renderer.preflight(kind) is None
    assert is_successful(stage.render(renderer))
    first.stop()
    assert is_successful(stage.render(renderer))
    second.wait(lambda: state_is(second, "success"))


@pytest.mark.usefixtures("impatient")
def test_a_dead_execution_thread_is_noticed(stage: Stage) -> None:
    """The server answers but executes nothing: it gets no work until the job is gone."""
    double, renderer = stage.double(), stage.renderer(stall_seconds=0.5)
    double.behaviour.fail("KSampler", "worker_death")
    failure = stage.render(renderer).failure()
    assert failure.code is FailureCode.SERVER_STUCK
    assert stage.news == [(double.url, FailureCode.SERVER_STUCK)]
    failing = renderer.preflight(Kind.IMAGE)
    assert failing is not None
    assert failing.code is FailureCode.SERVER_STUCK
    double.restart()
    wait_for(lambda: renderer.preflight(Kind.IMAGE) is None)
    assert is_successful(stage.render(renderer))


def test_a_hanging_job_is_interrupted(stage: Stage) -> None:
    """If it obeys the interrupt, the render is at fault, not the server."""
    double, renderer = stage.double(), stage.renderer(stall_seconds=0.5)
    double.behaviour.fail("KSampler", "hold")
    failure = stage.render(renderer).failure()
    assert failure.code is FailureCode.STALLED
    assert stage.watch.dropped_jobs == stage.watch.jobs
    assert stage.news == []
    assert is_successful(stage.render(renderer))


def test_a_hanging_job_is_interrupted_after_a_broken_connection(stage: Stage) -> None:
    """The queue shows it as running, and the new connection brings no message of it."""
    double, renderer = stage.double(), stage.renderer(stall_seconds=0.5)
    double.behaviour.fail("KSampler", "hold")
    running = stage.begin(renderer)
    double.wait(lambda: state_is(double, "running"))
    double.drop_sockets()
    assert running.result(60).failure().code is FailureCode.STALLED


def test_a_slow_job_is_interrupted(stage: Stage) -> None:
    """The time counts from the start of its execution."""
    double, renderer = stage.double(), stage.renderer(seconds=0.5)
    double.behaviour.fail("KSampler", "hold")
    failure = stage.render(renderer).failure()
    assert failure.code is FailureCode.TIMED_OUT
    assert "0.5 seconds" in failure.message
    assert state_is(double, "error")


@pytest.mark.usefixtures("impatient")
def test_a_server_that_ignores_interrupts_is_unhealthy(stage: Stage) -> None:
    """The render is charged for its own overtime; the next ones need not wait behind it."""
    double, renderer = stage.double(), stage.renderer(seconds=0.3)
    double.behaviour.fail("KSampler", "hang")
    failure = stage.render(renderer).failure()
    assert failure.code is FailureCode.TIMED_OUT
    assert stage.news == [(double.url, FailureCode.SERVER_STUCK)]
    assert stage.watch.dropped_jobs == []


@pytest.mark.parametrize("sockets", ["refused", "silent"])
def test_silence_is_no_stall_without_a_socket(stage: Stage, sockets: str) -> None:
    """A long job would be interrupted without cause."""
    stage.double(sockets=sockets, step_seconds=0.3)
    assert is_successful(stage.render(stage.renderer(stall_seconds=0.2)))


def test_files_that_cannot_be_fetched_are_rendered_elsewhere(stage: Stage) -> None:
    """The server rendered them, and went down before they were fetched."""
    first, second = stage.double(), stage.double()
    graph = picture_graph()
    graph["4"]["inputs"]["batch_size"] = 2
    renderer = stage.renderer(graphs={Kind.IMAGE: graph}, unreachable_seconds=0.3)
    assert renderer.preflight(Kind.IMAGE) is None
    first.behaviour.change(error_requests=-1, trouble_path="/view")
    facts = stage.render(renderer).unwrap()
    assert facts.job is not None
    assert facts.job.server == second.url
    assert stage.files() == ["generated_image_001.png", "generated_image_002.png"]


@pytest.mark.slow
def test_waiting_in_the_servers_queue_is_not_counted(stage: Stage) -> None:
    """Other clients' jobs come first; ours has all its time afterwards."""
    double, renderer = stage.double(node_seconds=1.2), stage.renderer(seconds=10)
    assert renderer.preflight(Kind.AUDIO) is None
    for color in range(5):
        double.submit_foreign(small_picture(color=color))
    began = time.monotonic()
    assert is_successful(stage.render(renderer, kind=Kind.AUDIO))
    assert time.monotonic() - began > 10


def test_another_clients_job_keeps_a_server_busy(stage: Stage) -> None:
    """Whether it hangs cannot be seen from outside: no restart is suggested."""
    double, renderer = stage.double(), stage.renderer(seconds=1)
    double.behaviour.fail("EmptyImage", "worker_death")
    other = double.submit_foreign()
    double.wait(lambda: double.job(other).state == "running")
    failure = stage.render(renderer).failure()
    assert failure.code is FailureCode.SERVER_BUSY
    assert "restart" not in failure.explain().lower()
    assert stage.watch.dropped_jobs == stage.watch.jobs
    assert double.job(other).state == "running"
    assert stage.news == [(double.url, FailureCode.SERVER_BUSY)]


@pytest.mark.parametrize("kinds", [frozenset({Kind.AUDIO}), frozenset()])
def test_a_server_gets_only_its_kinds(stage: Stage, kinds: frozenset[Kind]) -> None:
    """Songs and pictures can have separate servers."""
    first, second = stage.double(), stage.double()
    renderer = stage.renderer(
        servers=[
            ServerAddress(first.url, kinds=kinds),
            ServerAddress(second.url, kinds=frozenset({Kind.IMAGE})),
        ]
    )
    assert is_successful(stage.render(renderer))
    assert first.jobs == []
    second.wait(lambda: state_is(second, "success"))


def orphaned_job(stage: Stage, double: Double, renderer: ServerRenderer) -> ServerJob:
    """A running job that no render follows any more."""
    double.behaviour.fail("KSampler", "hold")
    running = stage.begin(renderer, ServerContext(endable=False))
    double.wait(lambda: state_is(double, "running"))
    stage.watch.stop.set()
    running.result(60)
    (job,) = stage.watch.jobs
    return job


def test_a_running_job_is_continued(stage: Stage) -> None:
    """Nothing is submitted a second time."""
    double, renderer = stage.double(), stage.renderer()
    job = orphaned_job(stage, double, renderer)
    running = stage.begin(renderer, earlier=(job,), seed=99)
    double.release()
    facts = running.result(60).unwrap()
    assert facts.job == job
    assert facts.job.seed == 7
    assert stage.watch.jobs == [job]
    assert len(double.jobs) == 1
    assert stage.files() == ["generated_image_001.png"]


def test_a_waiting_job_is_continued(stage: Stage) -> None:
    """It waits behind other clients' jobs."""
    double, renderer = stage.double(), stage.renderer()
    double.behaviour.fail("EmptyImage", "hold")
    double.submit_foreign()
    running = stage.begin(renderer, ServerContext(endable=False))
    double.wait(lambda: state_is(double, "pending"))
    stage.watch.stop.set()
    running.result(60)
    (job,) = stage.watch.jobs
    running = stage.begin(renderer, earlier=(job,))
    double.release()
    assert running.result(60).unwrap().job == job
    assert len([each for each in double.jobs if not each.foreign]) == 1


def test_a_finished_job_is_fetched(stage: Stage) -> None:
    """It is not rendered again."""
    double, renderer = stage.double(), stage.renderer()
    job = orphaned_job(stage, double, renderer)
    double.release()
    double.wait(lambda: state_is(double, "success"))
    assert stage.render(renderer, earlier=(job,)).unwrap().job == job
    assert len(double.jobs) == 1


def test_a_missing_job_is_submitted_again(stage: Stage) -> None:
    """The server was restarted meanwhile."""
    double, renderer = stage.double(), stage.renderer()
    job = orphaned_job(stage, double, renderer)
    double.behaviour.faults.clear()
    double.restart()
    facts = stage.render(renderer, earlier=(job,)).unwrap()
    assert facts.job != job
    assert stage.watch.dropped_jobs == [job]


def test_a_job_that_failed_meanwhile_is_submitted_again(stage: Stage) -> None:
    """Its failure is not charged to this render."""
    double, renderer = stage.double(), stage.renderer()
    job = orphaned_job(stage, double, renderer)
    double.interrupt()
    double.wait(lambda: state_is(double, "error"))
    facts = stage.render(renderer, earlier=(job,)).unwrap()
    assert facts.job != job
    assert stage.watch.dropped_jobs == [job]


def test_a_job_for_another_brief_is_ended(stage: Stage) -> None:
    """The writing was changed: the result would be useless."""
    double, renderer = stage.double(), stage.renderer()
    job = orphaned_job(stage, double, renderer)
    facts = stage.render(renderer, earlier=(job,), brief=ImageBrief(prompt="a city")).unwrap()
    assert facts.job != job
    assert double.job(job.id).state == "error"
    assert stage.watch.dropped_jobs == [job]


def test_a_job_for_another_writing_is_ended(stage: Stage) -> None:
    """Each writing has its own job."""
    double, renderer = stage.double(), stage.renderer()
    job = replace(orphaned_job(stage, double, renderer), variant=2)
    assert stage.render(renderer, earlier=(job,)).unwrap().job != job
    assert stage.watch.dropped_jobs == [job]


def test_the_newest_job_is_continued_and_the_others_are_ended(stage: Stage) -> None:
    """Two were left: one of them is enough."""
    double, renderer = stage.double(), stage.renderer()
    older = orphaned_job(stage, double, renderer)
    running = stage.begin(renderer, ServerContext(endable=False))
    double.wait(lambda: state_is(double, "pending"))
    stage.watch.stop.set()
    running.result(60)
    (newer,) = stage.watch.jobs
    running = stage.begin(renderer, earlier=(newer, older))
    double.release()
    assert running.result(60).unwrap().job == newer
    assert stage.watch.dropped_jobs == [older]


def test_a_job_of_another_render_is_left_alone(stage: Stage) -> None:
    """Another render owns it, as the render context reports."""
    double, renderer = stage.double(), stage.renderer()
    job = orphaned_job(stage, double, renderer)
    failure = stage.render(renderer, ServerContext(may_start=False), earlier=(job,)).failure()
    assert failure.code is FailureCode.INTERRUPTED
    assert state_is(double, "running")
    assert len(double.jobs) == 1


def test_a_job_on_an_unconfigured_server_is_left_alone(stage: Stage) -> None:
    """It was removed from the configuration."""
    stage.double()
    job = ServerJob(str(uuid4()), "http://127.0.0.1:9", 1, "x", 1)
    assert is_successful(stage.render(stage.renderer(), earlier=(job,)))
    assert stage.watch.dropped_jobs == []


def test_a_job_on_a_recovered_server_comes_first(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server was down during the search for its job, and is back before a new one."""
    double, renderer = stage.double(), stage.renderer()
    job = orphaned_job(stage, double, renderer)
    double.release()
    pool = renderer._pool  # noqa: SLF001 - a moment that cannot be met from outside
    [server] = pool.servers
    failure = Failure(FailureCode.SERVER_UNREACHABLE, "it does not answer")
    server.unhealthy = Unhealthy(failure)
    acquire = pool.acquire

    def answers_again(*args: Any) -> Any:  # noqa: ANN401 - as the pool's
        server.unhealthy = None
        return acquire(*args)

    monkeypatch.setattr(pool, "acquire", answers_again)
    assert stage.render(renderer, earlier=(job,)).unwrap().job == job
    assert len(double.jobs) == 1
