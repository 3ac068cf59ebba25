"""The statistics of the benchmarks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.samples import Sample, interleaved

VALUES = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50).map(tuple)


@given(VALUES)
def test_the_median_and_the_quartiles_are_in_order(
    values: tuple[float, ...],
) -> None:
    """Whatever the values, the extremes enclose the quartiles, which enclose the median."""
    sample = Sample(values)
    low, high = sample.quartiles
    assert min(values) <= low <= sample.median <= high <= max(values)


@given(VALUES, st.integers(1, 100))
def test_a_percentile_is_the_smallest_sufficient_value(
    values: tuple[float, ...], percent: int
) -> None:
    """By the nearest-rank definition."""
    found = Sample(values).percentile(percent)

    def covered(limit: float) -> bool:
        return 100 * sum(value <= limit for value in values) >= percent * len(values)

    assert found in values
    assert covered(found)
    assert not any(covered(value) for value in values if value < found)


def test_values_measured_side_by_side_are_compared_pair_by_pair() -> None:
    """The median of differences is not the difference of medians."""
    ours, theirs = Sample((10.0, 2.0, 4.0)), Sample((1.0, 4.0, 2.0))
    assert ours.minus(theirs).values == (9.0, -2.0, 2.0)
    assert ours.over(theirs).values == (10.0, 0.5, 2.0)


def test_samples_of_different_length_are_not_compared() -> None:
    """A value without a partner is a measuring error."""
    with pytest.raises(ValueError, match="zip"):
        Sample((1.0, 2.0)).minus(Sample((1.0,)))


def test_a_sample_needs_a_value() -> None:
    """An empty sample is an error, not a figure."""
    with pytest.raises(ValueError, match="at least one value"):
        Sample(())


def test_a_sample_is_shown_with_its_spread() -> None:
    """A figure is never shown alone."""
    assert Sample((1.0, 2.0, 3.0, 4.0, 5.0)).scaled(10).shown(1) == "30.0 (20.0..40.0)"


def test_slow_rounds_are_few() -> None:
    """A slow disk costs precision, not an hour; three values are the minimum."""
    samples = interleaved(100, {"a": lambda: 1.0}, budget=0)
    assert samples == {"a": Sample((1.0, 1.0, 1.0))}


def test_turns_are_interleaved_and_every_second_round_runs_backwards() -> None:
    """Noise affects all alike, and none always follows the same neighbour."""
    order: list[str] = []

    def turn(name: str) -> float:
        order.append(name)
        return float(len(order))

    samples = interleaved(2, {"a": lambda: turn("a"), "b": lambda: turn("b")}, warm_up=1)
    assert "".join(order) == "baabba"
    assert samples == {"a": Sample((3.0, 6.0)), "b": Sample((4.0, 5.0))}
