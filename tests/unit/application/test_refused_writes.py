"""Writes that the database refuses: before the first claim, and at the end of a render."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from returns.pipeline import is_successful

from application.ports.artifact_store import RenderKey
from application.ports.events import QueuePaused, RenderEnded
from application.ports.prompt_repository import WriteRefusedError
from application.signals import StopRequest, WakeSignal
from application.turns import Turns
from application.worker_loop import WorkerLoop
from domain.failure import Failure, FailureCode
from domain.prompt import Kind
from domain.render import Outcome
from tests.harness import ANY, Harness

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from application.ports.prompt_repository import Publication
    from domain.render import Claim

REASON = "ask the editor"
CRASH = Failure(FailureCode.WORKFLOW_FAILED, "exit code 1")
CODE = FailureCode.DATABASE_CONSTRAINT


def refusing(harness: Harness, write: str) -> Callable[[], None]:
    """Make the database refuse a write from the middle of a render on."""
    return lambda: harness.queue.refuse(write, REASON)


@pytest.mark.parametrize("write", ["claim", "publish", "fail", "release"])
def test_a_failed_rehearsal_stops_the_queue_before_the_first_claim(
    harness: Harness, write: str
) -> None:
    """No render and no row; the next drain fails alike, and works once the cause is fixed."""
    ids = [harness.write(), harness.write(kind=Kind.AUDIO)]
    harness.queue.refuse(write, REASON)
    for _ in range(2):
        report = harness.drain()
        assert report.stopped_by is not None
        assert (report.stopped_by.code, report.renders) == (CODE, 0)
        assert REASON in report.stopped_by.message
    pause = harness.controls.paused()
    assert pause is not None
    assert pause.code == "database_constraint"
    assert REASON in pause.reason
    assert [harness.queue.outcomes(n) for n in ids] == [[], []]
    harness.queue.accept()
    harness.clock.advance(5)  # between two preflight checks
    assert harness.drain().published == 2
    assert harness.controls.paused() is None
    harness.check()


def test_a_refused_kind_does_not_stop_the_other(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only songs wait, and the reason is reported."""
    harness.write(kind=Kind.AUDIO)
    refused = {Kind.AUDIO: Failure(CODE, REASON)}
    monkeypatch.setattr(harness.repository, "rehearse", refused.get)
    picture = harness.write()
    report = harness.drain()
    assert report.stopped_by is not None
    assert report.stopped_by.message == REASON
    assert (report.published, harness.status(picture)) == (1, "ready")


def test_a_refused_publication_keeps_the_files_and_costs_no_second_render(
    harness: Harness,
) -> None:
    """The prompt is released, the queue paused; the files are published once the write succeeds."""
    first, second = harness.write(), harness.write()
    harness.during(first, refusing(harness, "publish"))
    report = harness.drain()
    assert report.stopped_by is not None
    assert (report.stopped_by.code, report.released, report.renders) == (CODE, 1, 1)
    assert REASON in report.stopped_by.message
    assert [harness.status(n) for n in (first, second)] == ["pending", "pending"]
    pause = harness.controls.paused()
    assert pause is not None
    assert (pause.code, pause.suspects) == ("database_constraint", (first,))
    [released] = harness.recorder.of(RenderEnded)
    assert (released.outcome, released.failure) == (Outcome.RELEASED, report.stopped_by)
    assert [event.code for event in harness.recorder.of(QueuePaused)] == ["database_constraint"]
    kept = harness.folders()
    assert len(kept) == 1
    for _ in range(3):
        harness.recovery.run()
        assert harness.drain().renders == 0
    assert (harness.folders(), harness.renderer.calls) == (kept, 1)
    harness.queue.accept()
    harness.clock.advance(5)  # between two preflight checks
    assert harness.drain().published == 2
    assert harness.renderer.calls == 2
    assert {path.rpartition("/")[0] for path in harness.see(first).artifact_paths} == kept
    assert harness.controls.paused() is None
    harness.recovery.run()
    harness.check()


@pytest.mark.parametrize("loss", ["files", "plan"])
def test_a_kept_render_whose_files_are_lost_is_rendered_again(harness: Harness, loss: str) -> None:
    """An incomplete render is not published."""
    first = harness.write()
    harness.during(first, refusing(harness, "publish"))
    harness.drain()
    harness.queue.accept()
    if loss == "plan":
        harness.store.forget_plan(RenderKey(first, 1))
        harness.store.published.clear()  # their render is unknown now
    else:
        harness.store.published.clear()
    assert harness.drain().published == 1
    assert harness.renderer.calls == 2
    harness.recovery.run()
    harness.check()


def test_kept_files_of_a_cancelled_prompt_are_removed(harness: Harness) -> None:
    """No worker will ever publish them."""
    first = harness.write()
    harness.during(first, refusing(harness, "publish"))
    harness.drain()
    assert harness.repository.cancel(first, requeue=False) is None
    harness.recovery.run()
    assert harness.folders() == set()
    harness.check()


