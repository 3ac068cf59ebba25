"""Draining a queue whose renders have scripted outcomes, without files and without pauses."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from application.ports.database import PausedBy
from application.ports.events import RenderProgressed, RenderStarted
from application.ports.prompt_repository import Selection
from application.signals import StopRequest
from domain.failure import Blame, Failure, FailureCode
from domain.prompt import Kind
from tests.fakes.artifact_store import InMemoryArtifactStore
from tests.fakes.events import EventRecorder
from tests.harness import GOOD, Harness, in_memory, on_sqlite
from tests.render_events import failed, is_end, published

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from application.drain import DrainReport
    from application.ports.artifact_store import RenderKey
    from application.ports.events import Event

CRASH = Failure(FailureCode.WORKFLOW_FAILED, "exit code 1", "boom")
MEMORY = Failure(FailureCode.OUT_OF_MEMORY, "CUDA out of memory")
NO_SCRIPT = Failure(FailureCode.SCRIPT_MISSING, "there is no script")
FULL = Failure(FailureCode.DISK_FULL, "no room")
BROKEN = Failure(FailureCode.FILE_BROKEN, "a.png is cut")
IMAGES = Selection(kinds=frozenset({Kind.IMAGE}))


def renders(report: DrainReport) -> int:
    """Number of renders that a drain ended, whatever their outcome."""
    return report.published + report.failed + report.postponed + report.released + report.superseded


def started(harness: Harness) -> list[int]:
    """The prompts in the order in which they were claimed."""
    return [event.prompt_id for event in harness.recorder.of(RenderStarted)]


# ------------------------------------------------------------------------------------------ success


def test_a_prompt_becomes_ready_with_its_file_and_its_row(harness: Harness) -> None:
    """The row has the path of the file in the published folder."""
    prompt_id = harness.write()
    report = harness.drain()
    assert (report.published, renders(report), report.stopped_by) == (1, 1, None)
    seen = harness.see(prompt_id)
    assert (seen.artifact_status, seen.error_message) == ("ready", None)
    [path] = seen.artifact_paths
    assert path.startswith("image/1_")
    assert path.endswith("/a.png")
    harness.check()


def test_draining_an_empty_queue_ends_at_once(harness: Harness) -> None:
    """Nothing is rendered, and no failure is reported."""
    report = harness.drain()
    assert (renders(report), report.stopped_by, report.interrupted) == (0, None, False)


def test_the_oldest_goes_first_whatever_its_kind(harness: Harness) -> None:
    """Pictures and songs share one queue."""
    new = harness.write(created_at="2026-03-01 00:00:00")
    old = harness.write(kind=Kind.AUDIO, created_at="2026-01-01 00:00:00")
    undated = harness.write(created_at=None)
    harness.drain()
    assert started(harness) == [undated, old, new]


def test_each_step_of_a_render_is_reported(harness: Harness) -> None:
    """Start, progress and end of each render, with seconds and paths."""
    good, bad = harness.write(), harness.write()
    harness.during(good, lambda: harness.clock.advance(5))
    harness.script(bad, CRASH)
    harness.drain()
    events = harness.recorder.events
    render_ids = [event.render_id for event in harness.recorder.of(RenderStarted)]
    [path] = harness.see(good).artifact_paths
    assert events == [
        RenderStarted(good, render_ids[0], Kind.IMAGE),
        RenderProgressed(good, render_ids[0], 0.5, ""),
        RenderProgressed(good, render_ids[0], 1.0, ""),
        published(good, render_ids[0], Kind.IMAGE, (path,), 5.0),
        RenderStarted(bad, render_ids[1], Kind.IMAGE),
        RenderProgressed(bad, render_ids[1], 0.5, ""),
        RenderProgressed(bad, render_ids[1], 1.0, ""),
        failed(bad, render_ids[1], Kind.IMAGE, CRASH, 0.0),
    ]


def test_hundreds_of_prompts_are_rendered_without_a_pause() -> None:
    """Seven hundred prompts of all kinds become ready or fail, and the drain never sleeps."""
    harness = in_memory()
    expected: dict[int, str] = {}
    for number in range(700):
        kind = Kind.AUDIO if number % 3 == 0 else Kind.IMAGE
        bad_brief = number % 7 == 0
        prompt_id = harness.write("no brief" if bad_brief else "", kind)
        if number % 5 == 0:
            harness.script(prompt_id, CRASH)
        expected[prompt_id] = "error" if bad_brief or number % 5 == 0 else "ready"
    report = harness.drain()
    assert {prompt_id: harness.status(prompt_id) for prompt_id in expected} == expected
    assert (report.published, report.failed) == tuple(
        list(expected.values()).count(status) for status in ("ready", "error")
    )
    assert harness.clock.slept == []
    assert max(harness.renderer.calls_by_prompt.values()) == 1
    harness.check()


# ------------------------------------------------------------------- failures charged to one prompt


@pytest.mark.parametrize(
    ("brief", "code"),
    [
        (None, "brief_missing"),
        (b"\xff\xfe\xfd", "brief_not_text"),
        ("once upon a time", "brief_not_json"),
        ({"prompt": "  "}, "brief_incomplete"),
    ],
    ids=repr,
)
def test_a_bad_brief_never_reaches_the_renderer(
    harness: Harness, brief: str | bytes | dict[str, str] | None, code: str
) -> None:
    """It fails with the reason, and the next prompt is rendered."""
    bad, good = harness.write(brief), harness.write()
    report = harness.drain()
    assert (report.failed, report.published) == (1, 1)
    assert (harness.see(bad).error_message or "").startswith(f"{code}: ")
    assert harness.renderer.calls_by_prompt == {good: 1}
    harness.check()


@pytest.mark.parametrize(
    "code", [c for c in FailureCode if c.blame is Blame.RENDER and not c.is_transient]
)
def test_a_failed_render_is_charged_to_its_prompt(harness: Harness, code: FailureCode) -> None:
    """It fails with the full explanation after one attempt, and leaves nothing behind."""
    failure = Failure(code, "it went wrong", "the end of stderr")
    harness.write()
    harness.drain()  # the workflow has proved itself
    bad, good = harness.write(), harness.write()
    harness.script(bad, failure)
    report = harness.drain()
    assert (report.failed, report.published, report.stopped_by) == (1, 1, None)
    assert harness.see(bad).error_message == failure.explain()
    assert harness.queue.outcomes(bad) == ["failed"]
    assert harness.status(good) == "ready"
    harness.check()


def test_a_broken_file_keeps_the_whole_render_from_being_published(harness: Harness) -> None:
    """Either all files of a render are published, or none."""
    bad = harness.write()
    harness.leave(bad, {"a.png": GOOD[Kind.IMAGE], "b.png": BROKEN})
    assert harness.drain().failed == 1
    assert harness.see(bad).error_message == BROKEN.explain()
    assert harness.folders() == set()
    harness.check()


def test_a_render_without_media_fails(harness: Harness) -> None:
    """Exit code 0 does not make a render a success."""
    harness.write()
    harness.drain()  # the workflow has proved itself
    bad = harness.write()
    harness.leave(bad, {"notes.txt": None})
    assert harness.drain().failed == 1
    assert (harness.see(bad).error_message or "").startswith("no_files: ")
    harness.check()


def test_every_file_of_a_render_gets_a_row(harness: Harness) -> None:
    """Several pictures of one prompt are published together."""
    prompt_id = harness.write()
    harness.leave(prompt_id, {"b.png": GOOD[Kind.IMAGE], "a.png": GOOD[Kind.IMAGE], "log": None})
    harness.drain()
    names = [path.rpartition("/")[2] for path in harness.see(prompt_id).artifact_paths]
    assert names == ["a.png", "b.png"]
    harness.check()


def test_a_prompt_that_succeeds_after_an_error_carries_no_message(harness: Harness) -> None:
    """The message of an earlier failure is cleared when the prompt becomes ready."""
    prompt_id = harness.write()
    harness.script(prompt_id, CRASH)
    harness.drain()
    assert harness.status(prompt_id) == "error"
    harness.repository.requeue_errors()
    assert harness.drain().published == 1
    assert harness.see(prompt_id).error_message is None
    assert harness.queue.outcomes(prompt_id) == ["failed", "published"]
    harness.check()


def test_a_renewed_prompt_keeps_its_old_files(harness: Harness) -> None:
    """The new render gets a folder of its own next to the first one."""
    prompt_id = harness.write()
    harness.drain()
    harness.repository.requeue([prompt_id], again=True)
    harness.drain()
    paths = harness.see(prompt_id).artifact_paths
    assert len(set(paths)) == 2
    first, second = (data["seed"] for data in harness.queue.metadata(prompt_id))
    assert first != second
    harness.check()


# ---------------------------------------------------------------------- failures of the environment


@pytest.mark.parametrize("code", [code for code in FailureCode if code.halts])
def test_a_failure_that_affects_every_prompt_stops_the_drain_at_once(
    harness: Harness, code: FailureCode
) -> None:
    """No prompt is charged: the one that was tried is pending again, the others are untouched."""
    failure = Failure(code, "it is not there")
    first, second = harness.write(), harness.write()
    harness.script(first, failure)
    report = harness.drain()
    assert report.stopped_by == failure
    assert (report.released, renders(report)) == (1, 1)
    assert [harness.see(n).error_message for n in (first, second)] == [None, None]
    assert [harness.status(n) for n in (first, second)] == ["pending", "pending"]
    assert harness.queue.outcomes(first) == ["released"]
    assert harness.recorder.ended("released")[0].failure == failure
    harness.check()


def test_a_prompt_with_a_transient_failure_is_retried_after_the_others(harness: Harness) -> None:
    """A released prompt waits until all others have been rendered, then succeeds."""
    first, second, third = (harness.write() for _ in range(3))
    harness.script(first, MEMORY)
    report = harness.drain()
    assert started(harness) == [first, second, third, first]
    assert (report.published, report.released, report.stopped_by) == (3, 1, None)
    harness.check()


def test_a_prompt_that_fails_again_after_others_succeeded_is_charged(harness: Harness) -> None:
    """The environment worked for others, so the prompt is to blame; the queue continues."""
    greedy, other = harness.write(), harness.write()
    harness.script(greedy, MEMORY, MEMORY, MEMORY, MEMORY)
    report = harness.drain()
    assert started(harness) == [greedy, other, greedy, greedy, greedy]
    assert (report.published, report.postponed, report.failed) == (1, 2, 1)
    assert report.stopped_by is None
    counted = replace(MEMORY, message=f"{MEMORY.message} (tried 3 times)")
    assert harness.see(greedy).error_message == counted.explain()
    assert harness.queue.outcomes(greedy) == ["released", "failed", "failed", "failed"]


def test_three_in_a_row_stop_the_drain(harness: Harness) -> None:
    """If every prompt fails because of the environment, none is charged."""
    prompt_ids = [harness.write() for _ in range(5)]
    for prompt_id in prompt_ids:
        harness.script(prompt_id, *[MEMORY] * 9)
    report = harness.drain()
    assert report.stopped_by == MEMORY
    assert started(harness) == prompt_ids[:3]
    assert {harness.status(prompt_id) for prompt_id in prompt_ids} == {"pending"}


def test_a_lone_prompt_is_tried_three_times_and_not_charged(harness: Harness) -> None:
    """Without another prompt to prove the environment, it stays pending and the drain stops."""
    prompt_id = harness.write()
    harness.script(prompt_id, *[MEMORY] * 9)
    report = harness.drain()
    assert (report.stopped_by, report.released) == (MEMORY, 3)
    assert harness.status(prompt_id) == "pending"


# ---------------------------------------------------------- equal error messages of several prompts

WORDS = Failure(FailureCode.WORKFLOW_FAILED, "exit code 1", "boom", "TypeError: no 4-D tensor")


def failing(harness: Harness, failure: Failure, *, prompts: int) -> list[int]:
    """A queue of pictures that all fail with the same message."""
    prompt_ids = [harness.write() for _ in range(prompts)]
    for prompt_id in prompt_ids:
        harness.script(prompt_id, *[failure] * 20)
    return prompt_ids


def test_equal_error_messages_of_three_prompts_stop_the_drain(harness: Harness) -> None:
    """Two prompts fail before it is clear; the others wait, and the pause says what to do."""
    prompt_ids = failing(harness, WORDS, prompts=8)
    report = harness.drain()
    assert (report.failed, report.released) == (2, 1)
    assert [harness.status(n) for n in prompt_ids] == ["error"] * 2 + ["pending"] * 6
    assert report.stopped_by is not None
    assert report.stopped_by.code is FailureCode.WORKFLOW_FAILED
    assert "3 prompts" in report.stopped_by.message
    pause = harness.controls.paused()
    assert pause is not None
    assert (pause.by, pause.code) == (PausedBy.ENVIRONMENT, "workflow_failed")
    assert pause.suspects == (prompt_ids[2],)
    assert WORDS.words in pause.reason
    assert WORDS.hint in pause.reason
    harness.check()


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_many_short_runs_fail_no_more_prompts_than_one_long_run(
    harness: Harness, limit: int
) -> None:
    """As cron starts them: each run reads the earlier failures from the history."""
    prompt_ids = failing(harness, WORDS, prompts=8)
    for _ in range(8):
        harness.drain(limit=limit)
    assert [harness.status(n) for n in prompt_ids] == ["error"] * 2 + ["pending"] * 6
    harness.check()


def test_a_restart_remembers_failures_of_the_environment(
    harness: Harness,
) -> None:
    """The prompt that met them is tried after the others, and three of them stop the queue."""
    prompt_ids = failing(harness, MEMORY, prompts=4)
    reports = [harness.drain(limit=1) for _ in range(3)]
    assert started(harness) == prompt_ids[:3]
    assert [report.stopped_by for report in reports] == [None, None, MEMORY]


def test_one_prompt_that_is_retried_many_times_does_not_stop_the_queue(harness: Harness) -> None:
    """A user may keep retrying a bad prompt; the others are rendered."""
    bad = harness.write()
    harness.script(bad, *[WORDS] * 6)
    for _ in range(6):
        assert harness.drain().stopped_by is None
        assert harness.status(bad) == "error"
        harness.repository.requeue([bad], again=False)
    assert harness.controls.paused() is None


def test_prompts_that_failed_alike_are_rendered_once_the_cause_is_fixed(harness: Harness) -> None:
    """Pending ones by the next drain, failed ones after a user's retry."""
    prompt_ids = [harness.write() for _ in range(5)]
    for prompt_id in prompt_ids[:3]:
        harness.script(prompt_id, WORDS)
    assert harness.drain().stopped_by is not None
    assert harness.repository.requeue_errors().moved == tuple(prompt_ids[:2])
    report = harness.drain()
    assert (report.published, report.stopped_by) == (5, None)
    assert harness.controls.paused() is None
    harness.check()


