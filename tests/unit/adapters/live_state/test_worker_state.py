"""A worker's events make the picture that others see."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Thread

from adapters.live_state.worker_state import WorkerState
from adapters.memory.clock import ManualClock
from application.admission import Standing
from application.ports.events import (
    PromptFailed,
    PromptPostponed,
    PromptPublished,
    PromptReleased,
    QueuePaused,
    RenderAbandoned,
    RenderProgressed,
    RenderStarted,
    RenderSuperseded,
)
from application.ports.live_state import RenderView, StandingView, WorkerView
from application.ports.queue_controls import Pause, PausedBy
from domain.failure import Failure, FailureCode
from domain.kind import Kind
from tests.owners import ME

KILLED = Failure(FailureCode.WORKFLOW_KILLED, "a signal ended it")
MISSING = Failure(FailureCode.SCRIPT_MISSING, "the script is not there")


class Worker:
    def __init__(self) -> None:
        self.clock = ManualClock()
        self.state = WorkerState("run", self.clock)

    def begin(self, render_id: int, kind: Kind = Kind.IMAGE) -> None:
        self.state.notice(RenderStarted(render_id + 100, render_id, kind))

    def advance(self, render_id: int, fraction: float | None, message: str = "") -> None:
        self.state.notice(RenderProgressed(render_id + 100, render_id, fraction, message))

    def publish(self, render_id: int) -> None:
        self.state.notice(PromptPublished(render_id + 100, render_id, Kind.IMAGE, ("a",), 2.5))

    @property
    def view(self) -> WorkerView:
        return self.state.view(ME)

    @property
    def render(self) -> RenderView:
        [found] = self.view.renders
        return found


def test_a_render_is_shown_from_its_beginning_to_its_end() -> None:
    """Fraction, message and what is left while it goes on; an outcome afterwards."""
    worker = Worker()
    began = worker.clock.now()
    worker.begin(7)
    assert worker.render == RenderView(107, 7, Kind.IMAGE, began, None, "", None, "")
    worker.clock.advance(10)
    worker.advance(7, 0.25, "Sampling")
    worker.clock.advance(4)
    assert worker.render == RenderView(107, 7, Kind.IMAGE, began, 0.25, "Sampling", 26.0, "")
    worker.publish(7)
    assert worker.view.renders == ()
    [outcome] = worker.view.outcomes
    assert (outcome.prompt_id, outcome.render_id, outcome.outcome) == (107, 7, "ready")
    assert (outcome.code, outcome.seconds, outcome.at) == ("", 2.5, worker.clock.now())


def test_a_message_is_one_short_line() -> None:
    """Whatever a workflow says of itself, it cannot fill the file."""
    worker = Worker()
    worker.begin(7)
    worker.advance(7, None, "a\nb\t" + "x" * 10_000)
    assert worker.render.message == "a b " + "x" * 96


def test_every_ending_has_its_word_and_code() -> None:
    """The words are those of ``mediagen run --json``; the newest stands first."""
    worker = Worker()
    for event in (
        PromptPublished(1, 1, Kind.IMAGE, ("a",), 1.0),
        PromptFailed(2, 2, Kind.AUDIO, KILLED, 1.0),
        PromptReleased(3, 3, Kind.IMAGE, MISSING, 1.0),
        PromptPostponed(4, 4, Kind.IMAGE, KILLED, 1.0, 10.0, 1),
        RenderSuperseded(5, 5, Kind.IMAGE, "somebody reset it", 1.0),
        RenderAbandoned(6, 6, Kind.IMAGE, None),
    ):
        worker.state.notice(event)
    told = [(o.outcome, o.code, o.seconds) for o in reversed(worker.view.outcomes)]
    assert told == [
        ("ready", "", 1.0),
        ("error", "workflow_killed", 1.0),
        ("released", "script_missing", 1.0),
        ("postponed", "workflow_killed", 1.0),
        ("superseded", "", 1.0),
        ("recovered", "", None),
    ]


def test_only_the_last_twenty_outcomes_are_kept() -> None:
    """The file stays small however long the worker runs."""
    worker = Worker()
    for number in range(1, 101):
        worker.publish(number)
    assert [o.render_id for o in worker.view.outcomes] == list(range(100, 80, -1))


def test_a_render_in_a_thread_of_its_own_is_named_by_its_slot() -> None:
    """A daemon's slots are threads with names."""
    worker = Worker()
    slot = Thread(target=worker.begin, args=(7,), name="image-1")
    slot.start()
    slot.join()
    assert worker.render.slot == "image-1"


def test_the_standing_is_shown_and_only_its_changes_are_news() -> None:
    """A person's pause comes before the environment's; broken kinds stand beside both."""
    worker = Worker()
    before = worker.state.changes
    worker.state.observe(Standing())
    assert worker.state.changes == before
    pause = Pause(PausedBy.PERSON, "cooling down", "", "2026-01-06 21:30:45", ())
    worker.state.observe(Standing(pause, MISSING, {Kind.AUDIO: MISSING}))
    worker.state.observe(Standing(pause, MISSING, {Kind.AUDIO: MISSING}))
    assert worker.state.changes == before + 1
    standing = worker.view.standing
    assert (standing.paused_by, standing.code, standing.reason) == ("person", "", "cooling down")
    [broken] = standing.broken
    assert (broken.kind, broken.code) == (Kind.AUDIO, "script_missing")
    assert (broken.message, broken.hint) == (MISSING.message, MISSING.hint)
    worker.state.observe(Standing(None, MISSING))
    assert worker.view.standing == StandingView("environment", "script_missing", MISSING.message)


def test_a_book_of_a_reason_is_cut() -> None:
    """A person may give any reason; the file must stay small enough to be read."""
    worker = Worker()
    pause = Pause(PausedBy.PERSON, "because " * 100_000, "", "2026-01-06 21:30:45", ())
    worker.state.observe(Standing(pause))
    assert len(worker.view.standing.reason) == 500


def test_events_of_the_queue_are_left_to_the_standing() -> None:
    """They are no news of their own, and never mistaken for the end of a render."""
    worker = Worker()
    worker.begin(7)
    before = worker.state.changes
    worker.state.notice(QueuePaused("person", "", "why"))
    assert worker.state.changes == before
    assert worker.render.render_id == 7


def test_progress_of_an_unknown_render_is_nothing() -> None:
    """A last word that comes after the end does not bring the render back."""
    worker = Worker()
    worker.begin(7)
    worker.publish(7)
    worker.advance(7, 0.9)
    assert worker.view.renders == ()


def test_many_threads_lose_nothing() -> None:
    """Slots tell at the same time, while somebody looks."""
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
