"""Whether a worker is alive and when a lease has expired: only with certainty."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.lease import (
    LeaseObserver,
    Liveness,
    ProcessIdentity,
    heartbeat_time,
    liveness,
)
from tests.worker_identities import ME

WORDS = st.sampled_from(["", "a", "b"])
IDENTITIES = st.builds(
    ProcessIdentity,
    host=WORDS,
    boot=WORDS,
    namespace=WORDS,
    pid=st.integers(1, 3),
    started=st.sampled_from(["1", "2"]),
)


@pytest.mark.parametrize(
    ("owner", "started_now", "expected"),
    [
        (ME, "1", Liveness.ALIVE),
        (ME, None, Liveness.DEAD),
        (ME, "2", Liveness.DEAD),
        (replace(ME, host="renamed"), "1", Liveness.ALIVE),
        (replace(ME, host="renamed"), None, Liveness.DEAD),
        (replace(ME, host="elsewhere", boot="boot-0"), None, Liveness.UNKNOWN),
        (replace(ME, namespace="container"), None, Liveness.UNKNOWN),
        (replace(ME, boot="boot-0"), "1", Liveness.DEAD),
        (replace(ME, boot="boot-0", namespace="container"), "1", Liveness.UNKNOWN),
        (replace(ME, boot=""), None, Liveness.UNKNOWN),
    ],
    ids=[
        "alive",
        "gone",
        "number reused",
        "renamed",
        "renamed and gone",
        "other host",
        "other namespace",
        "rebooted",
        "container of that name",
        "no boot",
    ],
)
def test_liveness(owner: ProcessIdentity, started_now: str | None, expected: Liveness) -> None:
    """The possible cases, one by one."""
    assert liveness(owner, ME, started_now) is expected


@given(IDENTITIES, IDENTITIES, st.sampled_from([None, "1", "2"]))
def test_a_worker_is_called_dead_only_with_certainty(
    owner: ProcessIdentity, me: ProcessIdentity, started_now: str | None
) -> None:
    """Only on this machine: before its last boot, or if its process id is visible from here."""
    found = liveness(owner, me, started_now)
    same_boot = bool(owner.boot) and owner.boot == me.boot
    if found is Liveness.DEAD:
        assert owner.namespace == me.namespace
        rebooted = owner.host == me.host and owner.boot and me.boot and not same_boot
        assert rebooted or (same_boot and started_now != owner.started)
    if found is Liveness.ALIVE:
        assert same_boot
        assert owner.namespace == me.namespace
        assert started_now == owner.started


@given(IDENTITIES, IDENTITIES, WORDS, st.sampled_from([None, "1", "2"]))
def test_renaming_a_host_changes_nothing_until_it_reboots(
    owner: ProcessIdentity, me: ProcessIdentity, name: str, started_now: str | None
) -> None:
    """A machine is identified by its boot id; its containers have other namespaces."""
    owner = replace(owner, boot=me.boot)
    assert liveness(owner, me, started_now) is liveness(replace(owner, host=name), me, started_now)


LEASE, GAP = 60.0, 15.0
STEPS = st.lists(st.floats(0.0, 500.0) | st.floats(0.0, 10.0), max_size=40)


def _look_on(steps: list[float], heartbeats: list[int] | None = None) -> list[bool]:
    """Whether render 1 had expired at each observation, the first of which is at 1000."""
    observer, now = LeaseObserver(LEASE, GAP), 1000.0
    beats = heartbeats or [0] * (len(steps) + 1)
    found = [1 in observer.observe(now, {1: beats[0]})]
    for step, beat in zip(steps, beats[1:], strict=False):
        now += step
        found.append(1 in observer.observe(now, {1: beat}))
    return found


@given(STEPS)
def test_a_lease_expires_only_after_a_full_lease_of_observation(
    steps: list[float],
) -> None:
    """Each gap between two observations counts as ``max_gap`` at most."""
    for place, expired in enumerate(_look_on(steps)):
        awake = sum(min(step, GAP) for step in steps[:place])
        if expired:
            assert awake >= LEASE - 1e-6
            assert place >= LEASE / GAP
        else:
            assert awake < LEASE + 1e-6


@given(STEPS, st.data())
def test_a_heartbeat_restarts_the_lease(steps: list[float], data: st.DataObject) -> None:
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


def test_time_in_suspension_does_not_expire_leases() -> None:
    """A laptop that was closed overnight takes nothing over when it wakes up."""
    assert _look_on([3600.0 * 9]) == [False, False]


def test_a_clock_that_stands_still_or_runs_backwards_takes_nothing_over() -> None:
    """Time that did not pass does not count."""
    assert not any(_look_on([0.0] * 100))
    assert not any(_look_on([-100.0, 10.0] * 5))


def test_a_render_that_disappeared_is_observed_from_the_start() -> None:
    """Earlier observations of its number are forgotten."""
    observer = LeaseObserver(LEASE, GAP)
    for look in range(4):
        assert observer.observe(look * GAP, {1: 0, 2: 0}) == frozenset()
    assert observer.observe(59.0, {2: 0}) == frozenset()
    assert observer.observe(60.0, {1: 0, 2: 0}) == {2}


def test_a_heartbeat_that_changed_once_proves_a_live_worker() -> None:
    """Until the render is gone."""
    observer = LeaseObserver(LEASE, GAP)
    beats = [{1: 7}, {1: 7}, {1: 8}, {1: 8}, {}, {1: 8}]
    seen = []
    for look, heartbeats in enumerate(beats):
        observer.observe(float(look), heartbeats)
        seen.append(observer.has_changed(1))
    assert seen == [False, False, True, True, False, False]


@given(st.datetimes(datetime(2024, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - the zone follows
def test_a_heartbeat_is_the_time_of_its_owner(moment: datetime) -> None:
    """In whole seconds."""
    told = heartbeat_time(int(moment.timestamp()), datetime(2024, 1, 1, tzinfo=UTC))
    assert told is not None
    assert timedelta(0) <= moment - told < timedelta(seconds=1)


def test_before_the_first_heartbeat_the_claim_counts() -> None:
    """Earlier versions counted heartbeats, which says nothing about the time."""
    claimed_at = datetime(2026, 1, 6, tzinfo=UTC)
    assert heartbeat_time(0, claimed_at) == claimed_at
    assert heartbeat_time(1, claimed_at) is None
    assert heartbeat_time(123_456, claimed_at) is None
