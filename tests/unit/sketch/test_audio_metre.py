"""Tempo and time signature determine a grid of steps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sketch.audio.theory import Metre, parse_metre, parse_tempo


@pytest.mark.parametrize(
    ("text", "bpm"),
    [
        ("120 BPM", 120),
        ("slow", 68),
        ("very slow", 54),
        ("Moderate", 98),
        ("9999", 220),
        ("", None),
    ],
)
def test_tempo_in_words_and_numbers(text: str, bpm: float | None) -> None:
    """Numbers override words and stay within playable limits."""
    assert parse_tempo(text) == bpm


def test_two_tempo_words_meet_in_the_middle() -> None:
    """Slow to fast is between slow and fast."""
    assert parse_tempo("slow to fast") == (68 + 144) / 2


@pytest.mark.parametrize(
    ("signature", "beats", "bar"),
    [("4/4", 4, 16), ("3/4", 3, 12), ("6/8", 2, 12), ("12/8", 4, 24), ("7/8", 7, 14), ("x", 4, 16)],
)
def test_time_signatures(signature: str, beats: int, bar: int) -> None:
    """Eighths in threes give dotted beats; an invalid signature means common time."""
    metre = parse_metre(signature, 100, 0.5)
    assert (metre.beats, metre.bar) == (beats, bar)


@given(st.floats(0.5, 0.7), st.integers(0, 400))
def test_time_rises_with_steps_and_beats_never_swing(swing: float, step: int) -> None:
    """Swing moves steps within a beat, not the beats."""
    metre = Metre(4, 4, 120.0, swing)
    assert metre.seconds_at(step + 1) > metre.seconds_at(step)
    assert metre.seconds_at(step * 4) == pytest.approx(step * 0.5)


@given(st.text(max_size=30))
def test_any_text_can_be_parsed(text: str) -> None:
    """Neither parser raises, and the result can be played."""
    bpm = parse_tempo(text)
    assert bpm is None or 40 <= bpm <= 220
    assert parse_metre(text, 100, 0.5).step_seconds > 0
