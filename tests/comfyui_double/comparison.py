"""Asking the double what was asked when a recording was made, and comparing the answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.comfyui_double.client import ask, listening
from tests.comfyui_double.likeness import exact, messages, plain

if TYPE_CHECKING:
    from contextlib import ExitStack

    from tests.comfyui_double.client import Listener
    from tests.comfyui_double.double import Double
    from tests.comfyui_double.recordings import Recording


def listen(stack: ExitStack, double: Double, recorded: Recording, key: str = "ws") -> Listener:
    """A socket with the recorded client id; with the recorded wish for metadata."""
    client_id = next(each["data"]["sid"] for each in recorded[key] if "sid" in each["data"])
    listener = stack.enter_context(listening(double.url, client_id))
    if any(each.get("type") == "feature_flags" for each in recorded[key]):
        listener.ask_for_metadata()
        listener.hear()
    return listener


def same_history(double: Double, recorded: Recording, prompt_id: str) -> None:
    """The history of a job is as recorded."""
    seen = ask(double.url, f"/history/{prompt_id}").json
    expected = recorded["history"]
    assert exact(plain(seen, prompt_id)) == exact(plain(expected, *expected))


def same_events(listener: Listener, recorded: Recording, prompt_id: str, key: str = "ws") -> None:
    """What a socket heard is as recorded, message by message."""
    listener.rest()
    recorded_id = recorded["response"]["prompt_id"]
    assert messages(listener.messages, prompt_id) == messages(recorded[key], recorded_id)


def without_status(heard: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The events of jobs alone: a status may come at any time between them."""
    return [each for each in heard if each.get("type") != "status"]


def remaining(heard: list[dict[str, Any]]) -> list[int]:
    """How many jobs the status events told of, in order."""
    told = [each["data"]["status"] for each in heard if each.get("type") == "status"]
    return [each["exec_info"]["queue_remaining"] for each in told]
