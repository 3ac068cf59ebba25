"""Taking over from the dead, and from nobody else."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from application.drain import RECOVERY_INTERVAL
from application.ports.artifact_store import RenderKey, StorageError
from application.ports.events import WorkerError
from application.ports.prompt_repository import Selection
from application.prompt_render import UNEXPECTED
from domain.failure import Failure, FailureCode
from domain.prompt import Kind
from domain.render import WorkflowProcess
from domain.retry import RetryPolicy
from tests.harness import ANY, LEASE_SECONDS, LONGEST_GAP, Harness, holding, in_memory
from tests.owners import ME, OTHER

if TYPE_CHECKING:
    from domain.lease import ProcessIdentity
    from domain.render import Claim


def lives_on(harness: Harness, owner: ProcessIdentity) -> Claim:
    """A prompt that another worker claimed in the in-memory queue."""
    harness.write()
    claim = harness.repository.claim_next(ANY)
    assert claim is not None
    renders = harness.queue.database.renders  # type: ignore[attr-defined]
    renders[claim.render_id] = replace(renders[claim.render_id], owner=owner)
    return claim


def watch(harness: Harness, seconds: float) -> int:
    """Look again and again for so long; gives the number of prompts that were taken over."""
    taken = harness.recovery.run()
    for _ in range(int(seconds / LONGEST_GAP)):
        harness.clock.advance(LONGEST_GAP)
        taken += harness.recovery.run()
    return taken


def test_the_dead_are_found_at_once() -> None:
    """Their prompt is pending again, and somebody is told."""
    harness = in_memory()
    dead = harness.processes.start()
    claim = lives_on(harness, dead)
    harness.processes.end(dead.pid)
    assert harness.recovery.run() == 1
    assert harness.status(claim.prompt_id) == "pending"
    assert harness.queue.outcomes(claim.prompt_id) == ["abandoned"]
    [event] = harness.recorder.ended("recovered")
    assert (event.prompt_id, event.render_id, event.failure) == (1, claim.render_id, None)
    assert harness.recovery.run() == 0


def test_the_living_are_left_alone() -> None:
    """For less than a lease without a heartbeat, whatever the wall clock says."""
    harness = in_memory()
    claim = lives_on(harness, harness.processes.start())
    harness.clock.jump(10 * 86_400)
    assert watch(harness, LEASE_SECONDS - LONGEST_GAP) == 0
    assert harness.queue.outcomes(claim.prompt_id) == [None]


ELSEWHERE = {
    "another machine": replace(ME, host="elsewhere", boot="boot-7"),
    "another namespace": replace(ME, namespace="pid:[7]"),
    "another container": replace(ME, host="f00", namespace="pid:[7]"),
    "a machine that tells no boot": replace(ME, boot=""),
}


@pytest.mark.parametrize("workflow", [None, WorkflowProcess(4321, "99")], ids=["idle", "at work"])
@pytest.mark.parametrize("owner", ELSEWHERE.values(), ids=ELSEWHERE)
def test_a_worker_elsewhere_is_taken_over_after_a_whole_silent_lease(
    owner: ProcessIdentity, workflow: WorkflowProcess | None
) -> None:
    """It cannot be seen from here, nor can its workflow; neither can publish when it wakes."""
    harness = in_memory()
    claim = lives_on(harness, owner)
    if workflow is not None:
        assert harness.leases.record_workflow(claim, workflow)
    assert watch(harness, LEASE_SECONDS - LONGEST_GAP) == 0
    assert watch(harness, LONGEST_GAP) == 1
    assert harness.queue.outcomes(claim.prompt_id) == ["abandoned"]
    assert not harness.leases.heartbeat(claim)


def test_the_dead_of_a_host_that_was_renamed_are_found_at_once() -> None:
    """And their workflow is ended: it is the same machine until it is restarted."""
    harness = in_memory()
    dead = replace(harness.processes.start(), host="old-name")
    claim = lives_on(harness, dead)
    workflow = harness.processes.start_workflow()
    harness.leases.record_workflow(claim, workflow)
    assert harness.recovery.run() == 0
    harness.processes.end(dead.pid)
    assert harness.recovery.run() == 1
    assert harness.processes.killed == [workflow]


def test_a_process_that_serves_another_render_by_now_is_left_alone(harness: Harness) -> None:
    """It was recorded with a claim that never used it, and whose end failed."""
    workflow = harness.processes.start_workflow()
    for _ in range(2):
        harness.write()
    unused, current = (harness.repository.claim_next(ANY, {Kind.IMAGE: workflow}) for _ in range(2))
    assert unused is not None
    assert current is not None
    with holding(harness.keeper, current):
        assert harness.recovery.run() == 1
    assert harness.status(unused.prompt_id) == "pending"
    assert harness.processes.killed == []


@pytest.mark.parametrize("owner", ELSEWHERE.values(), ids=ELSEWHERE)
def test_a_worker_elsewhere_that_beats_is_left_alone(owner: ProcessIdentity) -> None:
    """For as long as it likes."""
    harness = in_memory()
    claim = lives_on(harness, owner)
    harness.leases.record_workflow(claim, WorkflowProcess(4321, "99"))
    for _ in range(20):
        assert watch(harness, LEASE_SECONDS - LONGEST_GAP) == 0
        harness.leases.heartbeat(claim)


def test_what_this_process_holds_is_its_own_affair(harness: Harness) -> None:
    """A claim whose ending failed is taken up again; one that is worked on is not."""
    harness.write()
    claim = harness.repository.claim_next(ANY)
    assert claim is not None
    with holding(harness.keeper, claim):
        assert watch(harness, 2 * LEASE_SECONDS) == 0
    assert harness.recovery.run() == 1
    assert harness.status(1) == "pending"


def test_what_this_process_lost_is_its_own_whatever_its_host_is_called_now() -> None:
    """A daemon that was told of other settings asks for its host's name again."""
    harness = in_memory()
    claim = lives_on(harness, replace(ME, host="old-name"))
    assert harness.recovery.run() == 1
    assert harness.queue.outcomes(claim.prompt_id) == ["abandoned"]


