"""Syllables are placed in the bar."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sketch.audio.theory import Metre, onsets

_METRE = Metre(4, 4, 100.0)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=32), st.integers(4, 128), st.integers(0, 99))
def test_onsets_rise_within_the_phrase(stresses: list[float], steps: int, seed: int) -> None:
    """Each placed syllable comes after the one before."""
    placed = onsets(stresses, steps, _METRE, np.random.default_rng(seed))
    assert placed == sorted(set(placed))
    assert 0 <= placed[0] <= placed[-1] < steps
    assert len(placed) == min(len(stresses), max(int(steps * 0.84), 1))


def test_strong_syllables_fall_on_strong_steps() -> None:
    """Over many grooves, stressed syllables are on stronger steps than weak ones."""
    strong, weak = [], []
    for seed in range(40):
        placed = onsets([1.0, 0.1] * 4, 16, _METRE, np.random.default_rng(seed))
        strong += [_METRE.strength(step) for step in placed[::2]]
        weak += [_METRE.strength(step) for step in placed[1::2]]
    assert np.mean(strong) > np.mean(weak) + 0.2
