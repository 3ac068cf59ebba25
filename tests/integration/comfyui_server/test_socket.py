"""Messages of the socket, none of which is required."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from returns.pipeline import is_successful

from domain.prompt import Kind
from tests.integration.comfyui_server.conftest import state_is

if TYPE_CHECKING:
    from tests.integration.comfyui_server.conftest import Stage


def test_steps_and_nodes_are_reported(stage: Stage) -> None:
    """With the nodes' titles, and a fraction that never decreases."""
    double = stage.double()
    double.behaviour.fail("KSampler", "hold", step=3)
    running = stage.begin(stage.renderer())
    wait_for(lambda: any(word == "Sampler, step 2/4" for _, word in stage.watch.reports))
    double.release()
    assert is_successful(running.result(60))
    fractions = [fraction for fraction, _ in stage.watch.reports]
    assert fractions == sorted(fraction for fraction in fractions if fraction is not None)
    assert fractions[-1] == 1
    assert "Sampler\n" in stage.watch.text
    assert all(word for _, word in stage.watch.reports)


def test_previews_are_passed_on(stage: Stage) -> None:
    """As pictures."""
    double = stage.double(previews=True)
    double.behaviour.fail("KSampler", "hold", step=3)
    running = stage.begin(stage.renderer())
    wait_for(lambda: bool(stage.watch.previews))
    double.release()
    assert is_successful(running.result(60))
    assert stage.watch.previews
    assert all(
        picture.startswith(b"\xff\xd8") and kind == "image/jpeg"
        for picture, kind in stage.watch.previews
    )


@pytest.mark.parametrize("sockets", ["refused", "silent"])
def test_no_socket_is_needed(stage: Stage, sockets: str) -> None:
    """The history is polled instead."""
    stage.double(sockets=sockets)
    renderer = stage.renderer()
    assert is_successful(stage.render(renderer))
    assert is_successful(stage.render(renderer))


@pytest.mark.parametrize("after", [1, 3, 8])
def test_a_broken_socket_is_reconnected(stage: Stage, after: int) -> None:
    """Whenever it breaks, and however often."""
    double = stage.double(drop_after=after, step_seconds=0.05)
    assert is_successful(stage.render(stage.renderer()))
    assert len(double.asked("GET", "/ws")) >= 1


def test_one_socket_serves_several_jobs(stage: Stage) -> None:
    """It is one connection for each place of a job."""
    double, renderer = stage.double(), stage.renderer()
    for _ in range(3):
        assert is_successful(stage.render(renderer))
    assert len(double.asked("GET", "/ws")) == 1
    assert len({job.client_id for job in double.jobs}) == 1
    assert double.connected == [double.jobs[0].client_id]


def test_a_socket_reconnects_with_the_jobs_client_id(stage: Stage) -> None:
    """So that the rest of the job is reported."""
    double, renderer = stage.double(), stage.renderer()
    double.behaviour.fail("KSampler", "hold")
    running = stage.begin(renderer)
    double.wait(lambda: state_is(double, "running"))
    double.drop_sockets()
    wait_for(lambda: bool(double.connected))
    double.release()
    assert is_successful(running.result(60))
    assert {each.query["clientId"] for each in double.asked("GET", "/ws")} == {
        double.jobs[0].client_id
    }


def test_other_clients_jobs_are_ignored(stage: Stage) -> None:
    """Their progress is not ours."""
    double, renderer = stage.double(node_seconds=0.05), stage.renderer()
    double.submit_foreign()
    assert is_successful(stage.render(renderer, kind=Kind.IMAGE))
    assert "node" not in stage.watch.text


def wait_for(seen, seconds: float = 60.0) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    """Wait until a condition holds."""
    until = time.monotonic() + seconds
    while not seen():
        assert time.monotonic() < until, "it did not come"
        time.sleep(0.01)
