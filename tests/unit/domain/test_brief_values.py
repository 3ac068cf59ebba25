"""The length of a song, as people and models write it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.brief import LyricsBrief
from domain.brief_parser import parse_brief
from domain.brief_values import Members, read_seconds
from domain.prompt import Kind


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (210, 210.0),
        (95.5, 95.5),
        ("210", 210.0),
        (" 210 ", 210.0),
        ("210s", 210.0),
        ("210 seconds", 210.0),
        ("~210 sec", 210.0),
        ("3:30", 210.0),
        ("03:30.5", 210.5),
        ("0:03:30", 210.0),
        ("1:00:00", 3600.0),
        ("3 min 30 s", 210.0),
        ("3m30s", 210.0),
        ("3 minutes and 30 seconds", 210.0),
        ("3.5 minutes", 210.0),
        ("4 min", 240.0),
        ("about 3:30 min", 210.0),
        ("3,5 minutes", 210.0),
        ("3-minute", 180.0),
        ("3'30\"", 210.0),
        ("PT3M30S", 210.0),
        ("３:３０", 210.0),  # noqa: RUF001 -- full-width digits
        (Members([("minutes", 3), ("seconds", 30)]), 210.0),
        (3.5, 3.5),
        (1, 1.0),
        (3600, 3600.0),
    ],
)
def test_valid_durations(value: Any, expected: float) -> None:  # noqa: ANN401 -- any JSON
    """Seconds, a clock, or words."""
    assert read_seconds(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, 0, -5, 0.5, 3601, 1e999, float("nan"), 10**400, [210], {}),
        *(
            "",
            "  ",
            "~",
            "long",
            "3:75",
            "-210",
            "3-4 minutes",
            "3:00-3:30",
            "1:00:01",
            "three minutes",
            "210 210",
        ),
        *("9" * 200, "٣:٣٠"),
    ],
)
def test_nonsense_is_ignored(value: Any) -> None:  # noqa: ANN401 -- any JSON
    """Like any optional field that cannot be understood."""
    assert read_seconds(value) is None


@given(st.text() | st.from_regex(r"[0-9:. minsec]{0,20}", fullmatch=True) | st.floats())
def test_any_duration_is_within_bounds(value: str | float) -> None:
    """No text and no number breaks the limits."""
    seconds = read_seconds(value)
    assert seconds is None or 1 <= seconds <= 3_600


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({}, None),
        ({"duration": "3:30"}, 210.0),
        ({"seconds": 90}, 90.0),
        ({"duration_seconds": 200, "duration": "3:30"}, 200.0),
        ({"metadata": {"duration": 180}}, 180.0),
        ({"metadata": {"duration_seconds": "180"}, "duration": "unknown"}, 180.0),
        ({"duration": 3.5}, 210.0),
        ({"duration": "3.5"}, 210.0),
        ({"length": 9.99}, 599.4),
        ({"duration": 10}, None),
        ({"duration": 29}, None),
        ({"duration": 30}, 30.0),
        ({"duration_seconds": 3.5}, 3.5),
        ({"song_length": "3:30"}, 210.0),
        ({"length": "short"}, None),
        ({"duration": 100, "metadata": {"duration": 180}}, 100.0),
    ],
)
def test_a_song_names_its_duration_in_several_places(
    members: dict[str, object], expected: float | None
) -> None:
    """At the top level or in the metadata, under its usual names."""
    writing = {"structure": [{"type": "verse", "lyrics": "la"}], **members}
    found = parse_brief(Kind.AUDIO, json.dumps(writing)).unwrap()
    assert isinstance(found, LyricsBrief)
    assert found.seconds == expected
