"""The keeper of leases: beats in time, notices what was lost, survives a database that is away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from application.leases import LeaseKeeper
from application.ports.prompt_repository import RepositoryBusyError
from domain.render import WorkflowProcess
from tests.harness import ANY, BEAT_SECONDS, Harness, holding

if TYPE_CHECKING:
    from domain.render import Claim


def claimed(harness: Harness) -> Claim:
    """A fresh prompt, claimed."""
    harness.write()
    claim = harness.repository.claim_next(ANY)
    assert claim is not None
    return claim


def heartbeat(harness: Harness) -> int:
    """Of the one render that is live."""
    [render] = harness.leases.live()
    return render.heartbeat


def test_a_lease_is_beaten_when_it_is_due_and_not_before(harness: Harness) -> None:
    """Looking in between writes nothing."""
    with holding(harness.keeper, claimed(harness)) as held:
        numbers = []
        for _ in range(4):
            harness.keeper.tick()
            numbers.append(heartbeat(harness))
            harness.clock.advance(BEAT_SECONDS / 2)
        assert numbers == [0, 0, 1, 1]
        assert not held.lost


def test_jumps_of_the_wall_clock_matter_nothing(harness: Harness) -> None:
    """Heartbeats follow the monotonic clock."""
    with holding(harness.keeper, claimed(harness)):
        harness.clock.jump(86_400)
        harness.keeper.tick()
        harness.clock.jump(-2 * 86_400)
        harness.clock.advance(BEAT_SECONDS)
        harness.keeper.tick()
        assert heartbeat(harness) == 1


@pytest.mark.parametrize("seconds", [0.0, BEAT_SECONDS])
def test_a_lease_that_is_lost_is_noticed_at_the_next_tick(harness: Harness, seconds: float) -> None:
    """Whether a beat is due or not; and it stays lost."""
    with holding(harness.keeper, claim := claimed(harness)) as held:
        harness.queue.change(claim.prompt_id, artifact_status="unsupported")
        harness.clock.advance(seconds)
        harness.keeper.tick()
        assert held.lost
        harness.queue.change(claim.prompt_id, artifact_status="processing")
        harness.keeper.tick()
        assert held.lost


def test_what_is_not_held_any_more_is_not_beaten(harness: Harness) -> None:
    """The lease of a render that ended, or failed to, runs out."""
    with holding(harness.keeper, claim := claimed(harness)):
        assert harness.keeper.held() == {claim.render_id}
    assert harness.keeper.held() == frozenset()
    harness.clock.advance(BEAT_SECONDS)
    harness.keeper.tick()
    assert heartbeat(harness) == 0


def test_a_workflow_is_recorded_only_while_the_lease_is_held(harness: Harness) -> None:
    """It may not run otherwise."""
    claim, workflow = claimed(harness), WorkflowProcess(4321, "9")
    assert harness.keeper.record_workflow(claim, workflow)
    harness.repository.cancel(claim.prompt_id, requeue=True)
    assert not harness.keeper.record_workflow(claim, workflow)


class _Away:
    def beat(self, claim: Claim) -> bool:
        raise RepositoryBusyError

    holds = beat


@pytest.mark.parametrize("seconds", [0.0, BEAT_SECONDS])
def test_a_database_that_is_away_loses_no_lease(harness: Harness, seconds: float) -> None:
    """Publication is refused anyway if somebody took over meanwhile."""
    keeper = LeaseKeeper(_Away(), harness.clock, BEAT_SECONDS)  # type: ignore[arg-type]
    with holding(keeper, claimed(harness)) as held:
        harness.clock.advance(seconds)
        keeper.tick()
        assert not held.lost
