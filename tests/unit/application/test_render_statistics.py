"""Statistics over renders: none is lost, and none counts twice."""

from __future__ import annotations

from statistics import median
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from application.ports.prompt_catalogue import QueueSummary
from application.render_statistics import EndedRender, summarize
from domain.failure import FailureCode
from domain.prompt import Kind
from domain.render import Outcome

STOP_REQUESTS: Final = {"interrupted", "cancelled"}
renders = st.builds(
    EndedRender,
    st.integers(0, 50_000),
    st.sampled_from(Kind),
    st.sampled_from([outcome.value for outcome in Outcome]),
    st.none() | st.sampled_from([code.value for code in FailureCode]),
    st.none() | st.floats(0, 900),
)


@given(st.lists(renders), st.integers(1, 7200))
def test_every_render_counts_once(found: list[EndedRender], length: int) -> None:
    """Each in its own bucket; both sums count the same renders as failures."""
    history = summarize(found, length)
    published = [render for render in found if render.outcome == "published"]
    assert sum(sum(bucket.published.values()) for bucket in history.buckets) == len(published)
    failed = [
        render.code
        for render in found
        if render.outcome in {"failed", "abandoned", "released"}
        and render.code
        and render.code not in STOP_REQUESTS
    ]
    assert sum(bucket.failed for bucket in history.buckets) == len(failed)
    counts = {count.code: count.count for count in history.failures}
    assert counts == {code: failed.count(code) for code in failed}
    assert [count.count for count in history.failures] == sorted(counts.values(), reverse=True)
    starts = [bucket.start for bucket in history.buckets]
    assert starts == sorted(set(starts))


@given(st.lists(st.floats(0, 900), min_size=1))
def test_the_median_is_that_of_published_renders(seconds: list[float]) -> None:
    """However long failed renders took."""
    found = [EndedRender(100, Kind.IMAGE, "published", None, each) for each in seconds]
    found.append(EndedRender(100, Kind.IMAGE, "failed", "stalled", 9_000.0))
    [bucket] = summarize(found, 60).buckets
    assert (bucket.start, bucket.seconds_median) == ("1970-01-01T00:01:00", median(seconds))


def _summary(pending: dict[Kind, int], usual: dict[Kind, float]) -> QueueSummary:
    counts = {kind: {"pending": number} for kind, number in pending.items()}
    return QueueSummary(counts, {}, {}, None, {}, (), None, usual)


def test_the_time_left_of_the_queue_follows_from_earlier_renders() -> None:
    """By kind, divided by the slots; unknown if a pending kind was never rendered."""
    usual = {Kind.IMAGE: 10.0, Kind.AUDIO: 60.0}
    both = _summary({Kind.IMAGE: 6, Kind.AUDIO: 2}, usual)
    assert both.seconds_left(2, [20.0, None]) == (60 + 120 + 20) / 2
    assert both.seconds_left(0) == 180
    assert _summary({Kind.IMAGE: 1}, {Kind.AUDIO: 60.0}).seconds_left(1) is None
    assert _summary({Kind.AUDIO: 0}, {}).seconds_left(1) == 0
    assert both.seconds_left(1, held={Kind.IMAGE: 5}) == 10 + 120
    new = _summary({Kind.IMAGE: 2}, {})
    assert new.seconds_left(1, held={Kind.IMAGE: 2}) == 0  # none of the kind would be rendered
