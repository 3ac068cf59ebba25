"""Repeat a recording's requests to the double, and compare the answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.comfyui_double.client import listening, send_request
from tests.comfyui_double.normalization import exact, messages, plain

if TYPE_CHECKING:
    from contextlib import ExitStack

    from tests.comfyui_double.client import Listener
    from tests.comfyui_double.double import Double
    from tests.comfyui_double.recordings import Recording


def listen(stack: ExitStack, double: Double, recorded: Recording, key: str = "ws") -> Listener:
    """A socket with the recorded client id, and metadata if the recording requested it."""
    client_id = next(each["data"]["sid"] for each in recorded[key] if "sid" in each["data"])
    listener = stack.enter_context(listening(double.url, client_id))
    if any(each.get("type") == "feature_flags" for each in recorded[key]):
        listener.request_metadata()
        listener.receive()
    return listener


def same_history(double: Double, recorded: Recording, prompt_id: str) -> None:
    """A job's history is as recorded."""
    seen = send_request(double.url, f"/history/{prompt_id}").json
    expected = recorded["history"]
    assert exact(plain(seen, prompt_id)) == exact(plain(expected, *expected))


def same_events(listener: Listener, recorded: Recording, prompt_id: str, key: str = "ws") -> None:
    """A socket's messages are as recorded, one by one."""
    listener.rest()
    recorded_id = recorded["response"]["prompt_id"]
    assert messages(listener.messages, prompt_id) == messages(recorded[key], recorded_id)


def without_status(heard: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Only the events of jobs: a status may come at any time between them."""
    return [each for each in heard if each.get("type") != "status"]


def remaining(heard: list[dict[str, Any]]) -> list[int]:
    """The numbers of jobs in the status events, in order."""
    told = [each["data"]["status"] for each in heard if each.get("type") == "status"]
    return [each["exec_info"]["queue_remaining"] for each in told]