def test_three_bad_prompts_fail_without_blocking_a_good_one(harness: Harness) -> None:
    """A success proves the environment, so the released prompt is charged as well."""
    bad = failing(harness, WORDS, prompts=3)
    good = harness.write()
    assert harness.drain().stopped_by is not None
    report = harness.drain()
    assert (report.published, report.failed, report.stopped_by) == (1, 1, None)
    assert [harness.status(n) for n in (*bad, good)] == ["error"] * 3 + ["ready"]


def test_kinds_stop_and_succeed_independently(harness: Harness) -> None:
    """Songs are rendered while pictures wait, and their success proves nothing about pictures."""
    pictures = failing(harness, WORDS, prompts=4)
    songs = [harness.write(kind=Kind.AUDIO) for _ in range(2)]
    report = harness.drain()
    assert report.stopped_by is not None
    assert [harness.status(n) for n in songs] == ["ready"] * 2
    assert [harness.status(n) for n in pictures] == ["error"] * 2 + ["pending"] * 2
    pause = harness.controls.paused()
    assert pause is not None
    assert "Only image prompts wait." in pause.reason
    more = harness.write(kind=Kind.AUDIO)
    harness.drain()
    assert harness.status(more) == "ready"
    assert [harness.status(n) for n in pictures] == ["error"] * 2 + ["pending"] * 2
    assert harness.controls.paused() is not None


