"""When a server is asked about a job."""

from __future__ import annotations

from itertools import pairwise

from adapters.comfyui_server.polling import Polling


def looks(polling: Polling, until: float) -> list[float]:
    """The moments of looks that find nothing."""
    found = []
    while polling.history_due < until:
        found.append(polling.history_due)
        polling.history_silent(polling.history_due)
    return found


def test_without_a_socket_it_is_asked_soon_and_then_less_often() -> None:
    """The end of a quick job is found quickly; a slow one costs a request a second."""
    moments = looks(Polling(0), 60)
    assert 0 < moments[0] < 0.05
    pauses = [round(later - sooner, 6) for sooner, later in pairwise(moments)]
    assert pauses == sorted(pauses)
    assert pauses[-1] == 1
    assert len(moments) < 75


def test_with_a_socket_it_is_asked_all_the_same() -> None:
    """Every two seconds: a socket may fail to tell the end."""
    polling = Polling(0)
    polling.informed()
    assert looks(polling, 9) == [2, 4, 6, 8]


def test_the_end_is_looked_at_when_the_history_must_know_it() -> None:
    """At once, or after the moment that lies between the news and the history."""
    polling = Polling(0)
    polling.informed()
    polling.ended(1, final=False)
    assert 1 < polling.history_due < 1.05
    polling.ended(1.001, final=True)
    assert polling.history_due == 1.001


def test_a_history_that_comes_late_is_asked_again_soon() -> None:
    """And ever less often."""
    polling = Polling(0)
    polling.ended(1, final=True)
    moments = looks(polling, 10)
    assert moments[1] - moments[0] < 0.01
    assert len(moments) < 40


def test_the_queue_is_looked_at_often_until_the_job_runs() -> None:
    """A job that others take from the queue makes no message."""
    polling = Polling(0)
    polling.informed()
    assert polling.queue_due == 1
    polling.queue_seen(1, runs=False)
    assert polling.queue_due == 3
    polling.queue_seen(3, runs=True)
    assert polling.queue_due == 13


def test_a_connection_that_broke_is_a_reason_to_look_at_both() -> None:
    """At once, and often until the socket tells again."""
    polling = Polling(0)
    polling.informed()
    polling.uninformed(5)
    assert (polling.history_due, polling.queue_due) == (5, 5)
    polling.history_silent(5)
    assert polling.history_due < 5.1
