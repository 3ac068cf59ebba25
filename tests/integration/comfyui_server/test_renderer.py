"""Servers that go away, jobs that are lost, and jobs that are resumed."""

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
from tests.integration.comfyui_server.conftest import ServerWatch, state_is
from tests.integration.comfyui_server.test_socket import wait_for
from tests.integration.comfyui_server.worlds import picture_graph

if TYPE_CHECKING:
    from adapters.comfyui_server.renderer import ServerRenderer
    from tests.comfyui_double import Double
    from tests.integration.comfyui_server.conftest import Stage


def test_a_job_that_was_forgotten_is_submitted_once_more(stage: Stage) -> None:
    """As another job; the first one is dropped."""
    double = stage.double(lost_jobs=1)
    assert is_successful(stage.render(stage.renderer()))
    assert len(double.jobs) == 2
    assert stage.watch.dropped_jobs == stage.watch.jobs[:1]


def test_a_server_that_forgets_again_and_again_loses_the_job(stage: Stage) -> None:
    """Twice is enough."""
    double = stage.double(lost_jobs=9)
    failure = stage.render(stage.renderer()).failure()
    assert failure.code is FailureCode.SERVER_LOST
    assert len(double.jobs) == 2
    assert stage.watch.dropped_jobs == stage.watch.jobs


def test_a_restart_in_the_middle_is_noticed_at_once(stage: Stage) -> None:
    """Its queue is empty then: the job is submitted anew within the same render."""
    double, renderer = stage.double(), stage.renderer()
    held = double.behaviour.fail("KSampler", "hold")
    running = stage.begin(renderer)
    wait_for(lambda: held.times == 0)
    double.restart()
    assert is_successful(running.result(60))
    assert [job.foreign for job in double.jobs] == [False, False]


def test_a_server_that_stays_away_loses_the_job(stage: Stage) -> None:
    """It is set aside, and comes back when it answers."""
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
    """Within the same render; the fastest way to a picture is not to wait."""
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


def test_nobody_waits_for_a_server_while_another_is_there(stage: Stage) -> None:
    """One that refuses connections is left at once, however patient we are."""
    first, second = stage.double(), stage.double()
    renderer = stage.renderer(unreachable_seconds=3600)
    for kind in Kind:
        assert renderer.preflight(kind) is None
    assert is_successful(stage.render(renderer))
    first.stop()
    assert is_successful(stage.render(renderer))
    second.wait(lambda: state_is(second, "success"))


@pytest.mark.usefixtures("impatient")
def test_a_dead_worker_is_noticed(stage: Stage) -> None:
    """The server answers and works on nothing: it gets no work until the job is gone."""
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


def test_a_job_that_hangs_is_stopped(stage: Stage) -> None:
    """One that heeds the interrupt is this render's fault, not the server's."""
    double, renderer = stage.double(), stage.renderer(stall_seconds=0.5)
    double.behaviour.fail("KSampler", "hold")
    failure = stage.render(renderer).failure()
    assert failure.code is FailureCode.STALLED
    assert stage.watch.dropped_jobs == stage.watch.jobs
    assert stage.news == []
    assert is_successful(stage.render(renderer))


def test_a_job_that_hangs_is_stopped_although_its_connection_broke(stage: Stage) -> None:
    """The queue says that it runs, and the new connection brings no message of it."""
    double, renderer = stage.double(), stage.renderer(stall_seconds=0.5)
    double.behaviour.fail("KSampler", "hold")
    running = stage.begin(renderer)
    double.wait(lambda: state_is(double, "running"))
    double.drop_sockets()
    assert running.result(60).failure().code is FailureCode.STALLED


def test_a_job_that_takes_too_long_is_stopped(stage: Stage) -> None:
    """The time counts from the start of its execution."""
    double, renderer = stage.double(), stage.renderer(seconds=0.5)
    double.behaviour.fail("KSampler", "hold")
    failure = stage.render(renderer).failure()
    assert failure.code is FailureCode.TIMED_OUT
    assert "0.5 seconds" in failure.message
    assert state_is(double, "error")


@pytest.mark.usefixtures("impatient")
def test_a_server_that_heeds_no_interrupt_is_set_aside(stage: Stage) -> None:
    """The render pays for its own overtime; the next ones need not wait behind it."""
    double, renderer = stage.double(), stage.renderer(seconds=0.3)
    double.behaviour.fail("KSampler", "hang")
    failure = stage.render(renderer).failure()
    assert failure.code is FailureCode.TIMED_OUT
    assert stage.news == [(double.url, FailureCode.SERVER_STUCK)]
    assert stage.watch.dropped_jobs == []


@pytest.mark.parametrize("sockets", ["refused", "silent"])
def test_silence_is_no_stall_where_no_socket_speaks(stage: Stage, sockets: str) -> None:
    """A job that works for long would be stopped for nothing."""
    stage.double(sockets=sockets, step_seconds=0.3)
    assert is_successful(stage.render(stage.renderer(stall_seconds=0.2)))


def test_files_that_cannot_be_fetched_are_made_elsewhere(stage: Stage) -> None:
    """The server rendered well, and went away before it gave what it made."""
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
def test_the_wait_in_the_queue_is_not_counted(stage: Stage) -> None:
    """Other people's jobs come first; ours has all its time afterwards."""
    double, renderer = stage.double(node_seconds=1.2), stage.renderer(seconds=10)
    assert renderer.preflight(Kind.AUDIO) is None
    for color in range(5):
        double.submit_foreign(small_picture(color=color))
    began = time.monotonic()
    assert is_successful(stage.render(renderer, kind=Kind.AUDIO))
    assert time.monotonic() - began > 10


def test_another_clients_job_keeps_a_server_busy(stage: Stage) -> None:
    """Whether it hangs cannot be seen from outside: nobody is told to restart the server."""
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
def test_a_server_gets_its_own_kinds_only(stage: Stage, kinds: frozenset[Kind]) -> None:
    """Songs and pictures can have servers of their own."""
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


def left_behind(stage: Stage, double: Double, renderer: ServerRenderer) -> ServerJob:
    """A job that runs, and that nobody follows any more."""
    double.behaviour.fail("KSampler", "hold")
    running = stage.begin(renderer, ServerWatch(endable=False))
    double.wait(lambda: state_is(double, "running"))
    stage.watch.stop.set()
    running.result(60)
    (job,) = stage.watch.jobs
    return job


def test_a_running_job_is_gone_on_with(stage: Stage) -> None:
    """Nothing is submitted a second time."""
    double, renderer = stage.double(), stage.renderer()
    job = left_behind(stage, double, renderer)
    running = stage.begin(renderer, earlier=(job,), seed=99)
    double.release()
    facts = running.result(60).unwrap()
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
    running.result(60)
    (job,) = stage.watch.jobs
    running = stage.begin(renderer, earlier=(job,))
    double.release()
    assert running.result(60).unwrap().job == job
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
    running.result(60)
    (newer,) = stage.watch.jobs
    running = stage.begin(renderer, earlier=(newer, older))
    double.release()
    assert running.result(60).unwrap().job == newer
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


def test_a_job_on_a_server_that_answers_again_comes_first(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It did not answer when its job was looked for, and does when a place for a new one is."""
    double, renderer = stage.double(), stage.renderer()
    job = left_behind(stage, double, renderer)
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
