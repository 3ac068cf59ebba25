"""Ages of timestamps in a database."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrypoints.cli.invocation import Invocation
from entrypoints.cli.timestamps import (
    age_of,
    duration,
    shown_time,
    with_age,
    with_time_until,
)

NOW = datetime(2026, 1, 6, 21, 30, 45, tzinfo=UTC)


@pytest.mark.parametrize(
    ("timestamp", "age"),
    [
        ("2026-01-06 21:30:44", "1 s ago"),
        ("2026-01-06T21:27:00", "3 min ago"),
        ("2026-01-06T21:27:00Z", "3 min ago"),
        ("2026-01-06T23:27:00.25+02:00", "3 min ago"),
        ("2026-01-05 20:30:45", "25 h ago"),
        ("2026-01-01 00:00:00", "5 days ago"),
        ("2027-01-01 00:00:00", ""),
        ("yesterday", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_ages(timestamp: str | None, age: str) -> None:
    """UTC unless a zone is named; no age for future times or for invalid text."""
    assert age_of(timestamp, NOW) == age


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Sets the time zone of this machine, as the C library sees it."""

    def choose(name: str) -> None:
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield choose
    monkeypatch.undo()
    time.tzset()


def test_times_are_local_with_their_zone(zone: Callable[[str], None]) -> None:
    """The age is added; invalid text is not changed."""
    zone("CET-1")
    assert with_age("2026-01-06 21:30:40", NOW) == "2026-01-06 22:30:40 CET (5 s ago)"
    assert shown_time("2026-01-06T23:30:40", seconds=False) == "2026-01-07 00:30 CET"
    with click.Context(click.Command("list"), obj=Invocation()) as context:
        context.obj.utc = True
        assert shown_time("2026-01-06 21:30:40") == "2026-01-06 21:30:40 UTC"
    assert with_age("soon", NOW) == "soon"
    assert with_age(None, NOW) == "an unknown time"


@pytest.mark.parametrize(
    ("timestamp", "shown"),
    [
        ("2026-01-06T21:30:50.000+00:00", "2026-01-06 21:30:50 UTC (in 5 s)"),
        ("2026-01-06 21:40:45", "2026-01-06 21:40:45 UTC (in 10 min)"),
        ("2026-01-06 21:30:45", "2026-01-06 21:30:45 UTC (now)"),
        ("2026-01-06 21:00:00", "2026-01-06 21:00:00 UTC (now)"),
        ("soon", "soon"),
        (None, "an unknown time"),
    ],
)
def test_the_time_until_a_timestamp(
    timestamp: str | None, shown: str, zone: Callable[[str], None]
) -> None:
    """A time that has passed is due now."""
    zone("UTC0")
    assert with_time_until(timestamp, NOW) == shown


@given(st.text())
def test_any_text_may_stand_in_the_column(text: str) -> None:
    """Reading never raises."""
    age_of(text, NOW)
    with_time_until(text, NOW)


@pytest.mark.parametrize(
    ("seconds", "words"), [(None, ""), (0.04, "0.0 s"), (59.5, "59.5 s"), (187.4, "3 min 7 s")]
)
def test_durations(seconds: float | None, words: str) -> None:
    """Tenths below a minute, whole seconds above."""
    assert duration(seconds) == words
