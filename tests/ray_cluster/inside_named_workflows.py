"""Named workflows of a kind on a Ray cluster: each on its nodes, and one that cannot run alone."""

from __future__ import annotations

import os
import shutil
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from threading import Event
from typing import TYPE_CHECKING, Any

from domain.affinity import Fit, Need
from domain.failure import FailureCode
from domain.prompt import Kind
from tests.acceptance.mediagen import Installation, image, wait_until
from tests.contract.media_renderer_contract import RecordingContext, job_for
from tests.ray_cluster.nodes import (
    ADDRESS,
    PATIENCE,
    WORKFLOWS,
    demand,
    ray_cluster,
    ray_renderer,
    script_workflow,
    wait_for,
    workflows_of,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.ray_cluster.nodes import Nodes

FLUX, PLAIN = (Kind.IMAGE, "flux"), (Kind.IMAGE, "plain")


def test_each_is_rendered_where_the_settings_say(nodes: Nodes, tmp_path: Path) -> None:
    """By its own script, arguments and renderer; one without a script waits for it, alone."""
    nodes.only()
    nodes.start(2, {"model:flux": 1})
    nodes.start(3, {"model:sdxl": 1})
    place = Installation(tmp_path)
    place.shell.environment.update({k: v for k, v in os.environ.items() if k.startswith("RAY_")})
    ray: dict[str, Any] = {
        "address": ADDRESS,
        "slots": [
            {"num_gpus": 0, "resources": {"model:flux": 1}, "workflows": ["flux"]},
            {"num_gpus": 0, "resources": {"model:sdxl": 1}, "workflows": ["late", "plain"]},
        ],
    }
    of_flux = {"script": "poets_service/exported_image.py", "arguments": {"prompt": "--text4"}}
    listed = [
        {"name": "flux", "renderer": "ray", "when": {"text": "*flux"}, **of_flux},
        {"name": "draft", "renderer": "sketch", "when": {"text": "*draft"}},
        {
            "name": "late",
            "renderer": "ray",
            "when": {"text": "*late"},
            "script": "poets_service/late.py",
        },
        {"name": "plain", "renderer": "ray"},
    ]
    scripts = place.script_paths("image_workflow.py")
    place.configure({"media": {"scripts": scripts, "workflows": {"image": listed}, "ray": ray}})
    diagnosis = place.shell.run("doctor")
    assert "late.py is not a readable file" in diagnosis.stdout
    assert diagnosis.stdout.count("is not a readable file") == 1  # not on the node for "flux"
    texts = [text for text in ("flux", "draft", "late", "plain") for _ in range(3)]
    prompts = {
        place.poet.write(image(f"a lake, {n}, {text}")): text for n, text in enumerate(texts)
    }
    with place.started("daemon") as process:
        done = [prompt for prompt, text in prompts.items() if text != "late"]
        wait_until(lambda: all(place.statuses()[prompt] == "ready" for prompt in done), PATIENCE)
        assert {place.statuses()[p] for p in prompts.keys() - set(done)} == {"pending"}
        shutil.copy(place.scripts / "image_workflow.py", place.scripts / "late.py")
        wait_until(lambda: set(place.statuses().values()) == {"ready"}, PATIENCE)
        process.send_signal(signal.SIGTERM)
        printed, complaints = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, printed + complaints
    place.check()
    for prompt, text in prompts.items():
        [row] = place.rows(prompt)
        facts = row["metadata"]
        assert facts["workflow_name"] == text
        assert facts["renderer"] == ("sketch" if text == "draft" else "ray")


class Stopping(RecordingContext):
    """Wants to stop once an event is set."""

    def __init__(self, wish: Event) -> None:
        super().__init__()
        self.wish = wish

    def must_stop(self) -> bool:
        return self.wish.is_set()


def test_slots_suit_workflows(nodes: Nodes, tmp_path: Path) -> None:
    """A prompt finds no place while the only slot for its workflow is busy, or lost."""
    nodes.only()
    nodes.only(2, 3)
    scripts = {
        FLUX: script_workflow(WORKFLOWS / "never_ends.py", tmp_path, Kind.IMAGE),
        PLAIN: script_workflow(WORKFLOWS / "good.py", tmp_path, Kind.IMAGE),
    }
    flux = replace(demand(slot=1), count=1, workflows=frozenset({"flux"}), labels={"number": "2"})
    plain = replace(demand(slot=1), count=1, workflows=frozenset({"plain"}), labels={"number": "3"})
    with closing(ray_renderer(ray_cluster(workflows_of(scripts), flux, plain))) as renderer:

        def fits(slot: int) -> list[Fit]:
            """How the workflows suit a slot of the worker, which asks for a place first."""
            renderer.waiting_processes(Kind.IMAGE, {}, slot)
            return [renderer.fit(Need(*key), slot) for key in (FLUX, PLAIN)]

        only_flux, only_plain = [Fit.POSSIBLE, Fit.IMPOSSIBLE], [Fit.IMPOSSIBLE, Fit.POSSIBLE]
        wait_for(lambda: [fits(1), fits(2)] == [only_flux, only_plain], "both slots are there")
        assert fits(3) == [Fit.IMPOSSIBLE] * 2
        plain_job = replace(job_for(tmp_path / "out", Kind.IMAGE), workflow="plain", slot=2)
        assert renderer.render(plain_job, RecordingContext()).unwrap().renderer == "ray"
        assert fits(2) == [Fit.IMPOSSIBLE, Fit.LOADED]
        with ThreadPoolExecutor(1) as pool:
            stopped = Event()
            flux_job = replace(job_for(tmp_path / "out2", Kind.IMAGE), workflow="flux", slot=1)
            future = pool.submit(renderer.render, flux_job, Stopping(stopped))
            wait_for(lambda: fits(1) == [Fit.IMPOSSIBLE] * 2, "its slot is busy")
            stopped.set()
            assert future.result().failure().code is FailureCode.INTERRUPTED
        nodes.kill(3)
        wait_for(lambda: renderer.preflight(*PLAIN) is not None, "its only node is lost")
        failure = renderer.preflight(*PLAIN)
        assert failure is not None
        assert failure.code is FailureCode.CLUSTER_UNUSABLE
        assert renderer.preflight(*FLUX) is None
        assert fits(1) == [Fit.LOADED, Fit.IMPOSSIBLE]
    nodes.only()
