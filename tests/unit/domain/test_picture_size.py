"""From an aspect ratio to a width and a height."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.picture_size import PictureSize, SizeRule, read_ratio

RULE = SizeRule()
SIDES = st.none() | st.integers(1, 16_384)


@pytest.mark.parametrize(
    ("aspect_ratio", "expected"),
    [
        ("16:9", (1344, 768)),
        ("9:16", (768, 1344)),
        ("1:1", (1024, 1024)),
        ("", (1024, 1024)),
        ("whatever you like", (1024, 1024)),
        ("4:3", (1152, 896)),
        ("3x4", (896, 1152)),
        ("portrait", (896, 1152)),
        ("Landscape", (1152, 896)),
        ("square", (1024, 1024)),
        ("cinematic widescreen", (1344, 768)),
        ("1920x1080", (1344, 768)),
        ("1920 × 1080", (1344, 768)),
        ("16 / 9", (1344, 768)),
        ("16 by 9", (1344, 768)),
        ("2 to 3", (832, 1280)),
        ("21:9 (ultrawide)", (1536, 640)),
        ("1.78", (1344, 768)),
        ("2.39:1", (1600, 640)),
        ("100:1", (2048, 512)),
        ("1:100", (512, 2048)),
        ("16:0", (1024, 1024)),
        ("0:0", (1024, 1024)),
        ("0", (1024, 1024)),
        ("1080", (1024, 1024)),
    ],
)
def test_sizes_of_aspect_ratios(aspect_ratio: str, expected: tuple[int, int]) -> None:
    """About one megapixel, in multiples of 64; an unreadable ratio gives a square."""
    assert RULE.size(aspect_ratio) == PictureSize(*expected)


@pytest.mark.parametrize(
    ("rule", "named", "expected"),
    [
        (RULE, {"width": 820, "height": 600}, (832, 576)),
        (RULE, {"width": 1920}, (1920, 1088)),
        (RULE, {"height": 720}, (1280, 704)),
        (RULE, {"width": 5, "height": 99_999}, (256, 4096)),
        (SizeRule(width=512), {}, (512, 256)),
        (SizeRule(width=512, height=640), {}, (512, 640)),
        (SizeRule(width=512, height=640), {"width": 1024}, (1024, 640)),
        (SizeRule(megapixels=0.25), {}, (704, 384)),
        (SizeRule(multiple=8), {}, (1368, 768)),
    ],
)
def test_named_sides_count_before_the_ratio(
    rule: SizeRule, named: dict[str, int], expected: tuple[int, int]
) -> None:
    """The brief's side counts before the rule's, and the ratio (16:9) gives the missing one."""
    assert rule.size("16:9", **named) == PictureSize(*expected)


@given(st.text() | st.from_regex(r"[\d.]{1,8}\s*[:x×/]\s*[\d.]{1,8}"), SIDES, SIDES)
def test_any_text_gives_a_size_within_bounds(
    aspect_ratio: str, width: int | None, height: int | None
) -> None:
    """No text raises, or asks for a size that no model can render."""
    size = RULE.size(aspect_ratio, width, height)
    for side in (size.width, size.height):
        assert side % 64 == 0
        assert 256 <= side <= 4096


@given(
    st.builds(
        SizeRule,
        megapixels=st.floats(0.01, 16),
        multiple=st.integers(1, 1024),
        width=st.none() | st.integers(256, 4096),
        height=st.none() | st.integers(256, 4096),
    ),
    st.sampled_from(["16:9", "1:1", "1:4", ""]),
    SIDES,
    SIDES,
)
def test_every_rule_that_can_be_configured_keeps_its_own_bounds(
    rule: SizeRule, aspect_ratio: str, width: int | None, height: int | None
) -> None:
    """Whatever the multiple, each side is a multiple of it and lies between the bounds."""
    size = rule.size(aspect_ratio, width, height)
    for side in (size.width, size.height):
        assert side % rule.multiple == 0
        assert rule.smallest <= side <= rule.largest


@given(st.integers(1, 99_999), st.integers(1, 99_999))
def test_the_ratio_is_near_the_one_that_was_asked_for(across: int, down: int) -> None:
    """Each side is off by half a multiple at most, so the area stays near a megapixel."""
    ratio = min(max(across / down, 0.25), 4.0)
    size = RULE.size(f"{across}:{down}")
    assert abs(size.width - 1024 * math.sqrt(ratio)) <= 32.001
    assert abs(size.height - 1024 / math.sqrt(ratio)) <= 32.001


@given(st.text())
def test_the_ratio_of_any_text_is_between_its_bounds(text: str) -> None:
    """Never steeper than four to one, except for the rounding of the sides."""
    size = RULE.size(text)
    assert 0.24 <= size.width / size.height <= 4.1


@given(st.floats(0.25, 4.0))
def test_a_lone_number_is_a_ratio(ratio: float) -> None:
    """A model may write 1.78 instead of 16:9."""
    assert math.isclose(read_ratio(f" {ratio:.4f}") or 0, ratio, abs_tol=1e-4)
