"""When a lease has run out: never for an owner who may only have slept along with us."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from domain.lease import LeaseObserver

LEASE, GAP = 60.0, 15.0
STEPS = st.lists(st.floats(0.0, 500.0) | st.floats(0.0, 10.0), max_size=40)


def _look_on(steps: list[float], heartbeats: list[int] | None = None) -> list[bool]:
    """Whether render 1 ran out at each look, the first of which is at 1000."""
    observer, now = LeaseObserver(LEASE, GAP), 1000.0
    beats = heartbeats or [0] * (len(steps) + 1)
    found = [1 in observer.look(now, {1: beats[0]})]
    for step, beat in zip(steps, beats[1:], strict=False):
        now += step
        found.append(1 in observer.look(now, {1: beat}))
    return found


@given(STEPS)
def test_a_lease_runs_out_only_after_a_whole_lease_of_awake_observation(
    steps: list[float],
) -> None:
    """Each gap between two looks counts as ``longest_gap`` at most."""
    for place, expired in enumerate(_look_on(steps)):
        awake = sum(min(step, GAP) for step in steps[:place])
        if expired:
            assert awake >= LEASE - 1e-6
            assert place >= LEASE / GAP
        else:
            assert awake < LEASE + 1e-6


@given(STEPS, st.data())
def test_a_heartbeat_begins_the_lease_anew(steps: list[float], data: st.DataObject) -> None:
    """Whatever number it changes to."""
    beats = data.draw(
        st.lists(st.integers(-2, 2), min_size=len(steps) + 1, max_size=len(steps) + 1)
    )
    for place, expired in enumerate(_look_on(steps, beats)):
        still = place
        while still and beats[still - 1] == beats[place]:
            still -= 1
        awake = sum(min(step, GAP) for step in steps[still:place])
        assert not expired or awake >= LEASE - 1e-6


def test_a_long_sleep_of_the_observer_is_no_lease() -> None:
    """A laptop that was shut for a night takes nothing over when it wakes."""
    assert _look_on([3600.0 * 9]) == [False, False]


def test_a_clock_that_stands_still_or_runs_backwards_takes_nothing_over() -> None:
    """Time that did not pass does not count."""
    assert not any(_look_on([0.0] * 100))
    assert not any(_look_on([-100.0, 10.0] * 5))


def test_a_render_that_went_and_came_is_new() -> None:
    """What was seen of a number before it was gone is forgotten."""
    observer = LeaseObserver(LEASE, GAP)
    for look in range(4):
        assert observer.look(look * GAP, {1: 0, 2: 0}) == frozenset()
    assert observer.look(59.0, {2: 0}) == frozenset()
    assert observer.look(60.0, {1: 0, 2: 0}) == {2}
