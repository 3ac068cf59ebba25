"""What is left of a render, told from its own pace."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.pace import seconds_left

FRACTIONS = st.floats(0.02, 1)
SECONDS = st.floats(0, 1e6)


@given(FRACTIONS, SECONDS, SECONDS)
def test_a_steady_render_ends_when_it_was_said_to(
    fraction: float, whole: float, since: float
) -> None:
    """What is left at a steady pace is the whole without what has passed, never below nothing."""
    left = seconds_left(fraction, fraction * whole, since)
    assert left is not None
    assert left == pytest.approx(max(0.0, whole * (1 - fraction) - since), abs=1e-3)


@given(FRACTIONS, SECONDS, SECONDS, SECONDS)
def test_waiting_makes_it_never_longer(
    fraction: float, elapsed: float, sooner: float, later: float
) -> None:
    """While nothing new is told, the rest only shrinks."""
    sooner, later = sorted((sooner, later))
    left, less = seconds_left(fraction, elapsed, sooner), seconds_left(fraction, elapsed, later)
    assert left is not None
    assert less is not None
    assert 0 <= less <= left


@pytest.mark.parametrize("fraction", [None, 0.0, 0.0199, -1.0, 1.01, float("nan"), float("inf")])
def test_what_tells_nothing_is_not_guessed_from(fraction: float | None) -> None:
    """Unknown, hardly begun, or no fraction at all."""
    assert seconds_left(fraction, 100) is None


def test_a_clock_that_was_set_back_makes_nothing_negative() -> None:
    """Negative times count as none."""
    assert seconds_left(0.5, -5, -5) == 0
    assert seconds_left(0.5, 10, -5) == 10