def test_a_refused_failure_releases_the_prompt(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There are no files to keep; it fails again, and is reported, once the write succeeds."""
    first = harness.write()
    harness.script(first, CRASH, CRASH)
    harness.queue.refuse("fail", REASON)
    monkeypatch.setattr(harness.repository, "rehearse", lambda _: None)
    report = harness.drain()
    assert report.stopped_by is not None
    assert (report.stopped_by.code, report.released, harness.status(first)) == (CODE, 1, "pending")
    harness.check()
    harness.queue.accept()
    harness.clock.advance(5)  # between two preflight checks
    assert harness.drain().failed == 1
    assert harness.see(first).error_message == CRASH.explain()


def test_a_refused_claim_does_not_cost_the_publication_before_it(harness: Harness) -> None:
    """Both share a transaction if possible, and use two otherwise."""
    first, second = harness.write(), harness.write()
    harness.during(first, refusing(harness, "claim"))
    report = harness.drain()
    assert report.stopped_by is not None
    assert (report.stopped_by.code, report.published, report.renders) == (CODE, 1, 1)
    assert [harness.status(n) for n in (first, second)] == ["ready", "pending"]
    harness.check()


def test_a_claim_that_is_refused_after_the_rehearsal_stops_the_queue(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The drain ends with a failure of the environment instead of an exception."""
    harness.write()
    monkeypatch.setattr(harness.repository, "rehearse", lambda _: None)
    harness.queue.refuse("claim", REASON)
    report = harness.drain()
    assert report.stopped_by is not None
    assert (report.stopped_by.code, report.renders) == (CODE, 0)
    assert harness.controls.paused() is not None


def test_a_refusal_of_one_prompt_fails_it_after_another_succeeded(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The queue stops for it once, but not for ever."""
    bad, good = harness.write(), harness.write()
    publish_and_claim = harness.repository.publish_and_claim

    def refuse_one(
        publications: Sequence[Publication], *_: object
    ) -> tuple[tuple[bool, ...], tuple[Claim, ...]]:
        for claim in (publication.claim for publication in publications):
            if (
                claim.prompt_id == bad and claim.render_id in harness.keeper.held()
            ):  # without the rehearsal
                raise WriteRefusedError(REASON)
        return publish_and_claim(publications)

    monkeypatch.setattr(harness.repository, "publish_and_claim", refuse_one)
    assert harness.drain().stopped_by is not None
    assert [harness.status(n) for n in (bad, good)] == ["pending", "pending"]
    report = harness.drain()
    assert (report.published, report.failed, report.stopped_by) == (1, 1, None)
    assert [harness.status(n) for n in (bad, good)] == ["error", "ready"]
    assert REASON in (harness.see(bad).error_message or "")
    harness.recovery.run()
    harness.check()


def test_a_refusal_of_every_prompt_costs_fewer_and_fewer_renders(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A daemon probes at doubling intervals; all its finished renders are published later."""
    ids = [harness.write() for _ in range(30)]
    monkeypatch.setattr(harness.repository, "rehearse", lambda _: None)
    harness.queue.refuse("publish", REASON)
    slot = WorkerLoop(
        harness.slot,
        harness.repository,
        harness.admission,
        WakeSignal(),
        harness.clock,
        harness.recorder,
        ANY,
    )
    harness.admission.restore()
    for _ in range(360):
        slot.render_available(StopRequest(), StopRequest())
        harness.clock.advance(5)
    assert harness.renderer.calls <= 8  # in half an hour
    assert {harness.status(n) for n in ids} == {"pending"}
    harness.queue.accept()
    calls = harness.renderer.calls
    for _ in range(120):
        slot.render_available(StopRequest(), StopRequest())
        harness.clock.advance(5)
    assert {harness.status(n) for n in ids} == {"ready"}
    assert harness.renderer.calls == len(ids) >= calls
    harness.recovery.run()
    harness.check()


def test_taking_over_a_refused_publication_counts_one_crash(harness: Harness) -> None:
    """The files are kept for as long as needed, and no worker is charged for the database."""
    first = harness.write()
    claim = harness.repository.claim_next(ANY)
    assert claim is not None
    assert claim.prompt_id == first
    with harness.keeper.claim_lock:
        held = harness.keeper.track(claim, Turns().take())
    assert is_successful(harness.render(held))
    harness.keeper.release(held)  # the program died after it had placed the files
    harness.queue.refuse("publish", REASON)
    for _ in range(20):
        harness.recovery.run()
        assert harness.drain().renders == 0
    assert harness.status(first) == "pending"
    assert harness.queue.outcomes(first) == ["abandoned", "released"]
    kept = harness.folders()
    assert len(kept) == 1
    harness.queue.accept()
    harness.clock.advance(5)  # between two preflight checks
    assert harness.drain().published == 1
    assert harness.renderer.calls == 1
    assert {path.rpartition("/")[0] for path in harness.see(first).artifact_paths} == kept
    harness.recovery.run()
    harness.check()
