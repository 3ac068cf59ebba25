"""Responses of a server in any shape: history, queue and texts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.comfyui_server.responses import (
    JobHistory,
    OutputFile,
    QueueSnapshot,
    one_line,
    tail,
)
from tests.comfyui_double.recordings import NAMES, recording

JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)


def entry(status: object = None, outputs: object = None) -> dict[str, Any]:
    """A history with the job "me"."""
    return {"me": {"status": status, "outputs": outputs}}


def ended(status_str: str, *events: str, outputs: object = None) -> JobHistory:
    """The outcome of a job with such events."""
    messages = [[name, {"timestamp": 1000 * number}] for number, name in enumerate(events, 1)]
    found = JobHistory.read(entry({"status_str": status_str, "messages": messages}, outputs), "me")
    assert found is not None
    return found


def test_a_success_has_its_duration() -> None:
    """From start to end, by the server's clock."""
    found = ended("success", "execution_start", "execution_success")
    assert (found.succeeded, found.interrupted, found.error) == (True, False, None)
    assert found.seconds == 1.0


def test_an_interrupt_is_no_success() -> None:
    """Whatever the status is."""
    for said in ("error", "success"):
        found = ended(said, "execution_start", "execution_interrupted")
        assert (found.succeeded, found.interrupted) == (False, True)


def test_a_status_of_the_first_years() -> None:
    """Servers that did not report the outcome only had outputs of successful jobs."""
    found = JobHistory.read(
        entry(None, {"9": {"images": [{"filename": "a.png", "type": "output"}]}}), "me"
    )
    assert found is not None
    assert found.succeeded


@pytest.mark.parametrize("answer", [{}, [], None, {"other": {}}, entry(), {"me": []}])
def test_jobs_without_an_outcome(answer: object) -> None:
    """The job is unknown, or still running."""
    assert JobHistory.read(answer, "me") is None


def test_every_output_key_is_read() -> None:
    """Images, audio, gifs: any key that names a file; others are skipped."""
    outputs = {
        "1": {"images": [{"filename": "a.png", "subfolder": "t", "type": "output"}]},
        "2": {"audio": [{"filename": "b.mp3", "type": "temp"}], "animated": [True]},
        "3": {"anything": [{"filename": "c.bin", "subfolder": 7, "type": "output"}], "text": ["x"]},
        "4": {"images": [{"filename": "d.png", "type": "input"}, {"filename": ""}, 3]},
        "5": 3,
    }
    assert ended("success", outputs=outputs).files == (
        OutputFile("1", "a.png", "t", "output"),
        OutputFile("2", "b.mp3", "", "temp"),
        OutputFile("3", "c.bin", "", "output"),
    )


@pytest.mark.parametrize("name", [name for name in NAMES if recording(name).get("history")])
def test_recorded_histories_are_read(name: str) -> None:
    """As the server meant them."""
    recorded = recording(name)["history"]
    for job, said in recorded.items():
        found = JobHistory.read(recorded, job)
        assert found is not None
        assert found.succeeded == (said["status"]["status_str"] == "success")
        if not found.succeeded:
            assert found.interrupted == (found.error is None)


@given(JSON)
def test_any_response_can_be_read(answer: object) -> None:
    """Whatever a server sends."""
    JobHistory.read({"me": answer}, "me")
    JobHistory.read(answer, "me")


def test_a_line_is_short_and_plain() -> None:
    """Without colours, control characters and line ends."""
    assert one_line("\x1b[31mred\x1b[0m\r\n\tline\x00") == "red line"
    assert one_line("x" * 1000, 10) == "xxxxxxxxx…"


def test_a_tail_holds_the_last_lines() -> None:
    """Without the underlining of tracebacks, at most 2,000 characters."""
    assert tail("first\n\n   ^^^^^\n  second\n") == "first\n  second"
    long = tail("\n".join(f"line {number} {'x' * 700}" for number in range(100)))
    assert len(long) <= 2_000
    assert long.splitlines()[-1].startswith("line 99 ")


@pytest.mark.parametrize(
    ("running", "waiting", "blocker"),
    [(["other"], ["me"], "other"), ([], ["me", "other"], "other"), ([], ["me"], "")],
)
def test_the_job_that_blocks_a_waiting_one(
    running: list[str], waiting: list[str], blocker: str
) -> None:
    """The running job, otherwise another waiting one, or none."""
    queues = {"queue_running": running, "queue_pending": waiting}
    entries = {
        key: [[number, job, {}] for number, job in enumerate(jobs)] for key, jobs in queues.items()
    }
    queue = QueueSnapshot.read(entries | {"more": 1})
    assert queue == QueueSnapshot(frozenset(running), frozenset(waiting))
    assert queue.blocker("me") == blocker


@given(JSON)
def test_any_queue_can_be_read(answer: object) -> None:
    """No shape is assumed."""
    assert not QueueSnapshot.read(answer).holds("me")
