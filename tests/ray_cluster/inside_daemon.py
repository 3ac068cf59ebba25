"""A daemon whose prompts are rendered on a Ray cluster, as a user would configure it."""

from __future__ import annotations

import json
import os
import signal
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from domain.prompt import Kind
from tests.acceptance.mediagen import LAKE, STEAM, Installation, image, wait_until
from tests.comfyui_double import running_double
from tests.contract.media_renderer_contract import RecordingContext, job_for
from tests.integration.comfyui_server.renderers import INPUTS, picture_graph
from tests.ray_cluster.nodes import (
    ADDRESS,
    PATIENCE,
    demand,
    ray_cluster,
    ray_renderer,
    wait_for,
    workflows_of,
)
from tests.unit.adapters.comfyui_graph.graphs import saved

if TYPE_CHECKING:
    from pathlib import Path

    from tests.ray_cluster.nodes import Nodes


def configure(
    place: Installation,
    slots: list[dict[str, Any]],
    script: str = "image_workflow.py",
    **ray: object,
) -> None:
    """Render both kinds on the cluster."""
    place.configure(
        {
            "media": {
                "scripts": place.script_paths(script),
                "renderer": {"image": "ray", "audio": "ray"},
                "ray": {"address": ADDRESS, "slots": slots, **ray},
            }
        }
    )


def test_prompts_are_published_although_a_node_is_killed(nodes: Nodes, tmp_path: Path) -> None:
    """Each once, with valid files; `run` renders the rest, and ends."""
    nodes.only(2, 3)
    place = Installation(tmp_path)
    place.shell.environment.update({k: v for k, v in os.environ.items() if k.startswith("RAY_")})
    slots = [{"count": 2, "num_gpus": 0, "resources": {"slot": 1}}]
    configure(place, slots)
    prompts = [place.poet.write(image(f"lake {n}")) for n in range(12)]
    song = place.poet.write(json.dumps(STEAM), prompt_type="lyrics_prompt")
    with place.started("daemon") as process:
        wait_until(lambda: list(place.statuses().values()).count("ready") >= 3, PATIENCE)
        nodes.kill(2)
        wait_until(lambda: set(place.statuses().values()) == {"ready"}, PATIENCE)
        process.send_signal(signal.SIGTERM)
        printed, complaints = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, printed + complaints
    place.check()
    for prompt in (*prompts, song):
        [row] = place.rows(prompt)
        assert row["metadata"]["renderer"] == "ray"
    last = place.poet.write(json.dumps(LAKE))
    configure(place, slots, transfer="folder")
    ended = place.run()
    assert (ended.returncode, ended.stderr) == (0, "")
    assert place.statuses()[last] == "ready"
    diagnosis = place.shell.run("doctor")
    assert "Ray and Python are the same here" in diagnosis.stdout
    nodes.kill(3)
    place.poet.write(image("nowhere to go"))
    configure(place, [{"num_gpus": 0, "resources": {"model:other": 1}}])
    ended = place.run()
    assert ended.returncode == 3, ended.stdout
    assert "cluster_unusable" in ended.stderr
    assert "offers model:other 1" in ended.stderr


def test_a_daemon_that_is_killed(nodes: Nodes, tmp_path: Path) -> None:
    """Its driver, its slots and what these run end with it; the next one renders the prompt."""
    nodes.only(2)
    place = Installation(tmp_path)
    place.shell.environment.update({k: v for k, v in os.environ.items() if k.startswith("RAY_")})
    configure(place, [{"num_gpus": 0, "resources": {"slot": 1}}], "waits.py")
    prompt = place.poet.write(json.dumps(LAKE))
    with place.started("daemon") as process:
        place.wait_until_started(process)
        assert place.processes()
        process.kill()
        process.wait()
        wait_for(lambda: not place.processes(), "the script has ended")
        wait_for(lambda: not nodes.workers() and not nodes.drivers(), "so has what started it")
    place.release()
    ended = place.run()
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert place.statuses() == {prompt: "ready"}
    assert len(place.rows(prompt)) == 1
    assert len(place.calls()) == 2
    place.check()


def test_a_server_on_a_node(nodes: Nodes, tmp_path: Path) -> None:
    """Its previews, progress and files arrive; a changed graph is used at once."""
    nodes.only(2)
    (tmp_path / "workflows").mkdir()
    graph = saved(tmp_path / "workflows", picture_graph())
    with running_double(tmp_path / "server", previews=True) as double:
        workflows = replace(
            workflows_of({}),
            graphs={(Kind.IMAGE, ""): (graph.name, INPUTS[Kind.IMAGE])},
            server=double.url,
            preview_method="auto",
        )
        cluster = ray_cluster(
            workflows,
            replace(demand(slot=1), kinds=frozenset({Kind.IMAGE})),
            graphs=lambda: {(Kind.IMAGE, ""): (graph.name, graph.read_bytes())},
        )
        with closing(ray_renderer(cluster)) as renderer:
            assert renderer.preflight(Kind.IMAGE) is None
            watch = RecordingContext()
            job = job_for(tmp_path / "out", Kind.IMAGE)
            facts = renderer.render(job, watch).unwrap()
            assert (facts.renderer, facts.workflow) == ("ray", graph.name)
            assert any(job.output.iterdir())
            assert watch.previews
            assert watch.reports[-1][0] == 1
            assert watch.jobs == []  # no other worker can reach that server
            graph.write_text("{}")
            failure = renderer.preflight(Kind.IMAGE)
            assert failure is not None
            graph.write_text(json.dumps(picture_graph()))
            wait_for(lambda: renderer.preflight(Kind.IMAGE) is None, "the graph is good again")
            stopping = RecordingContext(stop_after=1)
            double.behaviour.step_seconds = 0.2
            double.behaviour.fail("VAEDecode", "hold", times=None)
            other = replace(job_for(tmp_path / "stopped", Kind.IMAGE), seed=8)  # nothing is cached
            result = renderer.render(other, stopping)
            assert result.failure().code.value == "interrupted"
            double.wait(lambda: all(job.state != "running" for job in double.jobs))
