"""Seeds, kinds, and the time left of a render."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.brief import ImageBrief, seed_for
from domain.prompt import Kind
from domain.render import seconds_left

BRIEF = ImageBrief("a lake")


@given(*[st.integers(1, 2**63 - 1)] * 2, st.integers(1, 99))
def test_a_chosen_seed_fits_every_sampler_and_is_the_same_each_time(
    prompt_id: int, render_id: int, variant: int
) -> None:
    """32 bits, computed from the render alone."""
    seed = seed_for(BRIEF, prompt_id, render_id, variant)
    assert 0 <= seed < 2**32
    assert seed == seed_for(ImageBrief("another"), prompt_id, render_id, variant)


def test_every_render_and_every_variant_has_a_seed_of_its_own() -> None:
    """A second render of the same prompt gives another result."""
    renders = list(product([1, 2], range(1, 500), [1, 2]))
    assert len({seed_for(BRIEF, *render) for render in renders}) == len(renders)


@pytest.mark.parametrize("seed", [0, 1, 2**64 - 1])
def test_the_seed_of_the_brief_counts_first(seed: int) -> None:
    """A named seed is used, even 0."""
    assert seed_for(ImageBrief("a lake", seed=seed), 1, 2, 3) == seed


def test_the_kinds_and_their_prompt_types() -> None:
    """Two prompt types belong to Media Generator, and no lookalikes do."""
    assert {kind.value: kind.prompt_type for kind in Kind} == {
        "image": "image_prompt",
        "audio": "lyrics_prompt",
    }
    assert [Kind.of_prompt_type(kind.prompt_type) for kind in Kind] == list(Kind)
    for foreign in ("poetry", "image", "Image_Prompt", "song", ""):
        assert Kind.of_prompt_type(foreign) is None


FRACTIONS = st.floats(0.02, 1)
SECONDS = st.floats(0, 1e6)


@given(FRACTIONS, SECONDS, SECONDS)
def test_a_steady_render_ends_at_its_estimate(fraction: float, whole: float, since: float) -> None:
    """At a steady pace the time left is the total minus the time passed, and at least zero."""
    left = seconds_left(fraction, fraction * whole, since)
    assert left is not None
    assert left == pytest.approx(max(0.0, whole * (1 - fraction) - since), abs=1e-3)


@given(FRACTIONS, SECONDS, SECONDS, SECONDS)
def test_the_estimate_never_grows_without_news(
    fraction: float, elapsed: float, sooner: float, later: float
) -> None:
    """Without new progress the time left only shrinks."""
    sooner, later = sorted((sooner, later))
    left, less = seconds_left(fraction, elapsed, sooner), seconds_left(fraction, elapsed, later)
    assert left is not None
    assert less is not None
    assert 0 <= less <= left


@given(FRACTIONS, FRACTIONS, SECONDS)
def test_initial_progress_does_not_count_towards_the_pace(
    first: float, fraction: float, elapsed: float
) -> None:
    """Only progress made during the observed time."""
    left = seconds_left(fraction, elapsed, 0.0, first)
    if fraction - first < 0.02:
        assert left is None
    else:
        assert left == pytest.approx(elapsed * (1 - fraction) / (fraction - first))


@pytest.mark.parametrize("fraction", [None, 0.0, 0.0199, -1.0, 1.01, float("nan"), float("inf")])
def test_there_is_no_estimate_without_enough_progress(fraction: float | None) -> None:
    """Unknown, hardly started, or not a fraction."""
    assert seconds_left(fraction, 100) is None


def test_a_clock_set_back_makes_no_time_negative() -> None:
    """Negative times count as none."""
    assert seconds_left(0.5, -5, -5) == 0
    assert seconds_left(0.5, 10, -5) == 10
