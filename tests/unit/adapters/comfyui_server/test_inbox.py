"""What waits for a render to look at it."""

from __future__ import annotations

import time
from threading import Timer

import pytest

from adapters.comfyui_server.inbox import Inbox
from adapters.comfyui_server.messages import Ended, Preview, Running, Started


def test_messages_of_other_jobs_are_dropped() -> None:
    """Pictures that name no job are taken for this one's."""
    inbox = Inbox("me")
    picture = Preview("", b"1", "image/png")
    for message in (Started("other"), Started("me"), Preview("other", b"2", "image/png"), picture):
        inbox.put(message)
    assert inbox.take(0) == ([Started("me"), picture], False)
    assert inbox.take(0) == ([], False)


def test_it_stays_small() -> None:
    """The oldest messages are dropped, and all pictures but the newest."""
    inbox = Inbox("me")
    for number in range(5000):
        inbox.put(Running("me", str(number)))
        inbox.put(Preview("me", str(number).encode(), "image/png"))
    messages, _ = inbox.take(0)
    assert len(messages) == 1001
    assert messages[-2:] == [Running("me", "4999"), Preview("me", b"4999", "image/png")]


@pytest.mark.parametrize(
    "news", [lambda it: it.disturb(), lambda it: it.put(Ended("me", final=True))]
)
def test_urgent_news_ends_the_wait(news) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    """From another thread."""
    inbox = Inbox("me")
    timer = Timer(0.05, news, [inbox])
    timer.start()
    began = time.monotonic()
    messages, disturbed = inbox.take(10)
    assert time.monotonic() - began < 5
    assert bool(messages) != disturbed
    timer.join()


def test_progress_can_wait() -> None:
    """A step wakes nobody; it is there when somebody looks."""
    inbox = Inbox("me")
    Timer(0.01, inbox.put, [Running("me", "1")]).start()
    began = time.monotonic()
    messages, _ = inbox.take(0.2)
    assert time.monotonic() - began >= 0.2
    assert messages == [Running("me", "1")]
