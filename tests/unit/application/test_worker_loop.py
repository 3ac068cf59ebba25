"""The daemon's worker loop: what it does in each turn, and how long it waits."""

from __future__ import annotations

from threading import Thread
from typing import TYPE_CHECKING

import pytest

from application.ports.database import PausedBy
from application.ports.events import (
    KindRecovered,
    KindUnavailable,
    QueuePaused,
    QueueResumed,
    WorkerError,
)
from application.ports.prompt_repository import RepositoryBusyError, RepositoryError, Selection
from application.signals import StopRequest, WakeSignal
from application.turns import Turn, Turns
from application.worker_loop import WorkerLoop
from domain.failure import Failure, FailureCode
from domain.prompt import Kind
from tests.harness import ANY, Harness

if TYPE_CHECKING:
    from collections.abc import Callable

    from application.leases import HeldLease
    from application.ports.events import Event

MEMORY = Failure(FailureCode.OUT_OF_MEMORY, "no memory left")
REFUSED = Failure(FailureCode.CONNECTION_REFUSED, "connection refused")
MISSING = Failure(FailureCode.INTERPRETER_MISSING, "it is not there")


def standing(harness: Harness, selection: Selection = ANY) -> WorkerLoop:
    """A worker loop over the harness."""
    return WorkerLoop(
        harness.slot,
        harness.repository,
        harness.admission,
        WakeSignal(),
        harness.clock,
        harness.recorder,
        selection,
    )


def turn(slot: WorkerLoop) -> float:
    """Run one turn without a stop request."""
    return slot.render_available(StopRequest(), StopRequest())


def news(harness: Harness, *types: type[Event]) -> list[Event]:
    """The events of some types, in order."""
    return [event for event in harness.recorder.events if isinstance(event, types)]


def test_a_turn_renders_everything_and_then_waits_long(harness: Harness) -> None:
    """No prompt is pending, and a new one wakes the loop."""
    first, second = harness.write(), harness.write(kind=Kind.AUDIO)
    assert turn(standing(harness)) == 60.0
    assert [harness.status(n) for n in (first, second)] == ["ready", "ready"]
    harness.check()


def test_a_slot_takes_only_its_kinds(harness: Harness) -> None:
    """A song waits for another slot."""
    image, audio = harness.write(), harness.write(kind=Kind.AUDIO)
    turn(standing(harness, Selection(kinds=frozenset({Kind.IMAGE}))))
    assert [harness.status(n) for n in (image, audio)] == ["ready", "pending"]


def test_the_loop_wakes_when_a_retry_is_due(harness: Harness) -> None:
    """It waits until the retry is due, and then renders the prompt."""
    prompt_id = harness.write()
    killed = Failure(FailureCode.WORKFLOW_KILLED, "by signal 9")
    harness.script(prompt_id, killed)
    slot = standing(harness)
    wait = turn(slot)
    assert 0 < wait < 60
    harness.clock.advance(wait)
    assert turn(slot) == 60.0
    assert harness.status(prompt_id) == "ready"


def test_a_broken_environment_costs_no_prompt(harness: Harness) -> None:
    """Three prompts are tried, then one from time to time, until one succeeds."""
    harness.admission.restore()
    ids = [harness.write() for _ in range(5)]
    for prompt_id in ids:
        harness.script(prompt_id, *[MEMORY] * 2)
    slot = standing(harness)
    assert turn(slot) == 5.0
    pause = harness.controls.paused()
    assert pause is not None
    assert (pause.by, pause.code) == (PausedBy.ENVIRONMENT, "out_of_memory")
    assert {harness.status(n) for n in ids} == {"pending"}
    for _ in range(40):
        harness.clock.advance(60)
        turn(slot)
    assert harness.controls.paused() is None
    assert {harness.status(n) for n in ids} == {"ready"}
    assert [type(e) for e in news(harness, QueuePaused, QueueResumed)] == [
        QueuePaused,
        QueueResumed,
    ]
    harness.check()


def test_only_probes_are_claimed_while_a_kind_is_stopped(harness: Harness) -> None:
    """One render for each failed probe, and none before it is due."""
    harness.admission.restore()
    for _ in range(6):
        harness.script(harness.write(), *[REFUSED] * 9)
    slot = standing(harness)
    turn(slot)
    renders = harness.renderer.calls
    harness.clock.advance(29)
    turn(slot)
    assert harness.renderer.calls == renders
    harness.clock.advance(1)
    turn(slot)
    turn(slot)
    assert harness.renderer.calls == renders + 1


def test_a_cause_that_preflight_checks_needs_no_probe(harness: Harness) -> None:
    """A missing interpreter is checked for every five seconds."""
    harness.admission.restore()
    prompt_id = harness.write()
    harness.renderer.refusals[Kind.IMAGE] = MISSING
    slot = standing(harness)
    assert turn(slot) == 5.0
    assert harness.admission.gate().unavailable == {Kind.IMAGE: MISSING}
    del harness.renderer.refusals[Kind.IMAGE]
    harness.clock.advance(5)
    turn(slot)
    assert harness.status(prompt_id) == "ready"


