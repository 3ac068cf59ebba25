"""The double is compared with the recordings: same request, same answer and events."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.comfyui_double.client import send_request
from tests.comfyui_double.comparison import listen, same_events, same_history
from tests.comfyui_double.normalization import exact, messages, plain
from tests.comfyui_double.recordings import BEFORE, NAMES, NOT_EXECUTED, STORIES, recording

if TYPE_CHECKING:
    from tests.comfyui_double.double import Double

REFUSED = [name for name in NAMES if name.startswith("val_") and name != "val_partial"]
ACCEPTED = [name for name in NAMES if name not in {*STORIES, *REFUSED, *NOT_EXECUTED}]


def run_before(double: Double, name: str) -> None:
    """Execute the graph that ran before a recording."""
    if name in BEFORE:
        request = {**recording(BEFORE[name])["request"], "prompt_id": "before"}
        del request["client_id"]
        assert send_request(double.url, "/prompt", request).status == 200
        double.wait(lambda: double.job("before").state in {"success", "error"})


@pytest.mark.parametrize("name", ACCEPTED)
def test_an_accepted_graph_is_executed_as_recorded(double: Double, name: str) -> None:
    """Status, answer, history and every event of an executed graph are as recorded."""
    recorded = recording(name)
    double.behaviour.previews = "binary_previews" in name
    run_before(double, name)
    with ExitStack() as stack:
        listener = listen(stack, double, recorded)
        others = recorded.get("ws_other_client", [])
        other = listen(stack, double, recorded, "ws_other_client") if others else None
        reply = send_request(double.url, "/prompt", recorded["request"])
        prompt_id = reply.json["prompt_id"]
        listener.until_done()
        same_events(listener, recorded, prompt_id)
        if other:
            other.rest()
            assert messages(other.messages, "") == messages(others, "")
    assert reply.status == recorded["http_status"]
    assert reply.headers["content-type"] == recorded["content_type"]
    expected = recorded["response"]
    assert exact(plain(reply.json, prompt_id)) == exact(plain(expected, expected["prompt_id"]))
    same_history(double, recorded, prompt_id)


@pytest.mark.parametrize("name", REFUSED)
def test_a_refused_graph_gets_the_recorded_answer(double: Double, name: str) -> None:
    """Status, type and body of a refusal are as recorded, and there are no events."""
    recorded = recording(name)
    if name == "val_ckpt_not_in_list":
        double.behaviour.models = []
    with ExitStack() as stack:
        listener = listen(stack, double, recorded)
        reply = send_request(double.url, "/prompt", recorded["request"])
        listener.rest()
    assert reply.status == recorded["http_status"]
    assert reply.headers["content-type"] == recorded["content_type"]
    if name == "val_bad_json":
        assert reply.body.decode() == recorded["response"]
    else:
        assert exact(plain(reply.json)) == exact(plain(recorded["response"]))
    assert messages(listener.messages, "") == messages(recorded["ws"], "")
    assert double.jobs == []
