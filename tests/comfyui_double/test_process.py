"""The double as a process of its own: controlled over HTTP, killed, restarted."""

from __future__ import annotations

import contextlib
import signal
from typing import TYPE_CHECKING

import pytest

from tests.comfyui_double import graphs
from tests.comfyui_double.client import listening, send_request
from tests.comfyui_double.process import DoubleProcess, double_process

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def process(tmp_path: Path) -> Iterator[DoubleProcess]:
    """A double in a process of its own."""
    with double_process(tmp_path, models=["one.safetensors"]) as process:
        yield process


def test_it_is_controlled_over_http(process: DoubleProcess) -> None:
    """Behaviour, other clients' jobs, interrupts, and the log without control requests."""
    assert send_request(process.url, "/object_info/CheckpointLoaderSimple").json[
        "CheckpointLoaderSimple"
    ]["input"]["required"]["ckpt_name"][0] == ["one.safetensors"]
    process.behave(faults=[{"at": "SaveImage", "kind": "hold"}])
    with listening(process.url, "another-client") as listener:
        foreign = process.submit_foreign(graphs.small_picture())
        listener.until(lambda each: each["type"] == "executing" and each["data"]["node"] == "2")
        assert process.connected() == ["another-client"]
        process.interrupt()
        listener.until_done()
    (job,) = process.jobs()
    assert (job["prompt_id"], job["foreign"], job["state"]) == (foreign, True, "error")
    assert [each["path"] for each in process.requests()] == [
        "/object_info/CheckpointLoaderSimple",
        "/ws",
    ]
    assert send_request(process.url, "/double/behaviour", {"node_second": 1}).status == 400


def test_it_can_be_killed_and_restarted_on_the_same_port(process: DoubleProcess) -> None:
    """It dies at the given node, and returns at its address with an empty memory."""
    url, pid = process.url, process.pid
    process.behave(faults=[{"at": "SaveImage", "kind": "kill"}])
    with listening(url, "me") as listener:
        with contextlib.suppress(ConnectionError):  # death may come before the answer
            send_request(url, "/prompt", {"prompt": graphs.small_picture(), "client_id": "me"})
        assert process.wait() == -signal.SIGKILL
        listener.rest()
    process.kill()
    with pytest.raises(ConnectionRefusedError):
        send_request(url, "/queue")
    process.start()
    assert (process.url, process.pid != pid) == (url, True)
    assert send_request(url, "/queue").json == {"queue_running": [], "queue_pending": []}
    assert process.jobs() == []


def test_it_ends_in_order(process: DoubleProcess) -> None:
    """SIGTERM ends it without an error."""
    process.stop()
    assert process.wait() == 0
