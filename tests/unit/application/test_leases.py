"""The lease keeper: heartbeats on time, lost leases noticed, a missing database survived."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from application.leases import LeaseKeeper, LostWorkers
from application.ports.prompt_repository import RepositoryBusyError
from tests.harness import ANY, HEARTBEAT_SECONDS, LEASE_SECONDS, Harness, holding
from tests.worker_identities import ME, OTHER

if TYPE_CHECKING:
    from application.ports.renders import RenderLeases
    from domain.lease import ProcessIdentity
    from domain.render import Claim

_MOMENT = 0.1  # seconds; longer than a confirmation of the database is trusted


def claimed(harness: Harness) -> Claim:
    """Write and claim a prompt."""
    harness.write()
    claim = harness.repository.claim_next(ANY)
    assert claim is not None
    return claim


def heartbeat(harness: Harness) -> int:
    """The heartbeat of the only live render."""
    [render] = harness.leases.live()
    return render.heartbeat


def test_a_heartbeat_is_written_when_it_is_due_and_not_before(harness: Harness) -> None:
    """Ticks in between write nothing."""
    with holding(harness.keeper, claimed(harness)) as held:
        numbers = []
        for _ in range(4):
            harness.keeper.tick()
            numbers.append(heartbeat(harness))
            harness.clock.advance(HEARTBEAT_SECONDS / 2)
        assert numbers[0] == numbers[1] != numbers[2] == numbers[3]
        assert not held.lost


def test_jumps_of_the_wall_clock_do_not_matter(harness: Harness) -> None:
    """Heartbeats follow the monotonic clock."""
    with holding(harness.keeper, claimed(harness)):
        harness.clock.jump(86_400)
        harness.keeper.tick()
        harness.clock.jump(-2 * 86_400)
        harness.clock.advance(HEARTBEAT_SECONDS)
        harness.keeper.tick()
        assert heartbeat(harness) > 0


@pytest.mark.parametrize("seconds", [0.0, HEARTBEAT_SECONDS])
def test_a_lease_that_is_lost_is_noticed_at_the_next_tick(harness: Harness, seconds: float) -> None:
    """Whether a heartbeat is due or not; and it stays lost."""
    with holding(harness.keeper, claim := claimed(harness)) as held:
        harness.queue.change(claim.prompt_id, artifact_status="unsupported")
        harness.clock.advance(seconds)
        harness.keeper.tick()
        assert held.lost
        harness.queue.change(claim.prompt_id, artifact_status="processing")
        harness.keeper.tick()
        assert held.lost


def test_a_released_lease_gets_no_heartbeat(harness: Harness) -> None:
    """The lease of a render that ended, or could not be closed, expires."""
    with holding(harness.keeper, claim := claimed(harness)):
        assert harness.keeper.held() == {claim.render_id}
    assert harness.keeper.held() == frozenset()
    harness.clock.advance(HEARTBEAT_SECONDS)
    harness.keeper.tick()
    assert heartbeat(harness) == 0


class _Away:
    """Leases whose database is unreachable for a while.

    Attributes:
        away: whether the database is unreachable.
    """

    def __init__(self, leases: RenderLeases) -> None:
        self._leases = leases
        self.away = True

    def heartbeat(self, claim: Claim) -> bool:
        return self._reached().heartbeat(claim)

    def holds(self, claim: Claim) -> bool:
        return self._reached().holds(claim)

    def _reached(self) -> RenderLeases:
        if self.away:
            raise RepositoryBusyError
        return self._leases


@pytest.fixture
def away(harness: Harness) -> _Away:
    """The leases of the harness, with an unreachable database."""
    return _Away(harness.leases)


@pytest.fixture
def keeper(harness: Harness, away: _Away) -> LeaseKeeper:
    """A keeper whose database is unreachable."""
    return LeaseKeeper(away, harness.clock, HEARTBEAT_SECONDS, LEASE_SECONDS)  # type: ignore[arg-type]


def pass_time(harness: Harness, keeper: LeaseKeeper, seconds: float) -> None:
    """Advance the clock while the keeper ticks, as its thread does."""
    for _ in range(int(seconds)):
        harness.clock.advance(1.0)
        keeper.tick()


@pytest.mark.parametrize("seconds", [0.0, HEARTBEAT_SECONDS])
def test_an_unreachable_database_loses_no_lease(
    harness: Harness, keeper: LeaseKeeper, seconds: float
) -> None:
    """Publication is refused anyway if another worker took over in the meantime."""
    with holding(keeper, claimed(harness)) as held:
        harness.clock.advance(seconds)
        keeper.tick()
        assert not held.lost
        assert not keeper.must_stop(held)
        assert keeper.still_holds(held)


def test_a_render_is_stopped_when_no_heartbeat_could_be_written_for_a_whole_lease(
    harness: Harness, keeper: LeaseKeeper
) -> None:
    """Not earlier: by then others may have taken it over, and the keeper cannot know."""
    with holding(keeper, claimed(harness)) as held:
        pass_time(harness, keeper, LEASE_SECONDS - 1)
        assert not keeper.must_stop(held)
        pass_time(harness, keeper, 1)
        assert keeper.must_stop(held)
        assert held.fenced
        assert not held.lost


def test_a_keeper_that_hangs_on_the_database_stops_its_renders_too(
    harness: Harness, away: _Away, keeper: LeaseKeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dead network file system never answers; another thread checks for a stop."""

    def hang(_: Claim) -> bool:
        harness.clock.advance(LEASE_SECONDS)
        assert keeper.must_stop(held)
        return True

    monkeypatch.setattr(away, "heartbeat", hang)
    with holding(keeper, claimed(harness)) as held:
        harness.clock.advance(HEARTBEAT_SECONDS)
        keeper.tick()
        assert held.fenced


