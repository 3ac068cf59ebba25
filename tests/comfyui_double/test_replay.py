"""Replay mode: a client gets the recording, with its own ids."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.comfyui_double.client import listening, send_request
from tests.comfyui_double.normalization import exact
from tests.comfyui_double.recordings import NAMES, recording
from tests.comfyui_double.replay import replaying

if TYPE_CHECKING:
    from tests.comfyui_double.client import Listener
    from tests.comfyui_double.recordings import Recording
    from tests.comfyui_double.replay import Replay

ME, JOB = "client-of-the-test", "job-of-the-test"


def recorded_request(recorded: Recording) -> object:
    """The recorded request, with ids of our own."""
    request = recorded["request"]
    return {**request, "client_id": ME, "prompt_id": JOB} if isinstance(request, dict) else request


def with_own_ids(value: object, recorded: Recording) -> str:
    """The recording, with our own ids in it."""
    text = exact(value).replace(recorded["ws"][0]["data"]["sid"], ME)
    response = recorded["response"]
    if isinstance(response, dict) and "prompt_id" in response:
        text = text.replace(response["prompt_id"], JOB)
    return text


def comparable(message: dict[str, object]) -> dict[str, object]:
    """A message without the parts that differ."""
    return {name: value for name, value in message.items() if name not in {"t", "bytes"}}


def finish(replay: Replay, listener: Listener, recorded: Recording) -> None:
    """Post, and receive as many messages as were recorded."""
    send_request(replay.url, "/prompt", recorded_request(recorded))
    for _ in recorded["ws"][len(listener.messages) :]:
        listener.receive()


@pytest.mark.parametrize("name", NAMES)
def test_every_recording_is_replayed_exactly(name: str) -> None:
    """The answer, every message in order, and the history are those of the recording."""
    recorded = recording(name)
    with replaying(recorded) as replay, listening(replay.url, ME) as listener:
        if any(each.get("type") == "feature_flags" for each in recorded["ws"]):
            listener.request_metadata()
            listener.receive()
        finish(replay, listener, recorded)
        history = "history" in recorded
        if (
            "ws_reconnected_same_client_id" in recorded
        ):  # the rest is for the client that reconnects
            with listening(replay.url, ME) as second:
                second.until_done()
        if history:
            assert replay.finished.wait(60)
        listener.rest()
        assert [exact(comparable(each)) for each in listener.messages] == [
            with_own_ids(comparable(each), recorded) for each in recorded["ws"]
        ]
        if history:
            seen = send_request(replay.url, f"/history/{replay.prompt_id}").json
            assert exact(seen) == with_own_ids(recorded["history"], recorded)


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("val_")])
def test_a_refusal_is_replayed_exactly(name: str) -> None:
    """Status and body are those of the recording."""
    recorded = recording(name)
    with replaying(name) as replay:
        reply = send_request(replay.url, "/prompt", recorded_request(recorded))
    assert reply.status == recorded["http_status"]
    body = reply.body.decode() if name == "val_bad_json" else reply.json
    assert exact(body) == with_own_ids(recorded["response"], recorded)


def test_a_reconnected_client_gets_the_rest() -> None:
    """The first socket is dropped where the recording ends; the second one continues from there."""
    recorded = recording("reconnect_same_client_id")
    with replaying(recorded) as replay:
        with listening(replay.url, ME) as first:
            finish(replay, first, recorded)
        with listening(replay.url, ME) as second:
            second.until_done()
    expected = [
        with_own_ids(comparable(each), recorded)
        for each in recorded["ws_reconnected_same_client_id"]
    ]
    assert [exact(comparable(each)) for each in second.messages] == expected


def test_the_recorded_pace_can_be_kept() -> None:
    """Twice as slow as recorded, 0.065 seconds become more than 0.1; the job runs until then."""
    recorded = recording("success_image")
    with replaying(recorded, pace=2.0) as replay, listening(replay.url, ME):
        began = time.monotonic()
        send_request(replay.url, "/prompt", recorded_request(recorded))
        assert replay.finished.wait(60)
        assert time.monotonic() - began >= 0.1
    with replaying(recorded, pace=1e6) as replay, listening(replay.url, ME):
        send_request(replay.url, "/prompt", recorded_request(recorded))
        assert send_request(replay.url, f"/history/{JOB}").json == {}
        assert send_request(replay.url, "/queue").json["queue_running"][0][1] == JOB


def test_files_are_of_the_kind_that_their_names_promise() -> None:
    """The recordings contain no file contents, so the replay makes some."""
    with replaying("success_image") as replay:
        assert send_request(replay.url, "/view?filename=img_00001_.png").body[:4] == b"\x89PNG"
        assert send_request(replay.url, "/view?filename=t_00001_.flac").body[:4] == b"fLaC"
        assert list(send_request(replay.url, "/object_info/SaveImage").json) == ["SaveImage"]