def test_a_missing_model_of_a_script_stops_only_its_kind(harness: Harness) -> None:
    """No preflight check can detect it, so the kind stays stopped until a probe succeeds."""
    missing = Failure(FailureCode.MODEL_MISSING, "it is not there")
    pictures = failing(harness, missing, prompts=3)
    song = harness.write(kind=Kind.AUDIO)
    assert harness.drain().stopped_by == missing
    assert harness.status(song) == "ready"
    assert harness.drain().stopped_by == missing
    assert started(harness) == [pictures[0], song, pictures[1]]
    assert {harness.status(n) for n in pictures} == {"pending"}
    harness.check()


def test_first_renders_without_media_are_charged_to_the_environment(harness: Harness) -> None:
    """A script that writes to another folder costs no prompt, not even the only one."""
    prompt_ids = [harness.write() for _ in range(5)]
    for prompt_id in prompt_ids:
        harness.leave(prompt_id, {"notes.txt": None})
    report = harness.drain()
    assert (report.failed, report.released) == (0, 3)
    assert report.stopped_by is not None
    assert report.stopped_by.code is FailureCode.NO_FILES
    assert {harness.status(n) for n in prompt_ids} == {"pending"}


def test_a_kind_that_cannot_be_rendered_does_not_stop_the_other(harness: Harness) -> None:
    """Pictures are rendered while songs stay untouched, and the reason is reported."""
    song, picture = harness.write(kind=Kind.AUDIO), harness.write()
    harness.renderer.refusals[Kind.AUDIO] = NO_SCRIPT
    report = harness.drain()
    assert (report.published, report.stopped_by) == (1, NO_SCRIPT)
    assert (harness.status(song), harness.status(picture)) == ("pending", "ready")
    assert harness.queue.outcomes(song) == []


