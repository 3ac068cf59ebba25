"""Replay mode: whoever asks gets what was recorded, under their own ids."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.comfyui_double.client import ask, listening
from tests.comfyui_double.likeness import exact
from tests.comfyui_double.recordings import NAMES, recording
from tests.comfyui_double.replay import replaying

if TYPE_CHECKING:
    from tests.comfyui_double.client import Listener
    from tests.comfyui_double.recordings import Recording
    from tests.comfyui_double.replay import Replay

ME, JOB = "client-of-the-test", "job-of-the-test"


def asked(recorded: Recording) -> object:
    """The recorded request, under ids of our own."""
    request = recorded["request"]
    return {**request, "client_id": ME, "prompt_id": JOB} if isinstance(request, dict) else request


def renamed(value: object, recorded: Recording) -> str:
    """What was recorded, with our own ids in it."""
    text = exact(value).replace(recorded["ws"][0]["data"]["sid"], ME)
    response = recorded["response"]
    if isinstance(response, dict) and "prompt_id" in response:
        text = text.replace(response["prompt_id"], JOB)
    return text


def told(message: dict[str, object]) -> dict[str, object]:
    """A message as both sides can know it."""
    return {name: value for name, value in message.items() if name not in {"t", "bytes"}}


def finish(replay: Replay, listener: Listener, recorded: Recording) -> None:
    """Post, and listen to as many messages as were recorded."""
    ask(replay.url, "/prompt", asked(recorded))
    for _ in recorded["ws"][len(listener.messages) :]:
        listener.hear()


@pytest.mark.parametrize("name", NAMES)
def test_every_recording_is_told_as_it_was(name: str) -> None:
    """The answer, every message in order, and the history are those of the recording."""
    recorded = recording(name)
    with replaying(recorded) as replay, listening(replay.url, ME) as listener:
        if any(each.get("type") == "feature_flags" for each in recorded["ws"]):
            listener.ask_for_metadata()
            listener.hear()
        finish(replay, listener, recorded)
        history = "history" in recorded
        if (
            "ws_reconnected_same_client_id" in recorded
        ):  # the rest is for the client that comes back
            with listening(replay.url, ME) as second:
                second.until_done()
        if history:
            assert replay.finished.wait(60)
        listener.rest()
        assert [exact(told(each)) for each in listener.messages] == [
            renamed(told(each), recorded) for each in recorded["ws"]
        ]
        if history:
            seen = ask(replay.url, f"/history/{replay.prompt_id}").json
            assert exact(seen) == renamed(recorded["history"], recorded)


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("val_")])
def test_a_refusal_is_answered_as_it_was(name: str) -> None:
    """Status and body are those of the recording."""
    recorded = recording(name)
    with replaying(name) as replay:
        reply = ask(replay.url, "/prompt", asked(recorded))
    assert reply.status == recorded["http_status"]
    body = reply.body.decode() if name == "val_bad_json" else reply.json
    assert exact(body) == renamed(recorded["response"], recorded)


def test_a_client_that_comes_back_hears_the_rest() -> None:
    """The first socket is dropped where the recording ends; the second one goes on from there."""
    recorded = recording("reconnect_same_client_id")
    with replaying(recorded) as replay:
        with listening(replay.url, ME) as first:
            finish(replay, first, recorded)
        with listening(replay.url, ME) as second:
            second.until_done()
    expected = [renamed(told(each), recorded) for each in recorded["ws_reconnected_same_client_id"]]
    assert [exact(told(each)) for each in second.messages] == expected


def test_the_pace_is_kept() -> None:
    """Twice as slow as recorded, what took 0.065 seconds takes more than 0.1; it runs till then."""
    recorded = recording("success_image")
    with replaying(recorded, pace=2.0) as replay, listening(replay.url, ME):
        began = time.monotonic()
        ask(replay.url, "/prompt", asked(recorded))
        assert replay.finished.wait(60)
        assert time.monotonic() - began >= 0.1
    with replaying(recorded, pace=1e6) as replay, listening(replay.url, ME):
        ask(replay.url, "/prompt", asked(recorded))
        assert ask(replay.url, f"/history/{JOB}").json == {}
        assert ask(replay.url, "/queue").json["queue_running"][0][1] == JOB


def test_files_are_of_the_kind_that_their_names_promise() -> None:
    """The recordings hold no bytes of files, so the replay makes some."""
    with replaying("success_image") as replay:
        assert ask(replay.url, "/view?filename=img_00001_.png").body[:4] == b"\x89PNG"
        assert ask(replay.url, "/view?filename=t_00001_.flac").body[:4] == b"fLaC"
        assert list(ask(replay.url, "/object_info/SaveImage").json) == ["SaveImage"]
