"""Every configurable fault happens, and stops happening."""

from __future__ import annotations

import http.client
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.comfyui_double import graphs
from tests.comfyui_double.client import listening, send_request

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.comfyui_double.behaviour import NodeFault
    from tests.comfyui_double.double import Double
    from tests.comfyui_double.graph import Graph

ME = "me"


def post(double: Double, graph: Graph | None = None) -> str:
    """Post a graph, by default a text-to-image one; returns the prompt id."""
    body = {"prompt": graph or graphs.text_to_image(), "client_id": ME}
    prompt_id: str = send_request(double.url, "/prompt", body).json["prompt_id"]
    return prompt_id


def ended(double: Double, prompt_id: str) -> dict[str, Any]:
    """The history of a job, once it ended."""
    double.wait(lambda: double.job(prompt_id).state in {"success", "error"})
    entry: dict[str, Any] = send_request(double.url, f"/history/{prompt_id}").json[prompt_id]
    return entry


def last(entry: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The last message of a history."""
    kind, data = entry["status"]["messages"][-1]
    return kind, data


def test_memory_runs_out_a_given_number_of_times(double: Double) -> None:
    """The GPU is full once, in PyTorch's words; the next job succeeds."""
    double.behaviour.fail("KSampler", "out_of_memory")
    kind, data = last(ended(double, post(double)))
    assert (kind, data["node_type"]) == ("execution_error", "KSampler")
    assert data["exception_type"] == "torch.OutOfMemoryError"
    assert data["exception_message"].startswith("CUDA out of memory.")
    assert last(ended(double, post(double)))[0] == "execution_success"


def test_a_node_may_always_fail(double: Double) -> None:
    """``times=None`` means always, also in the middle of a sampler."""
    double.behaviour.fail("KSampler", "exception", times=None, message="no luck", step=2)
    for _ in range(2):
        kind, data = last(ended(double, post(double)))
        assert (kind, data["exception_message"]) == ("execution_error", "no luck\n")


def test_a_fault_may_require_words_in_the_graph(double: Double) -> None:
    """A graph without these words is executed normally."""
    double.behaviour.change(
        faults=[{"at": "KSampler", "kind": "exception", "times": None, "words": "a dragon"}]
    )
    for text, ending in (("a lake", "execution_success"), ("a dragon", "execution_error")):
        graph = graphs.text_to_image(text)
        assert last(ended(double, post(double, graph)))[0] == ending


def test_a_slow_node_obeys_an_interrupt_late(
    double: Double, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A quarter of a second later."""
    double.behaviour.fail("KSampler", "slow", times=2)
    began = time.monotonic()
    assert last(ended(double, post(double)))[0] == "execution_success"
    assert time.monotonic() - began >= 0.25
    fault = double.behaviour.fault

    def interrupting(node_id: str, graph: Graph, step: int = 0) -> NodeFault | None:
        found = fault(node_id, graph, step)
        if found:
            double.interrupt()
        return found

    monkeypatch.setattr(double.behaviour, "fault", interrupting)
    entry = ended(double, post(double, graphs.text_to_image(seed=2)))
    assert last(entry)[0] == "execution_interrupted"


def test_a_hanging_node_ignores_interrupts(double: Double) -> None:
    """The job continues after an interrupt; a restart forgets it."""
    double.behaviour.fail("VAEDecode", "hang")
    prompt_id = post(double)
    double.wait(lambda: double.machine.sockets.node == "8")
    send_request(double.url, "/interrupt", {"prompt_id": prompt_id})
    time.sleep(0.05)
    assert send_request(double.url, "/queue").json["queue_running"][0][1] == prompt_id
    double.restart()
    assert send_request(double.url, "/queue").json == {"queue_running": [], "queue_pending": []}
    assert send_request(double.url, f"/history/{prompt_id}").json == {}


def test_after_the_death_of_the_executor_the_queue_stops(double: Double) -> None:
    """HTTP answers as before, but nothing is executed any more."""
    double.behaviour.fail("KSampler", "worker_death")
    first, second = post(double), post(double)
    double.wait(lambda: not double.machine.alive)
    rows = send_request(double.url, "/queue").json
    assert [each[1] for each in rows["queue_running"]] == [first]
    assert [each[1] for each in rows["queue_pending"]] == [second]


def test_another_client_interrupts(double: Double) -> None:
    """A job ends as interrupted, without any request by its own client."""
    double.behaviour.fail("VAEDecode", "hold")
    prompt_id = post(double)
    double.wait(lambda: double.machine.sockets.node == "8")
    double.interrupt()
    assert last(ended(double, prompt_id))[0] == "execution_interrupted"
    double.behaviour.fail("SaveImage", "interrupt")
    assert last(ended(double, post(double)))[0] == "execution_interrupted"
    assert double.asked("POST", "/interrupt") == []


def test_a_lost_job_is_unknown(double: Double) -> None:
    """It was accepted, but is neither in the queue nor in the history."""
    double.behaviour.lost_jobs = 1
    prompt_id = post(double)
    assert send_request(double.url, "/queue").json == {"queue_running": [], "queue_pending": []}
    assert send_request(double.url, "/history").json == {}
    assert double.job(prompt_id).state == "lost"
    assert last(ended(double, post(double)))[0] == "execution_success"


def test_the_history_may_be_late(double: Double) -> None:
    """After ``execution_success`` it is delayed; the job counts as running until then."""
    double.behaviour.history_seconds = 600
    with listening(double.url, ME) as listener:
        prompt_id = post(double, graphs.small_picture())
        listener.until(lambda each: each["type"] == "execution_success")
        assert send_request(double.url, f"/history/{prompt_id}").json == {}
        assert send_request(double.url, "/queue").json["queue_running"]
    double.restart()
    double.behaviour.history_seconds = 0.05
    with listening(double.url, ME) as listener:
        prompt_id = post(double, graphs.small_picture())
        listener.until_done()
        assert send_request(double.url, f"/history/{prompt_id}").json


@pytest.mark.parametrize(
    ("slow", "least"), [("node_seconds", 0.1), ("step_seconds", 0.1), ("job_seconds", 0.05)]
)
def test_configured_delays(double: Double, slow: str, least: float) -> None:
    """Nodes, steps and jobs take at least the configured seconds."""
    double.behaviour.change(**{slow: 0.05})
    began = time.monotonic()
    ended(double, post(double))
    assert time.monotonic() - began >= least


def test_requests_are_closed_and_answered_with_500(double: Double) -> None:
    """The given number, and only requests of the path; then requests succeed again."""
    double.behaviour.change(close_requests=1, error_requests=1, trouble_path="/queue")
    assert send_request(double.url, "/history").status == 200
    with pytest.raises(http.client.RemoteDisconnected):
        send_request(double.url, "/queue")
    assert send_request(double.url, "/queue").status == 500
    assert send_request(double.url, "/queue").status == 200
    assert len(double.asked("GET", "/queue")) == 3


def test_a_job_may_be_accepted_without_an_answer(double: Double) -> None:
    """The client cannot know, but the job is executed."""
    double.behaviour.unanswered_prompts = 1
    body = {"prompt": graphs.small_picture(), "prompt_id": "mine"}
    with pytest.raises(http.client.RemoteDisconnected):
        send_request(double.url, "/prompt", body)
    assert last(ended(double, "mine"))[0] == "execution_success"


def test_sockets_are_refused_silent_or_dropped(double: Double) -> None:
    """A refused one is answered with 503, a silent one sends nothing, a dropped one ends."""
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade"}
    double.behaviour.sockets = "refused"
    assert send_request(double.url, "/ws?clientId=me", headers=upgrade).status == 503
    double.behaviour.sockets = "silent"
    with listening(double.url, "silent") as listener:
        ended(double, post(double, graphs.small_picture()))
        listener.rest()
        assert listener.messages == []
    double.behaviour.change(sockets="open", drop_after=3)
    with listening(double.url, ME) as listener:
        ended(double, post(double))
        listener.rest()
        assert len(listener.messages) == 3
    double.behaviour.drop_after = None
    with listening(double.url, ME) as listener:
        double.drop_sockets()
        double.wait(lambda: not double.connected)
        assert listener.receive() is None


LIES: dict[str, Callable[[bytes], bool]] = {
    "empty": lambda content: content == b"",
    "half": lambda content: content[:4] == b"\x89PNG" and b"IEND" not in content,
    "text": lambda content: content.isascii(),
}


@pytest.mark.parametrize("lie", LIES)
def test_saved_files_may_have_wrong_content(double: Double, lie: str) -> None:
    """The name is right and the content is wrong, a given number of times."""
    double.behaviour.change(lie=lie, lies=1)
    entry = ended(double, post(double, graphs.small_picture("a", 1)))
    assert entry["status"]["status_str"] == "success"
    assert LIES[lie](send_request(double.url, "/view?filename=a_00001_.png").body)
    ended(double, post(double, graphs.small_picture("a", 2)))
    assert b"IEND" in send_request(double.url, "/view?filename=a_00002_.png").body


def test_outputs_may_be_missing_or_wrong(double: Double) -> None:
    """Success without outputs; an output without a file; an output of another job."""
    double.behaviour.lie = "no_outputs"
    assert ended(double, post(double, graphs.small_picture("a", 1)))["outputs"] == {}
    double.behaviour.lie = "missing_file"
    entry = ended(double, post(double, graphs.small_picture("b", 2)))
    assert entry["outputs"]["2"]["images"][0]["filename"] == "b_00001_.png"
    assert send_request(double.url, "/view?filename=b_00001_.png").status == 404
    double.behaviour.lie = ""
    ended(double, post(double, graphs.small_picture("c", 3)))
    double.behaviour.lie = "old_file"
    entry = ended(double, post(double, graphs.small_picture("d", 4)))
    assert entry["outputs"]["2"]["images"][0]["filename"][0] != "d"


def test_other_clients_use_the_server_too(double: Double) -> None:
    """Another client's job may come first; ours comes after it."""
    double.behaviour.fail("SaveImage", "hold")
    foreign = double.submit_foreign()
    mine = post(double)
    rows = send_request(double.url, "/queue").json
    assert [each[1] for each in rows["queue_running"]] in ([], [foreign])
    double.release()
    ended(double, mine)
    assert [job.foreign for job in double.jobs] == [True, False]


def test_a_misspelt_behaviour_is_refused(double: Double) -> None:
    """Otherwise a test would rely on a fault that never happens."""
    with pytest.raises(ValueError, match="no such behaviour"):
        double.behaviour.change(node_second=1)
    with pytest.raises(ValueError, match="no such fault"):
        double.behaviour.change(faults=[{"at": "KSampler", "kind": "fire"}])


def test_a_double_in_the_tests_own_process_is_not_killed(double: Double) -> None:
    """The tests would be killed with it."""
    with pytest.raises(ValueError, match="process of its own"):
        double.behaviour.fail("KSampler", "kill")