def test_a_kind_that_cannot_be_rendered_does_not_matter_without_prompts(
    harness: Harness,
) -> None:
    """A user who only renders pictures need not set up songs."""
    harness.write()
    harness.renderer.refusals[Kind.AUDIO] = NO_SCRIPT
    report = harness.drain()
    assert (report.published, report.stopped_by) == (1, None)


def test_a_kind_that_is_not_selected_is_not_checked(harness: Harness) -> None:
    """Pending songs do not matter to a drain of pictures."""
    song = harness.write(kind=Kind.AUDIO)
    harness.write()
    harness.renderer.refusals[Kind.AUDIO] = NO_SCRIPT
    assert harness.drain(IMAGES).stopped_by is None
    assert harness.status(song) == "pending"


def test_nothing_is_claimed_while_the_store_fails_its_preflight(harness: Harness) -> None:
    """A missing output root is detected before any prompt is claimed."""
    prompt_id = harness.write()
    harness.store.preflight_failure = FULL
    report = harness.drain()
    assert (report.stopped_by, renders(report)) == (FULL, 0)
    assert harness.queue.outcomes(prompt_id) == []
    assert harness.status(prompt_id) == "pending"


def test_a_disk_that_fills_up_during_a_render_costs_no_prompt(harness: Harness) -> None:
    """The prompt stays pending, and the next drain renders it once there is free space."""
    first, second = harness.write(), harness.write()
    harness.during(second, lambda: setattr(harness.store, "preflight_failure", FULL))
    report = harness.drain()
    assert (report.published, report.released, report.stopped_by) == (1, 1, FULL)
    assert (harness.status(first), harness.status(second)) == ("ready", "pending")
    harness.store.preflight_failure = None
    assert harness.drain().published == 1
    harness.check()


