"""Times in databases: every form of the contract, and no other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.timestamps import TimeRange, iso_timestamp, read_timestamp

ZONES = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
WEST, EAST = timezone(timedelta(hours=-12)), timezone(timedelta(hours=14))
MOMENTS = st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31), timezones=ZONES)  # noqa: DTZ001


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-01-06 21:30:45", "2026-01-06T21:30:45"),
        ("2026-01-06T21:30:45", "2026-01-06T21:30:45"),
        ("2026-01-06T21:30:45Z", "2026-01-06T21:30:45"),
        ("2026-01-06t21:30:45z", "2026-01-06T21:30:45"),
        ("2026-01-06T21:30:45.999999", "2026-01-06T21:30:45"),
        ("2026-01-06 21:30:45,5", "2026-01-06T21:30:45"),
        ("2026-01-06T21:30:45.123456789+00:00", "2026-01-06T21:30:45"),
        ("2026-01-06T23:30:45+02:00", "2026-01-06T21:30:45"),
        ("2026-01-06T23:30:45+0200", "2026-01-06T21:30:45"),
        ("2026-01-06T23:30:45 +02", "2026-01-06T21:30:45"),
        ("2026-01-06T12:00:45-09:30", "2026-01-06T21:30:45"),
        ("2026-01-07T00:30:00+01:00", "2026-01-06T23:30:00"),
        ("2026-01-06 21:30", "2026-01-06T21:30:00"),
        ("2026-01-06", "2026-01-06T00:00:00"),
        ("2024-02-29 00:00:00", "2024-02-29T00:00:00"),
    ],
)
def test_known_forms(value: str, expected: str) -> None:
    """Each is converted to one form, in UTC."""
    assert iso_timestamp(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "never",
        "now",
        "2026",
        "2026-13-01 00:00:00",
        "2025-02-29 00:00:00",
        "2026-01-06 24:00:01",
        "2026-01-06 21:61:00",
        "2026-01-06 21:30:60",
        "2026-01-06 21:30:45 UTC",
        "2026-01-06T21:30:45+25:00",
        "2026-01-06X21:30:45",
        "2026-W02-2",
        "20260106T213045",
        " 2026-01-06 21:30:45",
        "2026-01-06 21:30:45\n",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
        "٢٠٢٦-01-06 21:30:45",
        1767735045,
        1767735045.5,
        b"2026-01-06 21:30:45",
        True,
    ],
)
def test_invalid_times(value: object) -> None:
    """None, without an error."""
    assert read_timestamp(value) is None
    assert iso_timestamp(value) is None


@given(MOMENTS, st.sampled_from("T t"))
def test_isoformat_is_read_back(moment: datetime, between: str) -> None:
    """With any zone and any fraction, to the microsecond."""
    assert read_timestamp(moment.isoformat(sep=between)) == moment


@given(MOMENTS)
def test_one_form_stays_as_it_is(moment: datetime) -> None:
    """A normalised time does not change, and loses less than a second."""
    text = iso_timestamp(moment.isoformat())
    assert text is not None
    assert len(text) == len("2026-01-06T21:30:45")
    assert iso_timestamp(text) == text
    read = read_timestamp(text)
    assert read is not None
    assert timedelta() <= moment - read < timedelta(seconds=1)


@given(
    st.text() | st.from_regex(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d)?(\.\d+)?(Z|[+-]\d\d:?\d\d)?)?")
)
@example("9999-99-99 99:99:99")
def test_no_text_is_an_error(text: str) -> None:
    """It is a time in UTC, or none."""
    moment = read_timestamp(text)
    assert moment is None or moment.tzinfo is UTC


@given(MOMENTS, st.none() | MOMENTS, st.none() | MOMENTS)
@example(datetime(2026, 1, 6, 23, tzinfo=WEST), datetime(2026, 1, 7, tzinfo=UTC), None)
@example(datetime(2026, 1, 7, 1, tzinfo=EAST), None, datetime(2026, 1, 6, 23, tzinfo=UTC))
def test_a_span_contains_its_start_but_not_its_end(
    moment: datetime, since: datetime | None, until: datetime | None
) -> None:
    """The same holds for the texts of its bounds."""
    time_range, text = TimeRange(since, until), moment.isoformat(" ")
    inside = (since is None or moment >= since) and (until is None or moment < until)
    assert time_range.contains(text) is inside
    if inside:
        assert time_range.oldest is None or text >= time_range.oldest
        assert time_range.newest is None or text < time_range.newest


def test_only_an_unbounded_span_contains_an_invalid_time() -> None:
    """Its position is unknown."""
    assert TimeRange().contains("never")
    assert TimeRange().contains(None)
    assert not TimeRange(since=datetime(1, 1, 1, tzinfo=UTC)).contains("never")


@pytest.mark.parametrize(("year", "begins_later"), [(1, False), (9999, True)])
def test_a_span_may_reach_the_ends_of_the_calendar(year: int, *, begins_later: bool) -> None:
    """A time of today compares correctly with both bounds."""
    end = datetime(year, 12 if begins_later else 1, 31 if begins_later else 1, tzinfo=UTC)
    time_range = TimeRange(end, end)
    assert time_range.oldest is not None
    assert time_range.newest is not None
    today = "2026-01-06 21:30:45"
    assert (today < time_range.oldest, today < time_range.newest) == (begins_later, begins_later)
