"""Recordings of events during a job: the double does the same."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from tests.comfyui_double.client import send_request
from tests.comfyui_double.comparison import (
    listen,
    remaining,
    same_events,
    same_history,
    without_status,
)
from tests.comfyui_double.graphs import small_picture
from tests.comfyui_double.normalization import exact, messages, plain
from tests.comfyui_double.recordings import recording

if TYPE_CHECKING:
    from tests.comfyui_double.client import Listener, Message
    from tests.comfyui_double.double import Double


def is_at(message: Message, node_id: str) -> bool:
    """Whether a message reports that a node begins."""
    return message.get("type") == "executing" and message["data"]["node"] == node_id


def begin(double: Double, listener: Listener, recorded: dict[str, Any], node_id: str) -> str:
    """Post the recorded graph, and wait until it is held at a node; returns the prompt id."""
    double.behaviour.fail(node_id, "hold")
    prompt_id: str = send_request(double.url, "/prompt", recorded["request"]).json["prompt_id"]
    listener.until(lambda each: is_at(each, node_id))
    return prompt_id


@pytest.mark.parametrize(
    ("name", "node_id", "targeted"), [("interrupt", "3", False), ("interrupt_targeted", "4", True)]
)
def test_an_interrupt_stops_a_job_between_two_nodes(
    double: Double, name: str, node_id: str, *, targeted: bool
) -> None:
    """Events and history of an interrupted job are as recorded; the wrong id changes nothing."""
    recorded = recording(name)
    with ExitStack() as stack:
        listener = listen(stack, double, recorded)
        prompt_id = begin(double, listener, recorded, node_id)
        if targeted:
            assert send_request(double.url, "/interrupt", {"prompt_id": "another"}).status == 200
            assert listener.receive(0.1) is None
        reply = send_request(double.url, "/interrupt", {"prompt_id": prompt_id} if targeted else "")
        assert (reply.status, reply.body) == (200, b"")
        assert "content-type" not in reply.headers
        listener.until_done()
        same_events(listener, recorded, prompt_id)
    same_history(double, recorded, prompt_id)


def test_an_interrupt_stops_a_sampler_between_two_steps(double: Double) -> None:
    """The sampler stops after the step that it is at, as recorded."""
    recorded = recording("ksampler_tiny_interrupt")
    before = recording("ksampler_tiny_cold")["request"]
    send_request(double.url, "/prompt", {"prompt": before["prompt"], "prompt_id": "before"})
    double.wait(lambda: double.job("before").state == "success")
    double.behaviour.fail("KSampler", "hold", step=4)
    with ExitStack() as stack:
        listener = listen(stack, double, recorded)
        prompt_id = send_request(double.url, "/prompt", recorded["request"]).json["prompt_id"]
        listener.until(lambda each: each.get("type") == "progress" and each["data"]["value"] == 3)
        send_request(double.url, "/interrupt", {"prompt_id": prompt_id})
        listener.until_done()
        same_events(listener, recorded, prompt_id)
    same_history(double, recorded, prompt_id)


def test_a_job_without_a_client_id_has_no_events_of_its_own(double: Double) -> None:
    """Clients get the nodes' progress, but no start, no node, no success, as recorded."""
    recorded = recording("no_client_id")
    with ExitStack() as stack:
        listener = listen(stack, double, recorded)
        prompt_id = send_request(double.url, "/prompt", recorded["request"]).json["prompt_id"]
        double.wait(lambda: double.job(prompt_id).state == "success")
        same_events(listener, recorded, prompt_id)
    same_history(double, recorded, prompt_id)


def test_three_jobs_are_executed_in_order(double: Double) -> None:
    """The events of three jobs of one client follow one another as recorded."""
    recorded = recording("queue_three")
    with ExitStack() as stack:
        listener = listen(stack, double, recorded)
        first = begin(double, listener, recorded, "1")
        request = recorded["request"]
        ids = [first]
        for color in (1, 2):
            graph = {**request["prompt"], "1": _coloured(request["prompt"]["1"], color)}
            reply = send_request(double.url, "/prompt", {**request, "prompt": graph})
            ids.append(reply.json["prompt_id"])
        double.release()
        for _ in ids:
            listener.until_done()
        listener.rest()
    recorded_ids = [each["prompt_id"] for each in (recorded["response"], *recorded["more"])]
    assert _named(without_status(listener.messages), ids) == _named(
        without_status(recorded["ws"]), recorded_ids
    )
    assert remaining(listener.messages) == remaining(recorded["ws"])


def test_a_deleted_job_has_no_events(double: Double) -> None:
    """It is neither in queue nor history, and only the status changes, as recorded."""
    recorded = recording("queue_delete")
    with ExitStack() as stack:
        listener = listen(stack, double, recorded)
        prompt_id = begin(double, listener, recorded, "1")
        _, _, graph, extra, _ = recorded["queue_with_two"]["queue_pending"][0]
        body = {"prompt": graph, **extra}
        second = send_request(double.url, "/prompt", body).json["prompt_id"]
        recorded_second = recorded["second"]["prompt_id"]
        for key in ("queue_with_two", "queue_after_delete"):
            seen = exact(plain(send_request(double.url, "/queue").json, prompt_id))
            expected = exact(plain(recorded[key], recorded["response"]["prompt_id"]))
            assert _ordered(seen, second) == _ordered(expected, recorded_second)
            reply = send_request(
                double.url, "/queue", {"delete": [second]}
            )  # the second time in vain
            assert (reply.status, reply.body) == (200, b"")
        double.release()
        listener.until_done()
        listener.rest()
    assert send_request(double.url, f"/history/{second}").json == recorded["history_of_deleted"]
    recorded_id = recorded["response"]["prompt_id"]
    assert messages(without_status(listener.messages), prompt_id) == messages(
        without_status(recorded["ws"]), recorded_id
    )
    assert remaining(listener.messages) == remaining(recorded["ws"])
    same_history(double, recorded, prompt_id)


def test_a_second_socket_of_a_client_takes_over(double: Double) -> None:
    """It gets the running node at once, and then the rest, as recorded."""
    recorded = recording("reconnect_same_client_id")
    with ExitStack() as stack:
        listener = listen(stack, double, recorded)
        prompt_id = begin(double, listener, recorded, "3")
        listener.close()
        double.wait(lambda: not double.connected)
        key = "ws_reconnected_same_client_id"
        second = listen(stack, double, recorded, key)
        double.release()
        second.until_done()
        same_events(listener, recorded, prompt_id)
        same_events(second, recorded, prompt_id, key)
    same_history(double, recorded, prompt_id)


def test_closing_the_first_of_two_sockets_silences_the_second(double: Double) -> None:
    """As in ComfyUI, where the end of any socket of a client id removes the id."""
    recorded = recording("reconnect_same_client_id")
    with ExitStack() as stack:
        first = listen(stack, double, recorded)
        second = listen(stack, double, recorded)
        first.close()
        double.wait(lambda: not double.connected)
        send_request(double.url, "/prompt", {**recorded["request"], "prompt": small_picture()})
        assert second.receive(0.1) is None


def _coloured(node: dict[str, Any], color: int) -> dict[str, Any]:
    return {**node, "inputs": {**node["inputs"], "color": color}}


def _named(heard: list[dict[str, Any]], ids: list[str]) -> list[str]:
    """Messages with the job's position instead of its id."""
    text = "\n".join(messages(heard, ""))
    for index, prompt_id in enumerate(ids):
        text = text.replace(prompt_id, f"JOB-{index}")
    return text.split("\n")


def _ordered(text: str, prompt_id: str) -> str:
    return text.replace(prompt_id, "THE-SECOND")