# ------------------------------------------------------------------------- a user's request to stop


def test_a_stop_before_the_drain_claims_nothing(harness: Harness) -> None:
    """A stop request keeps renders from starting."""
    prompt_id, stop = harness.write(), StopRequest()
    stop.make()
    report = harness.drain(stop=stop)
    assert (report.interrupted, renders(report), report.stopped_by) == (True, 0, None)
    assert harness.queue.outcomes(prompt_id) == []


def test_a_stop_as_the_workflow_ends_gives_the_prompt_back(harness: Harness) -> None:
    """The running render is released, its staging folder is removed, and no other starts."""
    first, second = harness.write(), harness.write()
    stop = StopRequest()
    harness.during(first, stop.make)
    report = harness.drain(stop=stop)
    assert (report.interrupted, report.released, report.published) == (True, 1, 0)
    assert report.stopped_by is None
    assert [harness.status(n) for n in (first, second)] == ["pending", "pending"]
    assert harness.queue.outcomes(first) == ["released"]
    failure = harness.recorder.ended("released")[0].failure
    assert failure is not None
    assert failure.code is FailureCode.INTERRUPTED
    harness.check()


class _StopsAtHalf(EventRecorder):
    def __init__(self, stop: StopRequest) -> None:
        super().__init__()
        self._stop = stop

    def handle(self, event: Event) -> None:
        super().handle(event)
        if isinstance(event, RenderProgressed) and event.fraction == 0.5:
            self._stop.make()


def test_a_stop_in_mid_render_reaches_the_workflow() -> None:
    """The workflow checks for a stop after each step, and ends early."""
    stop = StopRequest()
    events = _StopsAtHalf(stop)
    harness = in_memory(progress=(0.25, 0.5, 0.75), events=events)
    prompt_id = harness.write()
    report = harness.drain(stop=stop)
    assert (report.interrupted, report.released) == (True, 1)
    assert [event.fraction for event in events.of(RenderProgressed)] == [0.25, 0.5]
    assert (harness.jobs, harness.status(prompt_id)) == ([], "pending")
    harness.check()


def _raiser(error: BaseException) -> Callable[[], None]:
    def action() -> None:
        raise error

    return action


def test_an_unexpected_exception_ends_only_its_prompt(harness: Harness) -> None:
    """The queue continues; type and location are logged, but not the message."""
    first, second = harness.write(), harness.write()
    harness.during(first, _raiser(ZeroDivisionError("a lake at dawn")))
    report = harness.drain()
    assert (report.failed, report.published) == (1, 1)
    assert harness.status(second) == "ready"
    message = harness.see(first).error_message or ""
    assert message.startswith("program_error: ZeroDivisionError at test_drain.py:")
    assert "lake" not in message
    harness.check()


@pytest.mark.parametrize("error", [OSError("no process"), KeyboardInterrupt()], ids=repr)
def test_the_end_of_the_program_releases_the_prompt(harness: Harness, error: BaseException) -> None:
    """The exception is not swallowed, and the prompt is not charged."""
    prompt_id = harness.write()
    harness.during(prompt_id, _raiser(error))
    with pytest.raises(type(error)) as caught:
        harness.drain()
    assert caught.value is error
    assert (harness.status(prompt_id), harness.queue.outcomes(prompt_id)) == (
        "pending",
        ["released"],
    )
    harness.check()
    assert harness.drain().published == 1


