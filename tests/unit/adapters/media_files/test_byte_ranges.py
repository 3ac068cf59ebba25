"""Ranges agree with a model that writes down every byte."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.media_files.byte_ranges import MOST_RANGES, Stretch, asked_stretches

SIZES = st.integers(0, 1000)
NUMBERS = st.integers(0, 1100)


@st.composite
def _specs(draw: st.DrawFn) -> tuple[str, int | None, int | None]:
    """A valid range as text, its first byte and its last one."""
    first = draw(st.none() | NUMBERS)
    if first is None:
        last = draw(NUMBERS)
        return f"-{last}", None, last
    end = draw(st.none() | st.integers(first, 10**30))
    return f"{first}-{'' if end is None else end}", first, end


def _model(first: int | None, last: int | None, size: int) -> set[int]:
    """The numbers of the bytes that a range names, one by one."""
    every = set(range(size))
    if first is None:
        return {number for number in every if number >= size - (last or 0)}
    return {number for number in every if first <= number <= (size if last is None else last)}


@given(_specs(), SIZES)
def test_one_range_gives_exactly_its_bytes(
    spec: tuple[str, int | None, int | None], size: int
) -> None:
    """No byte more, no byte less; nothing at all where the file has none of them."""
    text, first, last = spec
    stretches = asked_stretches(f"bytes={text}", size)
    wanted = _model(first, last, size)
    assert stretches is not None
    assert len(stretches) == bool(wanted)
    assert {number for each in stretches for number in range(each.first, each.end)} == wanted


@given(st.lists(_specs(), min_size=1, max_size=6), SIZES)
def test_several_ranges_cover_their_bytes_once(
    specs: list[tuple[str, int | None, int | None]], size: int
) -> None:
    """All bytes that were asked for come, none comes twice, and few come that were not wanted."""
    stretches = asked_stretches("bytes=" + " , ".join(text for text, _, _ in specs), size)
    wanted = set().union(*(_model(first, last, size) for _, first, last in specs))
    assert stretches is not None
    given_bytes = [number for each in stretches for number in range(each.first, each.end)]
    assert len(given_bytes) == len(set(given_bytes))
    assert wanted <= set(given_bytes)
    assert all(0 <= each.first < each.end <= size for each in stretches)
    extra = set(given_bytes) - wanted
    assert len(extra) <= 128 * len(specs), "more than gaps were filled"
    for one in stretches:
        assert all(one == two or _apart(one, two) > 128 for two in stretches)


def _apart(one: Stretch, two: Stretch) -> int:
    return max(one.first, two.first) - min(one.end, two.end)


@given(st.text(max_size=60) | st.from_regex(r"bytes=[0-9, \-]{0,40}"), SIZES)
def test_any_header_is_understood_or_ignored(header: str, size: int) -> None:
    """No text is an error, and nothing outside the file is ever given."""
    stretches = asked_stretches(header, size)
    assert stretches is None or all(0 <= each.first < each.end <= size for each in stretches)


def test_far_ranges_stay_in_their_order() -> None:
    """As RFC 9110, section 15.3.7.2, wishes."""
    assert asked_stretches("bytes=9000-9001,0-0,5000-", 10_000) == (
        Stretch(5000, 10_000),
        Stretch(0, 1),
    )
    assert asked_stretches("bytes=-1,0-0", 10_000) == (Stretch(9999, 10_000), Stretch(0, 1))


@pytest.mark.parametrize("asked", ["0-9,138-140", "138-140,0-9"])
def test_small_gaps_are_filled(asked: str) -> None:
    """In either order; a byte more, and the head of another part costs less."""
    assert asked_stretches(f"bytes={asked}", 10_000) == (Stretch(0, 141),)
    apart = asked_stretches(f"bytes={asked.replace('138', '139')}", 10_000)
    assert apart is not None
    assert len(apart) == 2


@pytest.mark.parametrize(
    "header",
    [
        "bytes=5-2",
        "bytes=0-1,5-2",
        "bytes=100-",
        "bytes=100-200",
        "bytes=-0",
        "bytes=" + "9" * 1000 + "-",
        "bytes=" + ",".join("0-0" for _ in range(MOST_RANGES + 1)),
        "bytes=" + "0-0," * 10_000,
    ],
)
def test_what_cannot_be_given_is_refused(header: str) -> None:
    """Inverted ranges, those past the end, and floods."""
    assert asked_stretches(header, 100) == ()


@pytest.mark.parametrize(
    "header",
    ["", "bytes", "bytes=", "bytes=,", "bytes=-", "bytes=a-b", "bytes=1", "items=0-5",
     "bytes=0-1-2", "bytes=0x1-2", "bytes=٣-٤", "bytes=0-1;2-3", "bytes=--5", "bytes 0-5"],
)  # fmt: skip
def test_what_is_no_range_of_bytes_is_ignored(header: str) -> None:
    """As if the header was not there."""
    assert asked_stretches(header, 100) is None


def test_spaces_and_empty_places_do_not_matter() -> None:
    """A list may have them (RFC 9110, section 5.6.1); the unit's case does not matter either."""
    assert asked_stretches(" Bytes= ,0-9 ,\t, ", 100) == (Stretch(0, 10),)