def test_the_stop_and_the_recovery_of_a_kind_are_each_reported_once(harness: Harness) -> None:
    """The log says why no prompt of it is rendered, and when that is over."""
    harness.renderer.refusals[Kind.IMAGE] = MISSING
    slot = standing(harness)
    for _ in range(5):
        assert turn(slot) == 5.0
        harness.clock.advance(5)
    other = Failure(FailureCode.SCRIPT_MISSING, "the script is not there either")
    harness.renderer.refusals[Kind.IMAGE] = other
    turn(slot)
    del harness.renderer.refusals[Kind.IMAGE]
    harness.clock.advance(5)
    for _ in range(2):
        assert turn(slot) == 60.0
    assert news(harness, KindUnavailable, KindRecovered) == [
        KindUnavailable(Kind.IMAGE, MISSING),
        KindUnavailable(Kind.IMAGE, other),
        KindRecovered(Kind.IMAGE),
    ]


def test_a_recovery_between_two_runs_is_reported(harness: Harness) -> None:
    """The end of a pause that an earlier worker left is reported too."""
    harness.controls.pause(PausedBy.ENVIRONMENT, "it is not there", "output_root_missing", ())
    harness.admission.restore()
    assert harness.controls.paused() is None
    assert news(harness, QueueResumed) == [QueueResumed()]


def test_a_users_pause_lasts_until_a_user_resumes(harness: Harness) -> None:
    """It is reported once, with its reason."""
    harness.controls.pause(PausedBy.PERSON, "the fan is loud", "", ())
    prompt_id = harness.write()
    slot = standing(harness)
    for _ in range(20):
        assert turn(slot) == 5.0
        harness.clock.advance(3600)
    assert harness.status(prompt_id) == "pending"
    assert news(harness, QueuePaused) == [QueuePaused("person", "", "the fan is loud")]
    harness.controls.resume()
    turn(slot)
    assert harness.status(prompt_id) == "ready"
    assert news(harness, QueueResumed) == [QueueResumed()]


def test_a_user_who_resumes_a_stopped_queue_triggers_a_probe(harness: Harness) -> None:
    """A user who fixed the cause need not wait for the next probe."""
    harness.admission.restore()
    ids = [harness.write() for _ in range(3)]
    for prompt_id in ids:
        harness.script(prompt_id, REFUSED)
    slot = standing(harness)
    turn(slot)
    assert harness.controls.resume()
    turn(slot)
    assert {harness.status(n) for n in ids} == {"ready"}


def test_retiring_ends_after_the_render_that_runs(harness: Harness) -> None:
    """The prompt is published, and no other is claimed with it."""
    first, second = harness.write(), harness.write()
    retire = StopRequest()
    harness.during(first, retire.make)
    standing(harness).render_available(StopRequest(), retire)
    assert [harness.status(n) for n in (first, second)] == ["ready", "pending"]
    harness.check()


def test_stopping_releases_the_running_prompt(harness: Harness) -> None:
    """No attempt is charged."""
    first = harness.write()
    stop = StopRequest()
    harness.during(first, stop.make)
    standing(harness).render_available(stop, StopRequest())
    assert harness.status(first) == "pending"
    assert harness.queue.outcomes(first) == ["released"]
    harness.check()


class _Broken:
    """A worker loop over an unreachable database."""

    def __init__(self, error: Exception) -> None:
        self.error = error

        self.turns = Turns()

    def acquire(self, selection: Selection, turn: Turn) -> HeldLease | None:
        raise self.error


@pytest.mark.parametrize(
    ("error", "wait"),
    [
        (RepositoryError("the database was moved away"), 5.0),
        (OSError(24, "too many open files"), 5.0),
        (RepositoryBusyError("locked"), 0.0),
    ],
    ids=repr,
)
def test_a_database_error_is_reported_once_and_survived(
    harness: Harness, error: Exception, wait: float
) -> None:
    """The thread continues, and retries a little later."""
    slot = WorkerLoop(
        _Broken(error),  # type: ignore[arg-type]
        harness.repository,
        harness.admission,
        WakeSignal(),
        harness.clock,
        harness.recorder,
        ANY,
    )
    assert [turn(slot) for _ in range(3)] == [wait] * 3
    assert news(harness, WorkerError) == [WorkerError(str(error))]


def test_an_unexpected_exception_does_not_end_the_loop(harness: Harness) -> None:
    """Its type and location are reported without its message, and the loop retries later."""
    slot = WorkerLoop(
        _Broken(KeyError("a lake at dawn")),  # type: ignore[arg-type]
        harness.repository,
        harness.admission,
        WakeSignal(),
        harness.clock,
        harness.recorder,
        ANY,
    )
    assert turn(slot) == 5.0
    [told] = news(harness, WorkerError)
    assert isinstance(told, WorkerError)
    assert "KeyError at test_worker_loop.py:" in told.reason
    assert "lake" not in told.reason


def _in_thread(task: Callable[[], object]) -> Thread:
    thread = Thread(target=task)
    thread.start()
    return thread


def test_a_signal_between_looking_and_waiting_is_not_missed() -> None:
    """The wait ends at once, however long it was meant to be."""
    wake = WakeSignal()
    seen = wake.count
    wake.notify()
    waiting = _in_thread(lambda: wake.wait(seen, 3600.0))
    waiting.join(60.0)
    assert not waiting.is_alive()


def test_a_signal_wakes_every_thread() -> None:
    """Each slot checks the queue itself."""
    wake = WakeSignal()
    waiting = [_in_thread(lambda: wake.wait(wake.count, 3600.0)) for _ in range(4)]
    while any(thread.is_alive() for thread in waiting):
        wake.notify()
    assert wake.count > 0