def test_a_drain_waits_until_a_silent_worker_can_be_taken_over() -> None:
    """A run by hand or by the clock ends too soon otherwise, every time."""
    harness = in_memory()
    claim = lives_on(harness, OTHER)
    harness.clock.advance(LEASE_SECONDS)
    told: list[int] = []
    report = harness.drain(on_wait=lambda renders: told.extend(r.prompt_id for r in renders))
    assert report.published == 1
    assert told == [claim.prompt_id]
    assert sum(harness.clock.slept) == pytest.approx(LEASE_SECONDS, abs=RECOVERY_INTERVAL)
    assert harness.queue.outcomes(claim.prompt_id) == ["abandoned", "published"]
    harness.check()


def test_a_drain_does_not_wait_for_a_worker_that_gave_a_heartbeat_lately() -> None:
    """It lives, as far as anybody can tell."""
    harness = in_memory()
    lives_on(harness, OTHER)
    harness.clock.advance(LEASE_SECONDS - 1)
    assert harness.drain().renders == 0
    assert harness.clock.slept == []


@pytest.mark.parametrize(
    "selection",
    [Selection(kinds=frozenset({Kind.AUDIO})), Selection(only=frozenset({1}))],
    ids=["another kind", "another prompt"],
)
def test_a_drain_does_not_wait_for_what_it_would_not_render(selection: Selection) -> None:
    """Another kind, or a prompt that was named and skipped because it is not pending."""
    harness = in_memory()
    lives_on(harness, OTHER)
    harness.clock.advance(LEASE_SECONDS)
    assert harness.drain(selection).renders == 0
    assert harness.clock.slept == []


