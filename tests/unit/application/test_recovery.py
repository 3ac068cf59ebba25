"""Recovery takes over from dead workers, and from no others."""

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
from tests.worker_identities import ME, OTHER

if TYPE_CHECKING:
    from domain.lease import ProcessIdentity
    from domain.render import Claim


def lives_on(harness: Harness, owner: ProcessIdentity) -> Claim:
    """Write a prompt that another live worker claims in the in-memory queue."""
    harness.write()
    claim = harness.repository.claim_next(ANY)
    assert claim is not None
    renders = harness.queue.database.renders  # type: ignore[attr-defined]
    renders[claim.render_id] = replace(renders[claim.render_id], owner=owner)
    return claim


def watch(harness: Harness, seconds: float) -> int:
    """Recover repeatedly for so many seconds; returns the number of prompts taken over."""
    taken = harness.recovery.run()
    for _ in range(int(seconds / LONGEST_GAP)):
        harness.clock.advance(LONGEST_GAP)
        taken += harness.recovery.run()
    return taken


def test_a_dead_worker_is_detected_at_once() -> None:
    """Its prompt is pending again, and an event reports it."""
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


def test_a_live_worker_keeps_its_lease() -> None:
    """Until a whole lease passes without a heartbeat, whatever the wall clock says."""
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
    """Neither it nor its workflow can be seen from here; neither can publish if it wakes up."""
    harness = in_memory()
    claim = lives_on(harness, owner)
    if workflow is not None:
        assert harness.leases.record_workflow(claim, workflow)
    assert watch(harness, LEASE_SECONDS - LONGEST_GAP) == 0
    assert watch(harness, LONGEST_GAP) == 1
    assert harness.queue.outcomes(claim.prompt_id) == ["abandoned"]
    assert not harness.leases.heartbeat(claim)


def test_a_dead_worker_is_detected_after_its_host_was_renamed() -> None:
    """Its workflow is killed: it is the same machine until the next boot."""
    harness = in_memory()
    dead = replace(harness.processes.start(), host="old-name")
    claim = lives_on(harness, dead)
    workflow = harness.processes.start_workflow()
    harness.leases.record_workflow(claim, workflow)
    assert harness.recovery.run() == 0
    harness.processes.end(dead.pid)
    assert harness.recovery.run() == 1
    assert harness.processes.killed == [workflow]


def test_a_process_that_serves_another_render_is_not_killed(harness: Harness) -> None:
    """It was recorded with a claim that never used it and could not be closed."""
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
def test_a_worker_elsewhere_with_heartbeats_keeps_its_lease(owner: ProcessIdentity) -> None:
    """However long its render takes."""
    harness = in_memory()
    claim = lives_on(harness, owner)
    harness.leases.record_workflow(claim, WorkflowProcess(4321, "99"))
    for _ in range(20):
        assert watch(harness, LEASE_SECONDS - LONGEST_GAP) == 0
        harness.leases.heartbeat(claim)


def test_a_process_recovers_its_own_unfinished_claims(harness: Harness) -> None:
    """A claim that could not be closed is taken over; one that is being rendered is not."""
    harness.write()
    claim = harness.repository.claim_next(ANY)
    assert claim is not None
    with holding(harness.keeper, claim):
        assert watch(harness, 2 * LEASE_SECONDS) == 0
    assert harness.recovery.run() == 1
    assert harness.status(1) == "pending"


def test_a_process_recovers_its_claims_after_its_host_was_renamed() -> None:
    """A daemon that reloads its settings reads the host name again."""
    harness = in_memory()
    claim = lives_on(harness, replace(ME, host="old-name"))
    assert harness.recovery.run() == 1
    assert harness.queue.outcomes(claim.prompt_id) == ["abandoned"]


def test_a_drain_waits_until_a_silent_worker_can_be_taken_over() -> None:
    """Otherwise a single run, by hand or by cron, would always end too early."""
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