class _CannotSweepOnce(InMemoryArtifactStore):
    fails = True

    def sweep(self, trace: RenderKey, *, keep_placed: bool) -> None:
        if self.fails:
            self.fails = False
            message = f"what {trace} left cannot be removed"
            raise OSError(message)
        super().sweep(trace, keep_placed=keep_placed)


def test_a_prompt_that_was_claimed_along_with_a_publication_is_not_forgotten() -> None:
    """If the program fails between claim and render, the prompt is released without a charge."""
    harness = in_memory(store=_CannotSweepOnce())
    first, second = harness.write(), harness.write()
    with pytest.raises(OSError, match="cannot be removed"):
        harness.drain()
    assert (harness.status(first), harness.status(second)) == ("ready", "pending")
    assert harness.renderer.calls_by_prompt[second] == 0
    assert harness.drain().published == 1
    assert harness.status(second) == "ready"
    harness.check()


# ------------------------------------------------------------------------ changes by other programs


@pytest.mark.parametrize(
    "hand",
    [
        {"artifact_status": "pending"},
        {"artifact_status": "unsupported"},
        {"artifact_status": "error", "error_message": "theirs"},
        {"status": "pending"},
        {"output_reference": None},
    ],
    ids=str,
)
@pytest.mark.parametrize("outcome", ["success", "failure"])
def test_changes_by_other_programs_during_a_render_are_kept(
    harness: Harness, hand: dict[str, object], outcome: str
) -> None:
    """The published folder is withdrawn, no row is written, and the render is superseded."""
    prompt_id = harness.write()
    harness.during(prompt_id, lambda: harness.queue.change(prompt_id, **hand))
    if outcome == "failure":
        harness.leave(prompt_id, {"a.png": BROKEN})
    report = harness.drain(limit=1)
    assert (report.superseded, report.published, report.failed) == (1, 0, 0)
    seen = harness.see(prompt_id)
    assert seen.artifact_status == hand.get("artifact_status", "processing")
    assert seen.error_message == hand.get("error_message")
    assert harness.folders() == set()
    assert len(harness.recorder.ended("superseded")) == 1
    harness.check()


def test_a_prompt_that_is_deleted_during_its_render_leaves_nothing(harness: Harness) -> None:
    """No row without its prompt, no folder without its rows; the next prompt is rendered."""
    gone, other = harness.write(), harness.write()
    harness.during(gone, lambda: harness.queue.delete(gone))
    report = harness.drain()
    assert (report.superseded, report.published) == (1, 1)
    assert harness.queue.outcomes(gone) == ["superseded"]
    assert len(harness.folders()) == 1
    assert harness.status(other) == "ready"
    harness.check()


def test_a_prompt_that_is_reset_during_its_render_is_rendered_again(harness: Harness) -> None:
    """It is rendered again, and published once."""
    prompt_id = harness.write()
    harness.during(prompt_id, lambda: harness.queue.change(prompt_id, artifact_status="pending"))
    report = harness.drain()
    assert (report.superseded, report.published) == (1, 1)
    assert harness.queue.outcomes(prompt_id) == ["superseded", "published"]
    assert len(harness.see(prompt_id).artifact_paths) == 1
    harness.check()


def test_a_prompt_that_arrives_during_the_drain_is_rendered(harness: Harness) -> None:
    """A drain ends when nothing is pending, not after the prompts that it started with."""
    first = harness.write()
    harness.during(first, harness.write)
    assert harness.drain().published == 2


# ---------------------------------------------------------------------------------------- selection


@pytest.mark.parametrize("limit", [0, 1, 2, 9])
def test_a_limit_bounds_the_claims(harness: Harness, limit: int) -> None:
    """At most so many prompts are claimed, failed ones included."""
    prompt_ids = [harness.write() for _ in range(3)]
    harness.script(prompt_ids[0], CRASH)
    report = harness.drain(limit=limit)
    assert renders(report) == len(started(harness)) == min(limit, 3)
    assert started(harness) == prompt_ids[:limit]


def test_a_drain_keeps_to_its_selection(harness: Harness) -> None:
    """``only`` and ``excluding`` apply to released prompts too."""
    one, two, three, four = (harness.write() for _ in range(4))
    harness.script(two, MEMORY)
    chosen = Selection(only=frozenset({one, two, three, 99}), excluding=frozenset({one}))
    report = harness.drain(chosen)
    assert started(harness) == [two, three, two]
    assert report.published == 2
    assert [harness.status(n) for n in (one, four)] == ["pending", "pending"]


