"""Many briefs from one document."""

from __future__ import annotations

import copy
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.brief_parser import parse_brief
from domain.prompt import Kind
from domain.variation import (
    MAX_VARIATIONS,
    Axis,
    VariationError,
    axes_of,
    caption,
    check_label,
    grid,
    label_of,
    read_axis,
    with_values,
)


@pytest.mark.parametrize(
    ("written", "path", "values"),
    [
        ("technical_params.steps=10,20,30", "technical_params.steps", (10, 20, 30)),
        ("seed=1..4", "seed", (1, 2, 3, 4)),
        ("strength=0.2..1.0..0.2", "strength", (0.2, 0.4, 0.6, 0.8, 1.0)),
        ("cfg=2..1..0.5,-0.5..0.6", "cfg", (2.0, 1.5, 1.0, -0.5, 0.5)),
        ("a.b=30..10..10, 5", "a.b", (30, 20, 10, 5)),
        (
            'm=calm, "red, wild",1.5,true,null,007',
            "m",
            ("calm", "red, wild", 1.5, True, None, "007"),
        ),
        ('x=["a,b", [1], {"c": 2}]', "x", ("a,b", [1], {"c": 2})),
        ("cfg=-1e2,6.5,7", "cfg", (-100.0, 6.5, 7)),
    ],
)
def test_an_axis_as_a_person_types_it(written: str, path: str, values: tuple[Any, ...]) -> None:
    """Numbers stay numbers, texts with commas stand in quotes, ranges include their end."""
    assert read_axis(written) == Axis(path, values)


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("steps", "has no '='"),
        ("=1", "is no path"),
        ("a..b=1", "is no path"),
        ("a=", "no values"),
        ("a=1,,2", "blank"),
        ("a=1,1", "twice"),
        ("a=[1", "no JSON array"),
        ("a=[]", "no values"),
        ("a=1..9999", "at most 1,000"),
        ("a=1..9..0", "a step of 0"),
        ('a="b', "cannot be read"),
    ],
)
def test_an_axis_that_cannot_be_read(written: str, reason: str) -> None:
    """The message names the path and the reason."""
    with pytest.raises(VariationError, match=reason):
        read_axis(written)


_VALUES = st.lists(st.integers(0, 99) | st.text(max_size=3), min_size=1, max_size=4, unique=True)


@given(st.dictionaries(st.sampled_from("abcd"), _VALUES, min_size=1, max_size=4))
def test_a_grid_is_every_combination(values: dict[str, list[Any]]) -> None:
    """Each once, and it holds the values of the axes."""
    axes = [Axis(path, tuple(each)) for path, each in values.items()]
    cells = grid(axes)
    assert len(cells) == math.prod(len(axis.values) for axis in axes)
    assert len({json.dumps(cell) for cell in cells}) == len(cells)
    assert axes_of(cells) == axes


def test_a_grid_is_bounded() -> None:
    """The message gives the number of combinations."""
    axes = [Axis("a", tuple(range(50))), Axis("b", tuple(range(21)))]
    with pytest.raises(VariationError, match=f"50 × 21 are 1,050 .* at most {MAX_VARIATIONS:,}"):
        grid(axes)
    with pytest.raises(VariationError, match="varied twice"):
        grid([Axis("a", (1,)), Axis("a", (2,))])


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(
    st.dictionaries(st.sampled_from("abc"), _JSON, max_size=3),
    st.lists(st.sampled_from(["a", "b", "c", "0"]), min_size=1, max_size=4),
    st.integers(1),
)
def test_a_value_is_set_at_its_path(document: dict[str, Any], names: list[str], value: int) -> None:
    """The rest is unchanged, and so is the given document."""
    before = copy.deepcopy(document)
    path = ".".join(names)
    try:
        varied = with_values(Kind.IMAGE, document, {path: value})
    except VariationError:
        return
    finally:
        assert document == before
    found: Any = varied
    for name in names:
        found = found[int(name) if isinstance(found, list) else name]
    assert found == value
    assert {name: each for name, each in varied.items() if name != names[0]} == {
        name: each for name, each in document.items() if name != names[0]
    }


def test_a_field_is_set_where_it_is_read() -> None:
    """In the spelling that the document already uses."""
    document = {"prompt": "x", "Technical Params": {"Mood": "calm", "steps": 4}, "seed": 3}
    varied = with_values(Kind.IMAGE, document, {"mood": "wild", "technical_params.steps": 9})
    assert varied == {"prompt": "x", "Technical Params": {"Mood": "wild", "steps": 9}, "seed": 3}
    song = with_values(Kind.AUDIO, {"structure": [], "title": "t"}, {"lyrics": "la"})
    assert song == {"title": "t", "lyrics": "la"}
    with pytest.raises(VariationError, match="follows from other fields"):
        with_values(Kind.AUDIO, {}, {"tags": "x"})
    with pytest.raises(VariationError, match="a list without the place 2"):
        with_values(Kind.IMAGE, {"loras": [1]}, {"loras.2": 0})


def test_labels() -> None:
    """Made from the words of the text; validated if a user gives one."""
    assert label_of("A Lake at dawn, über alles 123", "3f9c") == "a-lake-at-dawn-über-3f9c"
    assert label_of("!?", "3f9c") == "3f9c"
    assert check_label("  foxes ") == "foxes"
    for wrong in ("", " ", "x" * 201, "a\nb"):
        with pytest.raises(VariationError):
            check_label(wrong)
    assert caption({"technical_params.steps": 10, "mood": "calm"}) == "steps 10, mood calm"


def test_a_field_is_varied_where_the_brief_holds_it() -> None:
    """In any spelling, so that no former value is left, noted as unused, or read by a rule."""
    written = {"Seed": 5, "prompt": "a fox", "technicalDetails": {"Mood": "calm"}}
    varied = with_values(Kind.IMAGE, written, {"seed": 1, "mood": "wild"})
    assert varied == {"Seed": 1, "prompt": "a fox", "technicalDetails": {"Mood": "wild"}}
    brief = parse_brief(Kind.IMAGE, json.dumps(varied)).unwrap()
    assert (brief.seed, brief.notes) == (1, ())
    blank = {"prompt": "a fox", "seed": None}
    assert with_values(Kind.IMAGE, blank, {"seed": 1})["technical_params"] == {"seed": 1}
