"""The bars represent their numbers, and stay inside the frame."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrypoints.web.json_responses import CountByKind
from entrypoints.web.pages import checks_by_area
from entrypoints.web.plots import HEIGHT, STACK, WIDTH, shares, time_plot
from entrypoints.web.system_api import Bucket, Check, FailureCount, Health


def bucket_of(published: CountByKind, failed: int = 0) -> Bucket:
    """A bucket of the history."""
    return Bucket("2026-01-06T21:00:00", published, failed, None)


_COUNTS = st.integers(0, 5_000)
_BUCKETS = st.lists(
    st.builds(
        lambda image, audio, failed: bucket_of(CountByKind(image, audio), failed),
        _COUNTS,
        _COUNTS,
        _COUNTS,
    ),
    max_size=61,
)


@given(_BUCKETS)
def test_every_bar_is_as_high_as_its_number_says(buckets: list[Bucket]) -> None:
    """All use the unit of the scale next to them; nothing leaves the frame."""
    plot = time_plot(buckets)
    low, high = plot.ticks[0], plot.ticks[-1]
    unit = (low.y - high.y) / (high.count - low.count)
    drawn = {(bar.bucket, bar.sort): bar for bar in plot.bars}
    for number, bucket in enumerate(buckets):
        top = plot.floor
        for sort in STACK:
            count = bucket.failed if sort == "failed" else getattr(bucket.published, sort)
            bar = drawn.pop((number, sort), None)
            assert (bar is None) == (count == 0)
            if bar is not None:
                assert bar.height == pytest.approx(count * unit, abs=0.02)
                assert bar.y + bar.height == pytest.approx(top, abs=0.02)
                assert bar.y >= 0
                assert bar.x >= plot.left
                assert bar.x + bar.width <= WIDTH
                top = bar.y
    assert drawn == {}


@given(_BUCKETS)
def test_the_scale_is_readable(buckets: list[Bucket]) -> None:
    """Whole numbers from zero to at least the highest bar, five lines at most."""
    plot = time_plot(buckets)
    counts = [tick.count for tick in plot.ticks]
    steps = {after - before for before, after in pairwise(counts)}
    assert counts[0] == 0
    assert len(counts) == 5
    assert len(steps) == 1
    assert all(0 <= tick.y <= HEIGHT for tick in plot.ticks)
    assert len(plot.marks) <= 6


@pytest.mark.parametrize(
    ("most", "top"), [(0, 4), (1, 4), (5, 8), (9, 12), (13, 20), (21, 40), (85, 120), (4001, 8000)]
)
def test_the_scale_ends_at_a_round_number(most: int, top: int) -> None:
    """At the smallest sufficient round number, so that a plot is not mostly empty."""
    assert time_plot([bucket_of(CountByKind(most, 0))]).ticks[-1].count == top


def test_shares_are_measured_by_the_most_frequent() -> None:
    """The most frequent has the full length; the others are in proportion."""
    found = shares([FailureCount("timed_out", 8), FailureCount("no_files", 2)])
    assert [(share.code, share.count, share.length) for share in found] == [
        ("timed_out", 8, 100.0),
        ("no_files", 2, 25.0),
    ]
    assert shares([]) == ()


def test_checks_are_grouped_by_area_with_the_worst_result() -> None:
    """A failed check is not hidden among good ones; an unknown one has a group."""
    checks = [
        Check(Health(health), name, "", None)
        for name, health in (
            ("program", "ok"),
            ("database", "ok"),
            ("output root", "warning"),
            ("database lock", "broken"),
            ("moon", "ok"),
        )
    ]
    assert [(area["name"], area["health"], area["checks"]) for area in checks_by_area(checks)] == [
        ("Program", "ok", [checks[0]]),
        ("Database and queue", "broken", [checks[1], checks[3]]),
        ("Published files", "warning", [checks[2]]),
        ("Other", "ok", [checks[4]]),
    ]
