"""The messages of a server's WebSocket, and the inbox of one job."""

from __future__ import annotations

import json
import struct
import time
from threading import Timer
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.comfyui_server.job_socket import (
    Inbox,
    JobEnded,
    JobStarted,
    Message,
    NodeProgress,
    NodeRunning,
    NodesCached,
    NodesFinished,
    Preview,
    Transcript,
    read_message,
)
from adapters.comfyui_server.responses import OutputFile

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SAVED = {"filename": "a.png", "subfolder": "me", "type": "output"}
FILE = OutputFile("4", "a.png", "me", "output")
JPEG = b"\xff\xd8\xff\xe0 a picture"
PNG = b"\x89PNG a picture"


def frame(kind: str, **data: object) -> str:
    """A text frame about the job "me"."""
    return json.dumps({"type": kind, "data": {"prompt_id": "me", **data}})


def binary(kind: int, number: int, body: bytes) -> bytes:
    """A binary frame."""
    return struct.pack(">II", kind, number) + body


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (frame("execution_start"), JobStarted("me")),
        (frame("execution_start", timestamp=5), JobStarted("me", 5.0)),
        (frame("execution_cached", nodes=["1", "2"]), NodesCached("me", ("1", "2"))),
        (frame("executing", node="3"), NodeRunning("me", "3")),
        (frame("executing", node=None), JobEnded("me", final=True)),
        (frame("progress", node="3", value=2, max=20), NodeProgress("me", "3", 2, 20)),
        (frame("executed", node="4", output={}), NodesFinished("me", frozenset({"4"}))),
        (
            frame("progress_state", nodes={"1": {"state": "finished"}, "2": {"state": "running"}}),
            NodesFinished("me", frozenset({"1"})),
        ),
        (
            frame("executed", node="4", output={"images": [SAVED], "text": ["a"]}),
            NodesFinished("me", frozenset({"4"}), (FILE,)),
        ),
        (
            frame("execution_success", timestamp=7),
            JobEnded("me", final=False, succeeded=True, at=7.0),
        ),
        (frame("execution_error", node_id="3"), JobEnded("me", final=False)),
        (frame("execution_interrupted"), JobEnded("me", final=False)),
    ],
)
def test_server_messages(text: str, message: Message) -> None:
    """Every kind of frame that is used."""
    assert read_message(text) == message


@pytest.mark.parametrize(
    "text",
    [
        frame("status"),
        frame("progress", value=1, max=2),
        frame("crystools.monitor", cpu=3),
        json.dumps({"type": "executing", "data": {"node": "3"}}),  # new connection: of which job?
        json.dumps({"type": "executing"}),
        json.dumps([1, 2]),
        "",
        "{",
        "[" * 100_000,
    ],
)
def test_ignored_messages(text: str) -> None:
    """Other kinds, frames without a job, and invalid JSON."""
    assert read_message(text) is None


@pytest.mark.parametrize(
    ("value", "most", "expected"),
    [
        ("two", None, (0, 0)),
        (True, 5, (0, 5)),
        (10**400, 5, (0, 5)),
        (float("inf"), 5, (0, 5)),
    ],
)
def test_invalid_numbers_are_none(
    value: object, most: object, expected: tuple[float, float]
) -> None:
    """No division by a number that a server made up."""
    message = read_message(frame("progress", node="3", value=value, max=most))
    assert message == NodeProgress("me", "3", *expected)


def test_previews() -> None:
    """With and without the metadata that name the job; the picture's bytes show its type."""
    facts = json.dumps({"prompt_id": "me", "image_type": "image/png"}).encode()
    assert read_message(binary(1, 1, JPEG)) == Preview("", JPEG, "image/jpeg")
    assert read_message(binary(1, 2, PNG)) == Preview("", PNG, "image/png")
    assert read_message(binary(4, len(facts), facts + JPEG)) == Preview("me", JPEG, "image/jpeg")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0\0\0\1",
        binary(1, 1, b"no picture"),
        binary(3, 1, JPEG),
        binary(4, 2**32 - 1, JPEG),
        binary(4, 3, b"{{{" + JPEG),
    ],
)
def test_invalid_previews(data: bytes) -> None:
    """Too short, of another kind, or broken."""
    assert read_message(data) is None


@given(st.one_of(st.binary(), st.text()))
def test_any_frame_can_be_parsed(data: str | bytes) -> None:
    """Whatever the server sends."""
    read_message(data)


