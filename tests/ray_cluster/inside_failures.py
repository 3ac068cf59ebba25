"""Renders, prompts and processes after parts of a Ray cluster are lost."""

from __future__ import annotations

import json
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from returns.pipeline import is_successful

from adapters.ray_cluster.doctor import RayChecks
from application.ports.doctor import CheckStatus
from domain.failure import FailureCode
from domain.prompt import Kind
from tests.contract.media_renderer_contract import RecordingContext, job_for
from tests.ray_cluster.nodes import (
    demand,
    kill,
    living,
    ray_cluster,
    ray_renderer,
    script_workflow,
    wait_for,
    workflows_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from adapters.ray_cluster.renderer import RayRenderer
    from application.ports.media_renderer import RenderJob
    from tests.ray_cluster.nodes import Nodes

# Starts a child in its group and one outside it, records all three, and runs for ever
# until its folder contains a file "end".
LINGERS = """
    import argparse, json, os, pathlib, subprocess, sys, time
    parser = argparse.ArgumentParser()
    parser.add_argument("--output")
    given, _ = parser.parse_known_args()
    here = pathlib.Path(__file__).parent
    sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
    pids = [os.getpid(), subprocess.Popen(sleep).pid]
    pids.append(subprocess.Popen(sleep, start_new_session=True).pid)
    (here / "new").write_text(json.dumps([pids, dict(os.environ)]))
    (here / "new").rename(here / f"started-{os.getpid()}")
    print("lingering", flush=True)
    while not (here / "end").exists():
        time.sleep(0.05)
    for pid in pids[1:]:
        os.kill(pid, 9)
    pathlib.Path(given.output, "made.png").write_bytes(
        (pathlib.Path(%r) / "picture.png").read_bytes()
    )
"""


class Lingering:
    """A script that runs until its end is requested."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.script = folder / "lingers.py"
        self.script.write_text(textwrap.dedent(LINGERS) % str(folder))
        (folder / "picture.png").write_bytes(b"of no interest here")
        self._seen: set[str] = set()

    def started(self) -> tuple[list[int], dict[str, str]]:
        """Processes and environment of the last run that began; waits for it."""
        found: list[Path] = []

        def is_new() -> bool:
            found[:] = [p for p in self.folder.glob("started-*") if p.name not in self._seen]
            return bool(found)

        wait_for(is_new, "the script runs")
        self._seen.add(found[0].name)
        pids, environment = json.loads(found[0].read_text())
        return pids, environment

    def end(self) -> None:
        (self.folder / "end").touch()

    def renderer(self) -> RayRenderer:
        scripts = {(k, ""): script_workflow(self.script, self.folder, k) for k in Kind}
        return ray_renderer(ray_cluster(workflows_of(scripts), demand(slot=1)))


@pytest.fixture
def lingering(tmp_path: Path) -> Lingering:
    """A script that runs until its end is requested."""
    folder = tmp_path / "workflow"
    folder.mkdir()
    return Lingering(folder)


def job(folder: Path, slot: int = 1) -> RenderJob:
    """A picture for a slot of the worker."""
    return replace(job_for(folder, Kind.IMAGE), slot=slot)


@contextmanager
def rendering(renderer: RayRenderer) -> Iterator[ThreadPoolExecutor]:
    """Rendering threads, and the renderer, which is closed at the end."""
    try:
        with ThreadPoolExecutor(4) as pool:
            yield pool
    finally:
        renderer.close()


def can_claim(renderer: RayRenderer, slot: int = 1) -> bool:
    """Whether a prompt may be claimed for a slot of the worker."""
    return renderer.waiting_processes(Kind.IMAGE, {}, slot) is not None


def test_a_killed_worker(nodes: Nodes, lingering: Lingering, tmp_path: Path) -> None:
    """The prompt is released at once, the script's group dies with it, and the slot returns.

    Processes outside the group are ended by the next slot on the node. The script sees the node's
    environment, without Ray's additions.
    """
    nodes.only(2)
    renderer = lingering.renderer()
    with rendering(renderer) as pool:
        assert renderer.preflight(Kind.IMAGE) is None
        assert can_claim(renderer)
        future = pool.submit(renderer.render, job(tmp_path / "out1"), RecordingContext())
        pids, environment = lingering.started()
        assert "OMP_NUM_THREADS" not in environment
        assert "RAY_AUTH_TOKEN" not in environment
        assert living(pids) == pids
        [worker] = nodes.workers()
        kill(worker)
        wait_for(lambda: not living(pids[:2]), "the script's group has ended")
        failure = future.result().failure()
        assert failure.code is FailureCode.SERVER_LOST
        wait_for(lambda: can_claim(renderer), "Ray has started the slot again")
        wait_for(lambda: not living(pids), "what left the group has ended")
        lingering.end()
        watch = RecordingContext()
        assert is_successful(renderer.render(job(tmp_path / "out2"), watch))
        assert (tmp_path / "out2" / "made.png").read_bytes() == b"of no interest here"
        assert watch.printed["stdout"] == len("lingering\n")
        assert watch.workflows == []  # they are not processes of this machine
    wait_for(lambda: not nodes.workers(), "closing ends the slots")


def test_a_killed_node(nodes: Nodes, lingering: Lingering, tmp_path: Path) -> None:
    """Its prompt is released, the other continues, and nothing is claimed for the lost slot."""
    nodes.only(2, 3)
    renderer = lingering.renderer()
    with rendering(renderer) as pool:
        assert renderer.preflight(Kind.IMAGE) is None
        wait_for(lambda: can_claim(renderer, 1) and can_claim(renderer, 2), "both slots are there")
        first = pool.submit(renderer.render, job(tmp_path / "out1", 1), RecordingContext())
        lingering.started()
        second = pool.submit(renderer.render, job(tmp_path / "out2", 2), RecordingContext())
        lingering.started()
        nodes.kill(2)
        wait_for(lambda: first.done() or second.done(), "one of them is lost")
        lost, other, slot = (first, second, 1) if first.done() else (second, first, 2)
        assert lost.result().failure().code is FailureCode.SERVER_LOST
        assert not can_claim(renderer, slot)
        assert renderer.preflight(Kind.IMAGE) is None  # for the other slot
        assert not other.done()
        nodes.only(2, 3)
        wait_for(lambda: can_claim(renderer, slot), "the slot is on the node that came back")
        lingering.end()
        assert is_successful(other.result())


def test_a_slot_without_a_node(nodes: Nodes, lingering: Lingering) -> None:
    """Nothing is claimed for it until a node with its resources and labels joins."""
    nodes.only(2)
    scripts = {(k, ""): script_workflow(lingering.script, lingering.folder, k) for k in Kind}
    wanted = replace(demand(slot=1), labels={"number": "4"})
    cluster = ray_cluster(workflows_of(scripts), wanted, start_seconds=5)
    renderer = ray_renderer(cluster)
    try:
        failure = renderer.preflight(Kind.IMAGE)
        assert failure is not None
        assert failure.code is FailureCode.CLUSTER_UNUSABLE
        assert "offers slot 1, label number=4" in failure.message
        assert not can_claim(renderer)
        nodes.only(2, 4)
        wait_for(lambda: can_claim(renderer), "the slot is on the new node")
        assert not can_claim(renderer, 2)
        assert renderer.preflight(Kind.IMAGE) is None  # for the other slot
    finally:
        renderer.close()


def test_a_killed_driver(nodes: Nodes, lingering: Lingering, tmp_path: Path) -> None:
    """Its actors end with it, and their scripts; this process starts another one."""
    nodes.only(2)
    renderer = lingering.renderer()
    with rendering(renderer) as pool:
        assert renderer.preflight(Kind.IMAGE) is None
        future = pool.submit(renderer.render, job(tmp_path / "out1"), RecordingContext())
        pids, _ = lingering.started()
        [driver] = nodes.drivers()
        kill(driver)
        assert future.result().failure().code is FailureCode.SERVER_LOST
        wait_for(lambda: not living(pids[:2]), "the script's group has ended")
        wait_for(lambda: can_claim(renderer), "another driver has a slot")
        wait_for(lambda: not living(pids), "what left the group has ended")
        lingering.end()
        assert is_successful(renderer.render(job(tmp_path / "out2"), RecordingContext()))


def test_a_requested_stop_ends_all_processes_of_a_script(
    nodes: Nodes, lingering: Lingering, tmp_path: Path
) -> None:
    """Including those outside its group."""
    nodes.only(2)
    renderer = lingering.renderer()

    class Stopped(RecordingContext):
        requested = False

        def must_stop(self) -> bool:
            return self.requested

    watch = Stopped()
    with rendering(renderer) as pool:
        future = pool.submit(renderer.render, job(tmp_path / "out"), watch)
        pids, _ = lingering.started()
        watch.requested = True
        assert future.result().failure().code is FailureCode.INTERRUPTED
        assert not living(pids)


def test_the_doctor(nodes: Nodes, lingering: Lingering) -> None:
    """It lists which nodes can have a slot, and what each lacks."""
    nodes.only(2)
    scripts = {(k, ""): script_workflow(lingering.script, lingering.folder, k) for k in Kind}

    def found(workflows: object, **resources: float) -> list[tuple[str, CheckStatus, str]]:
        cluster = ray_cluster(workflows, demand(**resources))  # type: ignore[arg-type]
        return [(c.subject, c.status, c.finding) for c in RayChecks(cluster).checks()]

    good = found(workflows_of(scripts), slot=1)
    deadline = time.monotonic() + 60
    while len(good) != 3 and time.monotonic() < deadline:  # Ray lists a killed node for a while
        time.sleep(0.5)
        good = found(workflows_of(scripts), slot=1)
    assert [status for _, status, _ in good] == [CheckStatus.OK] * 3, good
    assert "slot 1: 1 of " in good[1][2]
    nowhere = found(workflows_of(scripts), flux=1)
    assert nowhere[1][:2] == ("Ray resources", CheckStatus.ERROR)
    assert "takes flux 1: 0 of " in nowhere[1][2]
    lingering.script.unlink()
    lacking = found(workflows_of(scripts), slot=1)
    assert lacking[2][:2] == ("Ray node", CheckStatus.ERROR)
    assert "lingers.py is not a readable file" in lacking[2][2]
    other = found(replace(workflows_of(scripts), version="0.0.1"), slot=1)
    assert "the worker 0.0.1" in other[2][2]


def test_a_wrong_token(nodes: Nodes, lingering: Lingering, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is explained."""
    monkeypatch.setenv("RAY_AUTH_TOKEN", "f" * 32)
    scripts = {(k, ""): script_workflow(lingering.script, lingering.folder, k) for k in Kind}
    cluster = ray_cluster(workflows_of(scripts), demand(slot=1), connect_seconds=60)
    renderer = ray_renderer(cluster)
    try:
        failure = renderer.preflight(Kind.IMAGE)
        assert failure is not None
        assert failure.code is FailureCode.CLUSTER_UNUSABLE
        assert "token" in failure.message
    finally:
        renderer.close()


def test_a_lost_head(nodes: Nodes, lingering: Lingering, tmp_path: Path) -> None:
    """Ray ends its driver, not this process; a new head is used as soon as it is up."""
    nodes.only(2)
    renderer = lingering.renderer()
    with rendering(renderer) as pool:
        assert renderer.preflight(Kind.IMAGE) is None
        assert can_claim(renderer)
        future = pool.submit(renderer.render, job(tmp_path / "out1"), RecordingContext())
        pids, _ = lingering.started()
        nodes.kill_head()
        assert future.result().failure().code is FailureCode.SERVER_LOST
        wait_for(lambda: not living(pids[:2]), "the node gives up, and the script ends")
        wait_for(
            lambda: (
                (failure := renderer.preflight(Kind.IMAGE)) is not None
                and "does not answer" in failure.message
            ),
            "the cluster is reported as lost",
        )
        assert not can_claim(renderer)
        nodes.kill(2)
        nodes.start()
        nodes.only(2)
        wait_for(lambda: can_claim(renderer), "the slot is on the new cluster")
        assert renderer.preflight(Kind.IMAGE) is None
        lingering.end()
        assert is_successful(renderer.render(job(tmp_path / "out2"), RecordingContext()))