def test_a_drain_does_not_wait_for_a_worker_with_a_recent_heartbeat() -> None:
    """As far as can be known, that worker is alive."""
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
def test_a_drain_does_not_wait_for_prompts_outside_its_selection(selection: Selection) -> None:
    """Another kind, or a named prompt that was skipped because it was not pending."""
    harness = in_memory()
    lives_on(harness, OTHER)
    harness.clock.advance(LEASE_SECONDS)
    assert harness.drain(selection).renders == 0
    assert harness.clock.slept == []


def test_a_drain_stops_waiting_when_a_silent_worker_sends_a_heartbeat(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its clock was slow, or its database unreachable for a while."""
    harness = in_memory()
    claim = lives_on(harness, OTHER)
    harness.clock.advance(LEASE_SECONDS)
    sleep = harness.clock.sleep

    def beat_meanwhile(seconds: float) -> None:
        sleep(seconds)
        renders = harness.queue.database.renders  # type: ignore[attr-defined]
        render = renders[claim.render_id]
        # Counted as earlier versions did: the time is unknown.
        renders[claim.render_id] = replace(render, heartbeat=render.heartbeat + 1)

    monkeypatch.setattr(harness.clock, "sleep", beat_meanwhile)
    assert harness.drain().renders == 0
    assert sum(harness.clock.slept) <= RECOVERY_INTERVAL + 1
    assert harness.queue.outcomes(claim.prompt_id) == [None]


def test_the_workflow_of_a_dead_worker_is_killed_first() -> None:
    """Otherwise two workflows would write for one prompt."""
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
    """Make a prompt whose worker died between the last rename and the commit."""
    dead = harness.processes.start()
    claim = lives_on(harness, dead)
    with holding(harness.keeper, claim) as held:
        harness.render(held).unwrap()
    harness.processes.end(dead.pid)
    return claim


def test_a_finished_render_is_published_instead_of_rendered_again() -> None:
    """Under a new render, with the recorded rows."""
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


def test_a_finished_render_is_not_taken_over_for_ever() -> None:
    """The worker that publishes it may die as well: each crash counts, up to the limit."""
    harness = in_memory(policy=RetryPolicy(max_crashes=1))
    _finished(harness)
    [live] = harness.leases.live()
    successor = harness.leases.adopt(live)
    assert successor is not None
    assert harness.repository.release(successor, UNEXPECTED, 1.0)
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
def test_a_finished_render_of_a_changed_prompt_is_removed(hand: dict[str, str]) -> None:
    """No rows and no files are published, and the other program's change is kept."""
    harness = in_memory()
    _finished(harness)
    harness.queue.change(1, **hand)
    before = harness.see(1)
    harness.recovery.run()
    assert harness.see(1) == before
    assert harness.folders() == set()
    harness.check()


def test_an_incomplete_render_is_rendered_again() -> None:
    """A folder that is missing or changed is not published."""
    harness = in_memory()
    _finished(harness)
    harness.store.published.clear()
    assert harness.recovery.run() == 1
    assert harness.status(1) == "pending"
    assert harness.drain().published == 1
    harness.check()


def test_files_with_rows_are_kept_when_leftovers_are_removed() -> None:
    """A worker that died right after its commit left its plan and its staging folder."""
    harness = in_memory()
    claim = _finished(harness)
    rows = harness.store.finished(RenderKey(claim.prompt_id, claim.render_id))
    assert rows is not None
    assert harness.repository.publish(claim, rows, 1.0)
    harness.recovery.run()
    assert len(harness.folders()) == 1
    harness.check()


def test_only_leftovers_of_closed_renders_are_removed() -> None:
    """Not the folder of a live render, nor that of a database restored from a backup."""
    harness = in_memory()
    alive = lives_on(harness, harness.processes.start())
    live, unknown = RenderKey(alive.prompt_id, alive.render_id), RenderKey(99, 99)
    for trace in (live, unknown):
        harness.store.open_staging(alive.kind, trace, 1).unwrap()
    harness.recovery.run()
    assert harness.store.leftovers() == {live, unknown}


def test_a_prompt_that_crashes_several_workers_fails() -> None:
    """After as many crashes as the policy allows, with the reason."""
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


def test_an_unreachable_store_decides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its files may be complete: the render stays until they can be checked; reported once."""
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