def test_messages_of_other_jobs_are_dropped() -> None:
    """Pictures without a job count as this one's."""
    inbox = Inbox("me")
    picture = Preview("", b"1", "image/png")
    for message in (
        JobStarted("other"),
        JobStarted("me"),
        Preview("other", b"2", "image/png"),
        picture,
    ):
        inbox.put(message)
    assert inbox.receive(0) == ([JobStarted("me"), picture], False)
    assert inbox.receive(0) == ([], False)


def test_the_inbox_is_bounded() -> None:
    """The oldest messages are dropped, and all pictures except the newest."""
    inbox = Inbox("me")
    for number in range(5000):
        inbox.put(NodeRunning("me", str(number)))
        inbox.put(Preview("me", str(number).encode(), "image/png"))
    messages, _ = inbox.receive(0)
    assert len(messages) == 1001
    assert messages[-2:] == [NodeRunning("me", "4999"), Preview("me", b"4999", "image/png")]


@pytest.mark.parametrize(
    "news", [lambda it: it.connection_changed(), lambda it: it.put(JobEnded("me", final=True))]
)
def test_urgent_messages_end_the_wait(news) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    """From another thread."""
    inbox = Inbox("me")
    timer = Timer(0.05, news, [inbox])
    timer.start()
    began = time.monotonic()
    messages, reconnected = inbox.receive(100)
    assert time.monotonic() - began < 90
    assert bool(messages) != reconnected
    timer.join()


def _long(inbox: Inbox) -> None:
    for number in range(1_001):
        inbox.put(NodeRunning("me", str(number)))


@pytest.mark.parametrize(
    ("news", "is_complete"),
    [
        (lambda it: it.put(JobStarted("me")), True),
        (Inbox.connection_changed, False),
        (_long, False),
    ],
)
def test_messages_may_be_missing(news: Callable[[Inbox], None], *, is_complete: bool) -> None:
    """After a reconnection, and if the oldest of many were dropped."""
    inbox = Inbox("me")
    inbox.is_complete = True  # as set by the socket
    news(inbox)
    assert inbox.is_complete is is_complete


_BEGAN, _ENDED = JobStarted("me", 1_000.0), JobEnded("me", final=False, succeeded=True, at=3_500.0)
_LEFT = NodesFinished("me", frozenset({"4"}), (FILE,))


def test_messages_give_the_history_of_a_success() -> None:
    """The last output of a node counts, as in the history."""
    other = OutputFile("4", "b.png", "", "output")
    transcript = Transcript({"4"})
    for message in (
        _BEGAN,
        NodesCached("me", ("1",)),
        NodesFinished("me", frozenset({"4"}), (other,)),
        _LEFT,
        NodesFinished("me", frozenset({"1", "4"})),
        _ENDED,
        JobEnded("me", final=True),
    ):
        assert transcript.history() is None or isinstance(message, JobEnded)
        transcript.handle(message)
    history = transcript.history()
    assert history is not None
    assert (history.succeeded, history.files, history.seconds) == (True, (FILE,), 2.5)


@pytest.mark.parametrize(
    "messages",
    [
        (_LEFT, _ENDED),  # the beginning is missing
        (_BEGAN, _LEFT),  # the end is missing
        (_BEGAN, _LEFT, JobEnded("me", final=True)),  # its outcome is missing
        (_BEGAN, _LEFT, JobEnded("me", final=False)),  # an error
        (_BEGAN, _ENDED),  # there is no output
        (_BEGAN, NodesCached("me", ("1", "5")), _LEFT, _ENDED),  # old servers: 5 has no output
    ],
)
def test_incomplete_messages(messages: Sequence[Message]) -> None:
    """The history must be requested then."""
    transcript = Transcript({"4", "5"})
    for message in messages:
        transcript.handle(message)
    assert transcript.history() is None


def test_progress_can_wait() -> None:
    """A step wakes no thread; it is there at the next check."""
    inbox = Inbox("me")
    timer = Timer(0.01, inbox.put, [NodeRunning("me", "1")])
    timer.start()
    began = time.monotonic()
    messages, _ = inbox.receive(0.2)
    assert time.monotonic() - began >= 0.2
    timer.join()
    assert [*messages, *inbox.receive(0)[0]] == [NodeRunning("me", "1")]