def test_a_heartbeat_that_is_written_at_last_stops_nothing(
    harness: Harness, away: _Away, keeper: LeaseKeeper
) -> None:
    """The lease starts again with it."""
    with holding(keeper, claimed(harness)) as held:
        for _ in range(3):
            away.away = True
            pass_time(harness, keeper, LEASE_SECONDS - 1)
            assert not keeper.must_stop(held)
            away.away = False
            pass_time(harness, keeper, 1)
            assert not keeper.must_stop(held)
        assert harness.leases.holds(held.claim)


def test_a_stopped_render_stays_stopped(harness: Harness, away: _Away, keeper: LeaseKeeper) -> None:
    """Its workflow is being killed; the database came back too late for it."""
    with holding(keeper, claimed(harness)) as held:
        pass_time(harness, keeper, LEASE_SECONDS)
        assert keeper.must_stop(held)
        away.away = False
        pass_time(harness, keeper, HEARTBEAT_SECONDS)
        assert keeper.must_stop(held)


def test_a_suspended_worker_does_not_stop_its_renders(harness: Harness, away: _Away) -> None:
    """It writes a heartbeat when it wakes up, and the database says who holds the lease."""
    away.away = False
    keeper = LeaseKeeper(away, harness.clock, HEARTBEAT_SECONDS, LEASE_SECONDS)  # type: ignore[arg-type]
    with holding(keeper, claimed(harness)) as held:
        harness.clock.advance(20 * LEASE_SECONDS)
        assert not keeper.must_stop(held)
        keeper.tick()
        assert not keeper.must_stop(held)
        assert harness.leases.holds(held.claim)


def test_a_later_claim_has_a_full_lease(harness: Harness, away: _Away, keeper: LeaseKeeper) -> None:
    """The claim itself was written, so the database was reachable."""
    first, second = claimed(harness), claimed(harness)
    with holding(keeper, first) as held:
        pass_time(harness, keeper, LEASE_SECONDS - 1)
        with holding(keeper, second) as later:
            pass_time(harness, keeper, LEASE_SECONDS - 1)
            assert keeper.must_stop(held)
            assert not keeper.must_stop(later)
            pass_time(harness, keeper, 1)
            assert keeper.must_stop(later)


def test_the_database_decides_which_lease_is_lost(harness: Harness) -> None:
    """It is queried before files are placed, whenever the last heartbeat was."""
    with holding(harness.keeper, claim := claimed(harness)) as held:
        harness.clock.advance(_MOMENT)
        assert harness.keeper.still_holds(held)
        harness.queue.change(claim.prompt_id, artifact_status="unsupported")
        assert not harness.keeper.must_stop(held)
        assert not harness.keeper.still_holds(held)
        assert harness.keeper.must_stop(held)


@pytest.mark.parametrize("beats", [False, True])
def test_a_recent_confirmation_of_a_lease_is_trusted(harness: Harness, *, beats: bool) -> None:
    """After a recent claim or heartbeat no query is needed: a group has many short renders."""
    with holding(harness.keeper, claim := claimed(harness)) as held:
        if beats:
            harness.clock.advance(HEARTBEAT_SECONDS)
            harness.keeper.tick()
        harness.queue.change(claim.prompt_id, artifact_status="unsupported")
        assert harness.keeper.still_holds(held)
        harness.clock.advance(_MOMENT)
        assert not harness.keeper.still_holds(held)


# ---------------------------------------------------------------- workers whose leases have expired


@pytest.mark.parametrize(
    ("owner", "silence", "reason"),
    [
        (ME, 0.0, ""),
        (ME, LEASE_SECONDS, "no heartbeat for 60 seconds"),
        (replace(ME, pid=7), 0.0, "its worker has ended"),
        (replace(ME, pid=7, host="renamed"), 0.0, "its worker has ended"),
        (OTHER, LEASE_SECONDS - 1, ""),
        (OTHER, LEASE_SECONDS, "no heartbeat for 60 seconds"),
        (OTHER, None, ""),
    ],
)
def test_workers_that_seem_lost_are_reported(
    harness: Harness, owner: ProcessIdentity, silence: float | None, reason: str
) -> None:
    """Those that ended on this machine, and those without a heartbeat for a full lease."""
    lost = LostWorkers(harness.processes, harness.clock, LEASE_SECONDS)
    heartbeat_at = None if silence is None else harness.clock.now() - timedelta(seconds=silence)
    told = lost.why(owner, heartbeat_at)
    assert reason in told
    assert bool(told) is bool(reason)