def test_a_drain_waits_no_longer_once_a_silent_worker_gives_a_heartbeat(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its clock was behind, or its database away for a while."""
    harness = in_memory()
    claim = lives_on(harness, OTHER)
    harness.clock.advance(LEASE_SECONDS)
    sleep = harness.clock.sleep

    def beat_meanwhile(seconds: float) -> None:
        sleep(seconds)
        renders = harness.queue.database.renders  # type: ignore[attr-defined]
        render = renders[claim.render_id]
        # Counted, as earlier versions did: nobody can tell when it was.
        renders[claim.render_id] = replace(render, heartbeat=render.heartbeat + 1)

    monkeypatch.setattr(harness.clock, "sleep", beat_meanwhile)
    assert harness.drain().renders == 0
    assert sum(harness.clock.slept) <= RECOVERY_INTERVAL + 1
    assert harness.queue.outcomes(claim.prompt_id) == [None]


def test_the_workflow_of_the_dead_is_ended_first() -> None:
    """Otherwise two would write for one prompt."""
    harness = in_memory()
    dead = harness.processes.start()
    claim = lives_on(harness, dead)
    workflow = harness.processes.start_workflow()
    harness.leases.record_workflow(claim, workflow)
    harness.processes.end(dead.pid)
    harness.processes.unkillable.add(workflow.group)
    assert watch(harness, 2 * LEASE_SECONDS) == 0
    assert harness.queue.outcomes(claim.prompt_id) == [None]
    [event] = harness.recorder.of(WorkerError)
    assert f"prompt {claim.prompt_id} " in event.reason
    assert f"kill -9 -- -{workflow.group}'" in event.reason
    harness.processes.unkillable.clear()
    assert harness.recovery.run() == 1
    assert harness.processes.killed == [workflow]


def _finished(harness: Harness) -> Claim:
    """A prompt whose worker died between the last rename and the commit."""
    dead = harness.processes.start()
    claim = lives_on(harness, dead)
    with holding(harness.keeper, claim) as held:
        harness.render(held).unwrap()
    harness.processes.end(dead.pid)
    return claim


def test_what_was_finished_is_published_and_not_rendered_again() -> None:
    """Under a new render; the very rows that were written down."""
    harness = in_memory()
    claim = _finished(harness)
    rows = harness.store.finished(RenderKey(claim.prompt_id, claim.render_id))
    assert rows is not None
    assert harness.recovery.run() == 1
    assert harness.see(1).artifact_paths == tuple(row.file_path for row in rows)
    assert harness.queue.outcomes(1) == ["abandoned", "published"]
    assert harness.renderer.calls == 1
    [event] = harness.recorder.ended("ready")
    assert event.file_paths == harness.see(1).artifact_paths
    harness.check()


def test_what_was_finished_is_not_taken_up_for_ever() -> None:
    """Whoever publishes it may die as well: that counts, and ends when it was enough."""
    harness = in_memory(policy=RetryPolicy(max_crashes=1))
    _finished(harness)
    [live] = harness.leases.live()
    heir = harness.leases.adopt(live)
    assert heir is not None
    assert harness.repository.release(heir, UNEXPECTED, 1.0)
    again = harness.repository.claim_next(ANY)
    assert again is not None
    assert again.crashes == 1
    with holding(harness.keeper, again) as held:
        harness.render(held).unwrap()
    harness.recovery.run()
    assert harness.status(1) == "error"
    assert harness.folders() == set()
    harness.check()


@pytest.mark.parametrize("hand", [{"artifact_status": "unsupported"}, {"status": "pending"}])
def test_what_was_finished_for_nobody_is_removed(hand: dict[str, str]) -> None:
    """Somebody changed the prompt meanwhile: no rows, no files, and their word stands."""
    harness = in_memory()
    _finished(harness)
    harness.queue.change(1, **hand)
    before = harness.see(1)
    harness.recovery.run()
    assert harness.see(1) == before
    assert harness.folders() == set()
    harness.check()


def test_what_was_half_finished_is_rendered_again() -> None:
    """A folder that is gone or changed is not published."""
    harness = in_memory()
    _finished(harness)
    harness.store.published.clear()
    assert harness.recovery.run() == 1
    assert harness.status(1) == "pending"
    assert harness.drain().published == 1
    harness.check()


def test_files_with_rows_stay_when_the_rest_is_cleared_away() -> None:
    """A worker that died right after its commit left its plan and its staging folder."""
    harness = in_memory()
    claim = _finished(harness)
    rows = harness.store.finished(RenderKey(claim.prompt_id, claim.render_id))
    assert rows is not None
    assert harness.repository.publish(claim, rows, 1.0)
    harness.recovery.run()
    assert len(harness.folders()) == 1
    harness.check()


def test_nothing_is_cleared_away_that_no_closed_render_of_ours_names() -> None:
    """A live render's folder, and one of a database that was brought back from a copy."""
    harness = in_memory()
    alive = lives_on(harness, harness.processes.start())
    live, unknown = RenderKey(alive.prompt_id, alive.render_id), RenderKey(99, 99)
    for trace in (live, unknown):
        harness.store.open_staging(alive.kind, trace, 1).unwrap()
    harness.recovery.run()
    assert harness.store.leftovers() == {live, unknown}


def test_a_prompt_that_takes_worker_after_worker_down_is_given_up() -> None:
    """After as many as the policy says, with the reason."""
    harness = in_memory(policy=RetryPolicy(max_crashes=3))
    prompt_id = harness.write()
    for _ in range(3):
        claim = harness.repository.claim_next(ANY)
        assert claim is not None
        assert harness.recovery.run() == 1
    assert harness.status(prompt_id) == "error"
    assert (harness.see(prompt_id).error_message or "").startswith("worker_lost: ")
    assert "3 times" in (harness.see(prompt_id).error_message or "")
    failure = harness.recorder.ended("recovered")[-1].failure
    assert failure is not None
    assert failure.code is FailureCode.WORKER_LOST
    assert harness.repository.claim_next(ANY) is None


def test_a_store_that_does_not_answer_decides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its files may be whole: the render stays until they can be looked at; that is said once."""
    harness = in_memory()
    dead = harness.processes.start()
    claim = lives_on(harness, dead)
    harness.processes.end(dead.pid)
    away = StorageError(Failure(FailureCode.STORAGE_UNREACHABLE, "no answer"))

    def fail(_key: RenderKey) -> None:
        raise away

    with monkeypatch.context() as patched:
        patched.setattr(harness.store, "finished", fail)
        assert [harness.recovery.run() for _ in range(2)] == [0, 0]
    assert harness.queue.outcomes(claim.prompt_id) == [None]
    [event] = [event for event in harness.recorder.events if isinstance(event, WorkerError)]
    assert "no answer" in event.reason
    assert harness.recovery.run() == 1
    assert harness.status(claim.prompt_id) == "pending"
