"""HTTP behaviour that the recordings do not cover: files, queue, history, foreign pages."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from tests.comfyui_double import graphs
from tests.comfyui_double.client import listening, send_request
from tests.comfyui_double.double import running_double

if TYPE_CHECKING:
    from pathlib import Path

    from tests.comfyui_double.double import Double


def test_a_page_of_another_site_is_refused(double: Double) -> None:
    """A foreign Origin gets 403, the site's own does not."""
    host = double.url.removeprefix("http://")
    assert (
        send_request(double.url, "/queue", headers={"Origin": "http://evil.example"}).status == 403
    )
    assert send_request(double.url, "/queue", headers={"Origin": f"http://{host}"}).status == 200


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("filename=a_00001_.png", 200),
        ("filename=a_00001_.png&type=output&subfolder=", 200),
        ("filename=a_00001_.png&type=temp", 404),
        ("filename=a_00002_.png", 404),
        ("filename=../a_00001_.png", 400),
        ("filename=a_00001_.png&subfolder=..", 400),
        ("filename=", 404),
    ],
)
def test_files_can_be_fetched(double: Double, query: str, status: int) -> None:
    """An existing file is sent; a path outside the folder is a 400."""
    send_request(double.url, "/prompt", {"prompt": graphs.small_picture("a"), "prompt_id": "one"})
    double.wait(lambda: double.job("one").state == "success")
    reply = send_request(double.url, f"/api/view?{query}")
    assert reply.status == status
    if status == 200:
        assert reply.headers["content-type"] == "image/png"
        assert reply.body == (double.output / "a_00001_.png").read_bytes()


def test_front_and_clear(double: Double) -> None:
    """The smallest number is executed first; clearing does not affect the running job."""
    double.behaviour.fail("SaveImage", "hold")
    for name in ("runs", "waits", "first"):
        body = {"prompt": graphs.small_picture(name), "prompt_id": name, "front": name == "first"}
        send_request(double.url, "/prompt", body)
        double.wait(lambda: double.job("runs").state == "running")
    rows = send_request(double.url, "/queue").json
    assert [each[1] for each in rows["queue_pending"]] == ["first", "waits"]
    send_request(double.url, "/queue", {"clear": True})
    rows = send_request(double.url, "/queue").json
    assert [each[1] for each in rows["queue_running"]] == ["runs"]
    assert rows["queue_pending"] == []


def test_the_history_can_be_cleared(double: Double) -> None:
    """One entry, or all."""
    for name in ("one", "two", "three"):
        send_request(
            double.url, "/prompt", {"prompt": graphs.small_picture(name), "prompt_id": name}
        )
    double.wait(lambda: double.job("three").state == "success")
    assert list(send_request(double.url, "/history?max_items=2").json) == ["two", "three"]
    send_request(double.url, "/history", {"delete": ["one"]})
    assert list(send_request(double.url, "/history").json) == ["two", "three"]
    send_request(double.url, "/history", {"clear": True})
    assert send_request(double.url, "/history").json == {}


def test_system_information_and_freeing_memory(double: Double) -> None:
    """Version and device are reported; after freeing, nothing is cached."""
    told = send_request(double.url, "/system_stats").json
    assert told["system"]["comfyui_version"]
    assert told["devices"][0]["vram_total"] > told["devices"][0]["vram_free"]
    for name in ("one", "two"):
        send_request(
            double.url, "/prompt", {"prompt": graphs.small_picture("a"), "prompt_id": name}
        )
        double.wait(lambda: double.jobs[-1].state == "success")
        send_request(double.url, "/free", {"unload_models": True, "free_memory": True})
    assert sorted(each.name for each in double.output.glob("*.png")) == [
        "a_00001_.png",
        "a_00002_.png",
    ]


def test_every_request_is_recorded(double: Double) -> None:
    """Method, path without ``/api``, query and body, in order."""
    send_request(double.url, "/api/queue")
    send_request(double.url, "/interrupt", {"prompt_id": "x"})
    send_request(double.url, "/nowhere?a=b", method="DELETE")
    seen = [(each.method, each.path) for each in double.requests]
    assert seen == [("GET", "/queue"), ("POST", "/interrupt"), ("DELETE", "/nowhere")]
    assert double.asked("POST", "/interrupt")[0].json == {"prompt_id": "x"}
    assert double.requests[2].query == {"a": "b"}


def test_it_leaves_no_thread_behind(tmp_path: Path) -> None:
    """After some jobs, all of its threads end."""
    before = set(threading.enumerate())
    with running_double(tmp_path) as double, listening(double.url, "me") as listener:
        for color in range(3):
            body = {"prompt": graphs.small_picture("a", color), "client_id": "me"}
            send_request(double.url, "/prompt", body)
            listener.until_done()
    assert set(threading.enumerate()) <= before