def test_all_variants_of_a_prompt_are_published_together(tmp_path: Path) -> None:
    """Each linked writing is rendered in its order, into its own folder."""
    with on_sqlite(tmp_path / "musings.db", all_variants=True) as harness:
        prompt_id = harness.write({"prompt": "the last"})
        poet = harness.queue.poet  # type: ignore[attr-defined]
        poet.execute(
            "INSERT INTO writings (id, title, content_type, content) VALUES"
            " (900, 't', 'image_prompt', '{\"prompt\": \"the first\"}'), (901, 't', 'poem', 'no')"
        )
        [(last,)] = poet.execute("SELECT output_reference FROM prompts")
        poet.execute(
            "INSERT INTO prompt_writings VALUES (?, ?, 2), (?, 900, 1), (?, 901, 3)",
            (prompt_id, int(last), prompt_id, prompt_id),
        )
        assert harness.drain().published == 1
        found = harness.queue.metadata(prompt_id)
        assert [(data["prompt"], data["writing_id"]) for data in found] == [
            ("the first", 900),
            ("the last", int(last)),
        ]
        first, second = (path.split("/")[1] for path in harness.see(prompt_id).artifact_paths)
        assert second == f"{first}_v2"
        harness.check()


# ---------------------------------------------------------------------------------------- any queue


@dataclass(frozen=True)
class Plan:
    """A prompt and its scripted outcomes.

    Attributes:
        hand: what another program does to it during the render, once.
    """

    kind: Kind
    brief_is_good: bool
    outcomes: tuple[Failure | None, ...]
    hand: str | None


FAILURES = st.sampled_from([CRASH, BROKEN, MEMORY, MEMORY, NO_SCRIPT, FULL])
PLANS = st.builds(
    Plan,
    kind=st.sampled_from(Kind),
    brief_is_good=st.sampled_from([True, True, True, False]),
    outcomes=st.lists(st.none() | FAILURES, max_size=4).map(tuple),
    hand=st.sampled_from([None, None, None, "pending", "unsupported", "delete"]),
)


def _lay_down(harness: Harness, plan: Plan) -> int:
    prompt_id = harness.write("" if plan.brief_is_good else "no brief", plan.kind)
    harness.script(prompt_id, *plan.outcomes)
    if plan.hand == "delete":
        harness.during(prompt_id, lambda: harness.queue.delete(prompt_id))
    elif plan.hand:
        change = {"artifact_status": plan.hand}
        harness.during(prompt_id, lambda: harness.queue.change(prompt_id, **change))
    return prompt_id


def _statuses(harness: Harness) -> dict[int, str]:
    rows = harness.queue.database.prompts  # type: ignore[attr-defined]
    return {row.id: row.artifact_status for row in rows.values()}


def _check_charges(events: EventRecorder) -> None:
    """Check that an environment failure is charged only after another prompt succeeded since."""
    for place, event in enumerate(events.events):
        if not is_end(event, "error") or event.failure is None:
            continue
        if event.failure.blame is Blame.ENVIRONMENT:
            assert not event.failure.code.halts
            before = events.events[:place]
            back = next(
                at
                for at, each in enumerate(before)
                if is_end(each, "released") and each.prompt_id == event.prompt_id
            )
            assert any(is_end(each, "ready") for each in before[back:])


@settings(max_examples=200)
@given(
    plans=st.lists(PLANS, max_size=12),
    limit=st.none() | st.integers(1, 5),
    lanes=st.integers(1, 2),
)
def test_any_queue_is_finished(plans: list[Plan], limit: int | None, lanes: int) -> None:
    """Drained again after each stop, every prompt ends ready with rows or failed with a reason."""
    harness = in_memory(lanes=lanes)
    laid = {_lay_down(harness, plan): plan for plan in plans}
    for _ in range(200):
        report = harness.drain(limit=limit)
        assert limit is None or renders(report) <= limit
        assert "processing" not in _statuses(harness).values()
        harness.check()
        if report.stopped_by is None and renders(report) == 0:
            break
    else:
        pytest.fail("the queue never settles")
    events = harness.recorder
    published = Counter(event.prompt_id for event in events.ended("ready"))
    for prompt_id, status in _statuses(harness).items():
        seen, plan = harness.see(prompt_id), laid[prompt_id]
        assert status in {"ready", "error", "unsupported"}
        assert bool(seen.artifact_paths) == (status == "ready")
        assert bool(seen.error_message) == (status == "error")
        assert published[prompt_id] == (1 if status == "ready" else 0)
        if not plan.brief_is_good:
            assert status == "error"
            assert prompt_id not in harness.renderer.calls_by_prompt
    _check_charges(events)
    ends = len(events.ended("ready")) + len(events.ended("error"))
    ends += len(events.ended("released")) + len(events.ended("superseded"))
    ends += len(events.ended("postponed"))
    assert ends == len(events.of(RenderStarted))


# ------------------------------------------------------------------------------------------ retries

KILLED = Failure(FailureCode.WORKFLOW_KILLED, "ended by signal 9")


