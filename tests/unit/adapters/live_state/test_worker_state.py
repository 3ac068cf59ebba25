"""The state that other programs see is collected from a worker's events."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Thread

from adapters.live_state.worker_state import WorkerState
from application.admission import QueueGate
from application.ports.database import Pause, PausedBy
from application.ports.events import QueuePaused, RenderProgressed, RenderStarted
from application.ports.live_state import GateView, RenderView, WorkerView
from domain.failure import Failure, FailureCode
from domain.prompt import Kind
from tests.fakes.system import ManualClock
from tests.render_events import abandoned, failed, postponed, published, released, superseded
from tests.worker_identities import ME

KILLED = Failure(FailureCode.WORKFLOW_KILLED, "a signal ended it")
MISSING = Failure(FailureCode.SCRIPT_MISSING, "the script is not there")


class Worker:
    def __init__(self) -> None:
        self.clock = ManualClock()
        self.state = WorkerState("run", self.clock)

    def begin(self, render_id: int, kind: Kind = Kind.IMAGE) -> None:
        self.state.handle(RenderStarted(render_id + 100, render_id, kind))

    def advance(self, render_id: int, fraction: float | None, message: str = "") -> None:
        self.state.handle(RenderProgressed(render_id + 100, render_id, fraction, message))

    def publish(self, render_id: int) -> None:
        self.state.handle(published(render_id + 100, render_id, Kind.IMAGE, ("a",), 2.5))

    @property
    def view(self) -> WorkerView:
        return self.state.view(ME)

    @property
    def render(self) -> RenderView:
        [render] = self.view.renders
        return render


def test_a_render_is_shown_from_its_start_to_its_end() -> None:
    """Fraction, message and time left while it runs; an outcome afterwards."""
    worker = Worker()
    began = worker.clock.now()
    worker.begin(7)
    assert worker.render == RenderView(107, 7, Kind.IMAGE, began, None, "starting", None, "")
    worker.clock.advance(100)
    worker.advance(7, 0.0, "Sampling")
    worker.clock.advance(10)
    worker.advance(7, 0.25, "Sampling")
    worker.clock.advance(4)
    assert worker.render == RenderView(107, 7, Kind.IMAGE, began, 0.25, "Sampling", 26.0, "")
    worker.publish(7)
    assert worker.view.renders == ()
    [outcome] = worker.view.outcomes
    assert (outcome.prompt_id, outcome.render_id, outcome.outcome) == (107, 7, "ready")
    assert (outcome.code, outcome.seconds, outcome.at) == ("", 2.5, worker.clock.now())


def test_a_pace_counts_from_the_first_progress_of_the_newest_bar() -> None:
    """Imports come before it, and a bar of its own for each model that is loaded."""
    worker = Worker()
    worker.begin(7)
    worker.clock.advance(400)
    for fraction in (0.0, 0.5, 1.0):
        worker.advance(7, fraction, "Loading")
        worker.clock.advance(20)
    worker.advance(7, 0.1, "Sampling")
    assert worker.render.seconds_left is None
    worker.clock.advance(5)
    worker.advance(7, 0.35, "Sampling")
    assert f"{worker.render.seconds_left:.3f}" == "13.000"


def test_a_start_is_expected_to_take_as_long_as_the_last_one() -> None:
    """Of a render of the same kind that was published."""
    worker = Worker()
    for render_id in (7, 8):
        worker.begin(render_id)
        worker.clock.advance(9)
        worker.advance(render_id, 0.0)
        worker.clock.advance(3)
        worker.publish(render_id)
    worker.begin(9)
    assert (worker.render.message, worker.render.seconds_left) == ("starting", 12)
    worker.clock.advance(4)
    assert worker.render.seconds_left == 8
    worker.clock.advance(100)
    assert worker.render.seconds_left == 3
    worker.publish(9)
    worker.begin(10, Kind.AUDIO)
    assert worker.render.seconds_left is None


def test_a_message_is_one_short_line() -> None:
    """A workflow cannot fill the file with it."""
    worker = Worker()
    worker.begin(7)
    worker.advance(7, None, "a\nb\t" + "x" * 10_000)
    assert worker.render.message == "a b " + "x" * 96


def test_every_outcome_has_its_word_and_code() -> None:
    """The words are those of ``mediagen run --json``; the newest is first."""
    worker = Worker()
    for event in (
        published(1, 1, Kind.IMAGE, ("a",), 1.0),
        failed(2, 2, Kind.AUDIO, KILLED, 1.0),
        released(3, 3, Kind.IMAGE, MISSING, 1.0),
        postponed(4, 4, Kind.IMAGE, KILLED, 1.0, 10.0, 1),
        superseded(5, 5, Kind.IMAGE, "another program reset it", 1.0),
        abandoned(6, 6, Kind.IMAGE, None),
    ):
        worker.state.handle(event)
    outcomes = [(o.outcome, o.code, o.seconds) for o in reversed(worker.view.outcomes)]
    assert outcomes == [
        ("ready", "", 1.0),
        ("error", "workflow_killed", 1.0),
        ("released", "script_missing", 1.0),
        ("postponed", "workflow_killed", 1.0),
        ("superseded", "", 1.0),
        ("recovered", "", None),
    ]


def test_only_the_last_twenty_outcomes_are_kept() -> None:
    """The file stays small, however long the worker runs."""
    worker = Worker()
    for number in range(1, 101):
        worker.publish(number)
    assert [o.render_id for o in worker.view.outcomes] == list(range(100, 80, -1))


def test_a_slot_is_named_after_its_thread() -> None:
    """The slots of a daemon are threads with names."""
    worker = Worker()
    slot = Thread(target=worker.begin, args=(7,), name="image-1")
    slot.start()
    slot.join()
    assert worker.render.slot == "image-1"


def test_the_gate_is_shown_and_only_its_changes_count() -> None:
    """A person's pause comes before the environment's; unavailable kinds are shown beside both."""
    worker = Worker()
    before = worker.state.changes
    worker.state.observe(QueueGate())
    assert worker.state.changes == before
    pause = Pause(PausedBy.PERSON, "cooling down", "", "2026-01-06 21:30:45", ())
    worker.state.observe(QueueGate(pause, {Kind.IMAGE: MISSING}, {Kind.AUDIO: MISSING}))
    worker.state.observe(QueueGate(pause, {Kind.IMAGE: MISSING}, {Kind.AUDIO: MISSING}))
    assert worker.state.changes == before + 1
    gate = worker.view.gate
    assert (gate.paused_by, gate.code, gate.reason) == ("person", "", "cooling down")
    [unavailable] = gate.unavailable
    assert (unavailable.kind, unavailable.code) == (Kind.AUDIO, "script_missing")
    assert (unavailable.message, unavailable.hint) == (MISSING.message, MISSING.hint)
    worker.state.observe(QueueGate(None, {Kind.IMAGE: MISSING}))
    assert worker.view.gate == GateView("environment", "script_missing", MISSING.message)


def test_a_long_reason_is_cut() -> None:
    """The file must stay small enough to be read."""
    worker = Worker()
    pause = Pause(PausedBy.PERSON, "because " * 100_000, "", "2026-01-06 21:30:45", ())
    worker.state.observe(QueueGate(pause))
    assert len(worker.view.gate.reason) == 500


def test_events_of_the_queue_change_no_render() -> None:
    """Pauses come through ``observe``."""
    worker = Worker()
    worker.begin(7)
    before = worker.state.changes
    worker.state.handle(QueuePaused("person", "", "why"))
    assert worker.state.changes == before
    assert worker.render.render_id == 7


def test_progress_of_an_unknown_render_is_ignored() -> None:
    """A late report does not bring the render back."""
    worker = Worker()
    worker.begin(7)
    worker.publish(7)
    worker.advance(7, 0.9)
    assert worker.view.renders == ()


def test_many_threads_lose_nothing() -> None:
    """Slots report at the same time as the state is read."""
    worker = Worker()

    def work(first: int) -> None:
        for number in range(first, first + 50):
            worker.begin(number)
            worker.advance(number, 0.5)
            assert worker.view.renders
            if number % 2:
                worker.publish(number)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(0, 800, 100)))
    assert len(worker.view.renders) == 200
    assert worker.state.changes == 8 * (50 + 50 + 25)
