"""A slot of a cluster without Ray: its reports, its stops, and its cleanup."""

from __future__ import annotations

import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import TYPE_CHECKING

import pytest
from returns.result import Failure as Failed

from adapters.ray_cluster import node_slot
from adapters.ray_cluster.cluster import explained, split_address
from adapters.ray_cluster.messages import ClusterSetup
from adapters.ray_cluster.node_slot import NodeSlot
from domain.failure import Failure, FailureCode
from domain.prompt import Kind
from tests.contract.media_renderer_contract import job_for
from tests.fakes.media_renderer import FakeMediaRenderer

if TYPE_CHECKING:
    from pathlib import Path

    from returns.result import Result

    from application.ports.media_renderer import RenderContext, RenderingFacts, RenderJob


class Waiting(FakeMediaRenderer):
    """A renderer that runs until it is stopped."""

    def __init__(self) -> None:
        super().__init__()
        self.began = Event()

    def render(self, job: RenderJob, context: RenderContext) -> Result[RenderingFacts, Failure]:
        self.began.set()
        while not context.must_stop():
            time.sleep(0.01)
        return Failed(Failure(FailureCode.INTERRUPTED, "stopped"))


@pytest.fixture(autouse=True)
def _node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def slot_with(renderer: FakeMediaRenderer, max_bytes: int = 1000) -> NodeSlot:
    """A slot in this process."""
    return NodeSlot(lambda _: renderer, None, 10, max_bytes, guarded=False)


def test_files_are_sent_with_the_reports(tmp_path: Path) -> None:
    """Including those in folders; no file stays on the node."""

    def write(job: RenderJob) -> None:
        (job.output / "deep").mkdir()
        (job.output / "deep" / "a.png").write_bytes(b"a")
        (job.output / "link.png").symlink_to("/etc/hostname")

    slot = slot_with(FakeMediaRenderer(write=write, progress=[0.5], prints=b"words"))
    rendered = slot.render("key", job_for(tmp_path / "out"), {})
    assert rendered.facts is not None
    assert rendered.facts.renderer == "ray"
    assert rendered.files == (("deep/a.png", b"a"),)
    assert ("on_output", ("stdout", b"words")) in rendered.reports
    assert slot.poll("key", 0) == ()
    slot.close()
    assert list(node_slot.node_folder().iterdir()) == []


def test_too_much_is_not_sent(tmp_path: Path) -> None:
    """The limits of the settings apply before any file is transferred."""

    def write(job: RenderJob) -> None:
        (job.output / "a.png").write_bytes(b"12345")

    renderer = FakeMediaRenderer(write=write)
    rendered = slot_with(renderer, max_bytes=4).render("key", job_for(tmp_path / "out"), {})
    assert rendered.failure is not None
    assert rendered.failure.code is FailureCode.TOO_MUCH_OUTPUT
    assert rendered.files == ()


@pytest.mark.parametrize("another_job", [True, False])
def test_a_job_whose_driver_is_silent_is_stopped(
    another_job: bool,  # noqa: FBT001 - a case
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No worker waits for it any longer; so is one whose driver gives the slot another job."""
    renderer = Waiting()
    slot = slot_with(renderer)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(slot.render, "one", job_for(tmp_path / "one"), {})
        assert renderer.began.wait(60)
        if another_job:
            second = pool.submit(slot.render, "two", job_for(tmp_path / "two"), {})
            assert first.result(60).failure is not None
            slot.stop("two")
            assert second.result(60).failure is not None
        else:
            monkeypatch.setattr(node_slot, "DRIVER_SILENCE_SECONDS", 0.0)
            failure = first.result(60).failure
            assert failure is not None
            assert failure.code is FailureCode.SERVER_LOST


def test_a_renderer_that_cannot_be_made_is_reported(tmp_path: Path) -> None:
    """Ray would not restart an actor whose constructor raised."""

    def make(_: Path) -> FakeMediaRenderer:
        raise ImportError("no module named torch")

    slot = NodeSlot(make, None, 1, 1, guarded=False)
    report = slot.preflight([(Kind.IMAGE, "")], {})
    assert "no module named torch" in report.failures[Kind.IMAGE, ""].message
    rendered = slot.render("key", job_for(tmp_path / "out"), {})
    assert rendered.failure == report.failures[Kind.IMAGE, ""]


def test_output_that_is_not_fetched_is_bounded() -> None:
    """The end of a flood is kept; other reports stay."""
    from threading import Condition  # noqa: PLC0415

    context = node_slot._NodeContext(Condition(), None)  # type: ignore[arg-type] # noqa: SLF001
    context.on_progress(0.5, "half")
    for number in range(40):
        context.on_output("stderr", bytes([number]) * 65_536)
    reports = context.take()
    sizes = [len(values[1]) for name, values in reports if name == "on_output"]  # type: ignore[arg-type]
    assert sum(sizes) <= 1_048_576
    assert reports[0] == ("on_progress", (0.5, "half"))
    assert reports[-1] == ("on_output", ("stderr", bytes([39]) * 65_536))


@pytest.mark.parametrize("address", ["head", "head:", ":1", "head:0", "head:x", "head:70000"])
def test_invalid_addresses(address: str) -> None:
    """A host, a colon and a port are needed."""
    with pytest.raises(ValueError, match="host and a port"):
        split_address(address)
    assert split_address("[::1]:6379") == ("::1", 6379)


def test_errors_of_ray_are_explained() -> None:
    """A wrong token looks like silence; different versions are named."""
    setup = ClusterSetup("head:6379", lambda _: FakeMediaRenderer(), (), ())
    assert "RAY_AUTH_TOKEN" in explained("", setup)
    mismatch = (
        "RuntimeError: Version mismatch: The cluster was started with: Ray: 2.59 Python: 3.11"
    )
    assert "another version of Ray or Python" in explained(mismatch, setup)
    assert "2.59" in explained(mismatch, setup)
    refused = "AuthenticationError: RPC error: InvalidAuthToken: Authentication token is missing"
    assert "refused our token" in explained(refused, setup)
