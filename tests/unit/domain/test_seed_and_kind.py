"""Which seed a render uses, and what the kinds are called by others."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.brief import ImageBrief
from domain.kind import Kind
from domain.seed import seed_for

BRIEF = ImageBrief("a lake")


@given(*[st.integers(1, 2**63 - 1)] * 2, st.integers(1, 99))
def test_a_chosen_seed_fits_every_sampler_and_is_the_same_each_time(
    prompt_id: int, render_id: int, variant: int
) -> None:
    """32 bits, and nothing but the render decides."""
    seed = seed_for(BRIEF, prompt_id, render_id, variant)
    assert 0 <= seed < 2**32
    assert seed == seed_for(ImageBrief("another"), prompt_id, render_id, variant)


def test_every_render_and_every_variant_has_a_seed_of_its_own() -> None:
    """A new render of the same prompt gives something new."""
    renders = list(product([1, 2], range(1, 500), [1, 2]))
    assert len({seed_for(BRIEF, *render) for render in renders}) == len(renders)


@pytest.mark.parametrize("seed", [0, 1, 2**64 - 1])
def test_the_seed_of_the_brief_counts_first(seed: int) -> None:
    """Who names a seed gets it, even 0."""
    assert seed_for(ImageBrief("a lake", seed=seed), 1, 2, 3) == seed


def test_the_kinds_and_their_prompt_types() -> None:
    """Two types are ours, and nothing that only looks like them."""
    assert {kind.value: kind.prompt_type for kind in Kind} == {
        "image": "image_prompt",
        "audio": "lyrics_prompt",
    }
    assert [Kind.of_prompt_type(kind.prompt_type) for kind in Kind] == list(Kind)
    for foreign in ("poetry", "image", "Image_Prompt", "song", ""):
        assert Kind.of_prompt_type(foreign) is None
