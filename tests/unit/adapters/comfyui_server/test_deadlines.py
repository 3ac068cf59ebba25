"""When time limits are reached, and when a server is polled for a job."""

from __future__ import annotations

import math
from itertools import pairwise

from adapters.comfyui_server.deadlines import Deadline, PollSchedule, StallDetector


def looks(polls: PollSchedule, until: float) -> list[float]:
    """The times of polls without a result."""
    found = []
    while polls.history_due < until:
        found.append(polls.history_due)
        polls.history_empty(polls.history_due)
    return found


def test_without_a_socket_polls_start_soon_and_become_rarer() -> None:
    """The end of a quick job is found quickly; a slow one costs a request a second."""
    moments = looks(PollSchedule(0), 60)
    assert 0 < moments[0] < 0.05
    pauses = [round(later - sooner, 6) for sooner, later in pairwise(moments)]
    assert pauses == sorted(pauses)
    assert pauses[-1] == 1
    assert len(moments) < 75


def test_with_a_socket_the_server_is_polled_too() -> None:
    """Every two seconds: a socket may fail to report the end."""
    polls = PollSchedule(0)
    polls.message_received()
    assert looks(polls, 9) == [2, 4, 6, 8]


def test_the_history_is_polled_when_it_must_have_the_end() -> None:
    """At once, or after the short delay between the message and the history."""
    polls = PollSchedule(0)
    polls.message_received()
    polls.job_ended(1, final=False)
    assert 1 < polls.history_due < 1.05
    polls.job_ended(1.001, final=True)
    assert polls.history_due == 1.001


def test_a_late_history_is_polled_again_soon() -> None:
    """And less and less often."""
    polls = PollSchedule(0)
    polls.job_ended(1, final=True)
    moments = looks(polls, 10)
    assert moments[1] - moments[0] < 0.01
    assert len(moments) < 40


def test_the_queue_is_polled_often_until_the_job_runs() -> None:
    """No message reports that other clients removed the job from the queue."""
    polls = PollSchedule(0)
    polls.message_received()
    assert polls.queue_due == 1
    polls.queue_asked(1, running=False)
    assert polls.queue_due == 3
    polls.queue_asked(3, running=True)
    assert polls.queue_due == 13


def test_a_broken_connection_polls_history_and_queue() -> None:
    """At once, and often until the socket sends messages again."""
    polls = PollSchedule(0)
    polls.message_received()
    polls.ask_both(5)
    assert (polls.history_due, polls.queue_due) == (5, 5)
    polls.history_empty(5)
    assert polls.history_due < 5.1


def test_a_deadline_counts_from_its_last_restart() -> None:
    """Waiting in a moving queue is no reason to give up."""
    deadline = Deadline(100, 0)
    assert deadline.at == 100
    deadline.restart(60)
    assert deadline.at == 160


def test_silence_counts_after_a_message_only() -> None:
    """Without a socket there are never any messages."""
    stall = StallDetector(10)
    assert stall.at == math.inf
    stall.message_received(50)
    assert stall.at == 60
    stall.message_received(55)
    assert stall.at == 65
    stall.connection_changed()
    assert stall.at == math.inf


def test_zero_turns_the_stall_limit_off() -> None:
    """However long there is no message."""
    stall = StallDetector(0)
    stall.message_received(0)
    assert stall.at == math.inf
