"""How often and after what delay a failure is retried."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.failure import Failure, FailureCode
from domain.retry import Backoff, RetryPolicy

KILLED = Failure(FailureCode.WORKFLOW_KILLED, "signal 9")
CHANCES = st.floats(0.0, 1.0)


@pytest.mark.parametrize("code", [code for code in FailureCode if not code.is_transient])
def test_a_permanent_failure_is_not_retried(code: FailureCode) -> None:
    """A damaged brief stays damaged."""
    assert RetryPolicy(max_attempts=9).wait(Failure(code, "m"), 1, 0.5) is None


@pytest.mark.parametrize(("attempt", "wait"), [(1, 10.0), (2, 20.0), (3, 40.0), (4, None)])
def test_each_wait_is_twice_the_one_before(attempt: int, wait: float | None) -> None:
    """Until the attempts are used up."""
    assert RetryPolicy(max_attempts=4).wait(KILLED, attempt, 0.5) == wait


@given(st.integers(1, 10_000), CHANCES)
def test_a_wait_is_bounded_and_spread(attempt: int, chance: float) -> None:
    """Half to one and a half times its length, however many attempts were made."""
    policy = RetryPolicy(max_attempts=20_000, base_seconds=10.0, max_seconds=3600.0)
    wait = policy.wait(KILLED, attempt, chance)
    plain = policy.wait(KILLED, attempt, 0.5)
    assert wait is not None
    assert plain is not None
    assert plain <= 3600.0
    assert plain * 0.5 <= wait <= plain * 1.5


@pytest.mark.parametrize(
    ("backoff", "waits"),
    [
        (Backoff(0.05, 2.0), [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0]),
        (Backoff(0.5, 5.0, factor=1.5), [0.5, 0.75, 1.125, 1.6875, 2.53125, 3.796875, 5.0]),
        (Backoff(9.0, 3.0), [3.0, 3.0]),
    ],
)
def test_waits_grow_to_their_bound(backoff: Backoff, waits: list[float]) -> None:
    """By the same factor from the first one on."""
    assert [backoff.wait(failures) for failures in range(1, len(waits) + 1)] == waits


@given(
    st.integers(1, 10**9),
    CHANCES,
    st.floats(0.0, 1e6),
    st.floats(0.0, 1e6),
    st.floats(1.0, 10.0),
    st.tuples(st.floats(0.0, 1.0), st.floats(1.0, 2.0)),
)
def test_every_wait_lies_between_its_shares(
    failures: int,
    chance: float,
    base: float,
    longest: float,
    factor: float,
    spread: tuple[float, float],
) -> None:
    """However many failures; with the same jitter no wait is shorter than the one before it."""
    backoff = Backoff(base, longest, factor, spread)
    plain = Backoff(base, longest, factor).wait(failures)
    wait = backoff.wait(failures, chance)
    assert plain <= longest
    assert plain * spread[0] <= wait <= plain * spread[1] * (1 + 1e-9)
    assert wait <= backoff.wait(failures + 1, chance)


@given(st.integers(1, 50), st.integers(1, 60), CHANCES)
def test_there_are_never_more_attempts_than_allowed(most: int, attempt: int, chance: float) -> None:
    """No attempt follows the last one."""
    wait = RetryPolicy(max_attempts=most).wait(KILLED, attempt, chance)
    assert (wait is None) == (attempt >= most)


def test_a_prompt_fails_at_the_limit_of_crashes() -> None:
    """Not one crash earlier."""
    policy = RetryPolicy(max_crashes=3)
    assert [policy.gives_up_after(crashes) for crashes in range(1, 5)] == [False, False, True, True]
