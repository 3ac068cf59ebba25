"""When patience with a job ends."""

from __future__ import annotations

import math

from adapters.comfyui_server.limits import ServerLimits
from adapters.comfyui_server.patience import Overdue, Patience
from adapters.comfyui_server.queue_sight import QueueSight

LIMITS = ServerLimits(seconds=100, stall_seconds=10)


def sight(running: str = "", *waiting: str) -> QueueSight:
    """A queue."""
    return QueueSight(frozenset(filter(None, [running])), frozenset(waiting))


def test_the_time_limit_counts_from_the_start() -> None:
    """The wait in the queue is not the job's."""
    patience = Patience(LIMITS, 0)
    patience.queue_seen(sight("other", "me"), "me", 60)
    patience.queue_seen(sight("me"), "me", 90)
    assert patience.next_limit() == 190
    assert patience.overdue(189) is None
    assert patience.overdue(190) is Overdue.OVERTIME


def test_silence_counts_after_something_was_heard() -> None:
    """Without a socket there is nothing but silence."""
    patience = Patience(LIMITS, 0)
    patience.runs(0)
    assert patience.overdue(50) is None
    patience.sign(50)
    assert patience.overdue(59) is None
    assert patience.overdue(60) is Overdue.STALLED
    patience.deaf()
    assert patience.overdue(60) is None


def test_no_stall_limit_is_none() -> None:
    """Zero turns it off."""
    patience = Patience(ServerLimits(seconds=math.inf, stall_seconds=0), 0)
    patience.runs(0)
    patience.sign(0)
    assert patience.overdue(1e9) is None


def test_a_queue_that_moves_is_waited_for() -> None:
    """However long it takes."""
    patience = Patience(LIMITS, 0)
    for number in range(10):
        patience.queue_seen(sight(f"other{number}", "me"), "me", 90.0 * number)
        assert patience.overdue(90.0 * number + 89) is None


def test_a_queue_that_does_not_move_is_stuck() -> None:
    """The job that runs there is what blocks it."""
    patience = Patience(LIMITS, 0)
    for moment in (10, 50, 109):
        patience.queue_seen(sight("other", "me"), "me", moment)
    assert patience.overdue(109) is None
    assert patience.overdue(110) is Overdue.QUEUE_STUCK
    assert patience.blocker("me") == "other"


def test_what_blocks_a_server_on_which_nothing_runs() -> None:
    """Another job that waits, or none."""
    patience = Patience(LIMITS, 0)
    patience.queue_seen(sight("", "me", "other"), "me", 1)
    assert patience.blocker("me") == "other"
    patience.queue_seen(sight("", "me"), "me", 2)
    assert patience.blocker("me") == ""
    patience.runs(3)
    assert patience.blocker("me") == "me"
