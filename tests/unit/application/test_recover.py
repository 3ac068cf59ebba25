"""Taking over from the dead, and from nobody else."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from application.ports.artifact_store import RenderTrace
from application.ports.events import PromptPublished, RenderAbandoned
from application.settle import UNEXPECTED
from application.stopping import StopRequest
from domain.failure import FailureCode
from domain.retry import RetryPolicy
from tests.harness import ANY, LEASE_SECONDS, LONGEST_GAP, Harness, holding, in_memory
from tests.owners import ME

if TYPE_CHECKING:
    from domain.render import Claim
    from domain.worker import ProcessIdentity


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
    [event] = harness.recorder.of(RenderAbandoned)
    assert (event.prompt_id, event.render_id, event.failure) == (1, claim.render_id, None)
    assert harness.recovery.run() == 0


def test_the_living_are_left_alone() -> None:
    """For less than a lease without a heartbeat, whatever the wall clock says."""
    harness = in_memory()
    claim = lives_on(harness, harness.processes.start())
    harness.clock.jump(10 * 86_400)
    assert watch(harness, LEASE_SECONDS - LONGEST_GAP) == 0
    assert harness.queue.outcomes(claim.prompt_id) == [None]


def test_a_worker_elsewhere_is_taken_over_after_a_whole_silent_lease() -> None:
    """It cannot be seen from here, and it can do nothing more when it wakes."""
    harness = in_memory()
    claim = lives_on(harness, replace(ME, host="elsewhere"))
    assert watch(harness, LEASE_SECONDS - LONGEST_GAP) == 0
    assert watch(harness, LONGEST_GAP) == 1
    assert harness.queue.outcomes(claim.prompt_id) == ["abandoned"]
    assert not harness.leases.beat(claim)


def test_a_worker_elsewhere_that_beats_is_left_alone() -> None:
    """For as long as it likes."""
    harness = in_memory()
    claim = lives_on(harness, replace(ME, host="elsewhere"))
    for _ in range(20):
        assert watch(harness, LEASE_SECONDS - LONGEST_GAP) == 0
        harness.leases.beat(claim)


def test_what_this_process_holds_is_its_own_affair(harness: Harness) -> None:
    """A claim whose ending failed is taken up again; one that is worked on is not."""
    harness.write()
    claim = harness.repository.claim_next(ANY)
    assert claim is not None
    with holding(harness.keeper, claim):
        assert watch(harness, 2 * LEASE_SECONDS) == 0
    assert harness.recovery.run() == 1
    assert harness.status(1) == "pending"


def test_the_workflow_of_the_dead_is_ended_first() -> None:
    """Otherwise two would write for one prompt."""
    harness = in_memory()
    dead = harness.processes.start()
    claim = lives_on(harness, dead)
    workflow = harness.processes.start_workflow()
    harness.leases.record_workflow(claim, workflow)
    harness.processes.end(dead.pid)
    harness.processes.unkillable.add(workflow.group)
    assert harness.recovery.run() == 0
    assert harness.queue.outcomes(claim.prompt_id) == [None]
    harness.processes.unkillable.clear()
    assert harness.recovery.run() == 1
    assert harness.processes.killed == [workflow]


def _finished(harness: Harness) -> Claim:
    """A prompt whose worker died between the last rename and the commit."""
    dead = harness.processes.start()
    claim = lives_on(harness, dead)
    with holding(harness.keeper, claim) as held:
        harness.prompt_renderer.render(held, StopRequest()).unwrap()
    harness.processes.end(dead.pid)
    return claim


def test_what_was_finished_is_published_and_not_rendered_again() -> None:
    """Under a new render; the very rows that were written down."""
    harness = in_memory()
    claim = _finished(harness)
    rows = harness.store.finished(RenderTrace(claim.prompt_id, claim.render_id))
    assert rows is not None
    assert harness.recovery.run() == 1
    assert harness.see(1).artifact_paths == tuple(row.file_path for row in rows)
    assert harness.queue.outcomes(1) == ["abandoned", "published"]
    assert harness.renderer.calls == 1
    [event] = harness.recorder.of(PromptPublished)
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
        harness.prompt_renderer.render(held, StopRequest()).unwrap()
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
    rows = harness.store.finished(RenderTrace(claim.prompt_id, claim.render_id))
    assert rows is not None
    assert harness.repository.publish(claim, rows, 1.0)
    harness.recovery.run()
    assert len(harness.folders()) == 1
    harness.check()


def test_nothing_is_cleared_away_that_no_closed_render_of_ours_names() -> None:
    """A live render's folder, and one of a database that was brought back from a copy."""
    harness = in_memory()
    alive = lives_on(harness, harness.processes.start())
    live, unknown = RenderTrace(alive.prompt_id, alive.render_id), RenderTrace(99, 99)
    for trace in (live, unknown):
        harness.store.open_staging(alive.kind, trace, 1).unwrap()
    harness.recovery.run()
    assert harness.store.traces() == {live, unknown}


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
    failure = harness.recorder.of(RenderAbandoned)[-1].failure
    assert failure is not None
    assert failure.code is FailureCode.WORKER_LOST
    assert harness.repository.claim_next(ANY) is None