def test_a_transient_failure_is_retried_when_it_is_due(harness: Harness) -> None:
    """The drain waits for it, longer each time, and renders the other prompts in the meantime."""
    shaky, other = harness.write(), harness.write()
    harness.script(shaky, KILLED, KILLED)
    report = harness.drain()
    assert started(harness) == [shaky, other, shaky, shaky]
    assert (report.published, report.postponed, report.failed) == (2, 2, 0)
    assert harness.queue.outcomes(shaky) == ["failed", "failed", "published"]
    assert harness.clock.monotonic() == pytest.approx(10.0 + 20.0, abs=1.0)
    assert [event.attempt for event in harness.recorder.ended("postponed")] == [1, 2]
    harness.check()


def test_the_number_of_attempts_is_limited(harness: Harness) -> None:
    """The third failure is final; its message gives the number of attempts."""
    doomed = harness.write()
    harness.script(doomed, *[KILLED] * 9)
    report = harness.drain()
    assert (report.postponed, report.failed, harness.renderer.calls) == (2, 1, 3)
    assert "(tried 3 times)" in (harness.see(doomed).error_message or "")
    harness.check()


def test_a_stop_ends_the_wait_for_a_retry(harness: Harness) -> None:
    """A program that was asked to stop does not wait an hour first."""
    shaky, stop = harness.write(), StopRequest()
    harness.script(shaky, KILLED)
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        stop.make()

    harness.clock.sleep = sleep  # type: ignore[method-assign]
    report = harness.drain(stop=stop)
    assert (report.interrupted, len(slept)) == (True, 1)
    assert max(slept) <= 0.25
    assert harness.status(shaky) == "pending"


# ------------------------------------------------------------------------------------------- pauses


def test_nothing_is_claimed_while_the_queue_is_paused(harness: Harness) -> None:
    """Claims start again when a user resumes the queue."""
    prompt_id = harness.write()
    harness.controls.pause(PausedBy.PERSON, "the GPU is needed", "", ())
    report = harness.drain()
    assert report.paused is not None
    assert (report.paused.reason, renders(report)) == ("the GPU is needed", 0)
    assert harness.queue.outcomes(prompt_id) == []
    harness.controls.resume()
    assert harness.drain().published == 1


def test_a_pause_during_a_render_lets_it_finish(harness: Harness) -> None:
    """The running render is published; the next one does not start."""
    first, second = harness.write(), harness.write()
    harness.during(first, lambda: harness.controls.pause(PausedBy.PERSON, "enough", "", ()))
    report = harness.drain()
    assert (report.published, renders(report)) == (1, 1)
    assert report.paused is not None
    assert harness.status(second) == "pending"


def test_a_pause_by_the_environment_ends_when_a_probe_succeeds(harness: Harness) -> None:
    """The next run tries another prompt first, and its success ends the pause."""
    prompt_ids = [harness.write() for _ in range(4)]
    for prompt_id in prompt_ids[:3]:
        harness.script(prompt_id, MEMORY)
    assert harness.drain().stopped_by == MEMORY
    pause = harness.controls.paused()
    assert pause is not None
    assert (pause.by, pause.code) == (PausedBy.ENVIRONMENT, "out_of_memory")
    assert set(pause.suspects) == set(prompt_ids[:3])
    harness.recorder.events.clear()
    assert harness.drain().published == 4
    assert started(harness)[0] == prompt_ids[3]
    assert harness.controls.paused() is None


def test_a_probe_that_fails_stops_at_once(harness: Harness) -> None:
    """One prompt is tried instead of three, and none is charged."""
    prompt_ids = [harness.write() for _ in range(4)]
    for prompt_id in prompt_ids:
        harness.script(prompt_id, *[MEMORY] * 9)
    harness.drain()
    harness.recorder.events.clear()
    report = harness.drain()
    assert (report.stopped_by, started(harness)) == (MEMORY, prompt_ids[3:])
    assert {harness.status(prompt_id) for prompt_id in prompt_ids} == {"pending"}
    assert harness.controls.paused() is not None


def test_the_owner_stops_rendering_a_cancelled_prompt(harness: Harness) -> None:
    """The render notices, nothing is published, and the next prompt is rendered."""
    first, second = harness.write(), harness.write()
    harness.ticks = True
    harness.during(first, lambda: harness.repository.cancel(first, requeue=False))
    report = harness.drain()
    assert (report.superseded, report.published) == (1, 1)
    assert harness.queue.outcomes(first) == ["cancelled"]
    assert [event.reason for event in harness.recorder.ended("superseded")] == [
        "a person cancelled it"
    ]
    assert (harness.status(first), harness.status(second)) == ("error", "ready")
    harness.check()
