"""Converting a field's value to the form that an input takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.comfyui_graph.input_values import fit
from adapters.comfyui_graph.node_types import InputType

if TYPE_CHECKING:
    from adapters.comfyui_graph.input_values import Value

METRES = ("2", "3", "4", "6")
KEYS = ("C major", "C# minor", "Db major", "D minor", "Eb major", "A minor")
CODES = ("de", "en", "yue", "zh", "unknown")


def choice(*choices: object) -> InputType:
    """A list to choose from."""
    return InputType("COMBO", choices, {}, required=True)


def number(kind: str, **bounds: Any) -> InputType:  # noqa: ANN401 - of either type of number
    """A number within bounds."""
    return InputType(kind, None, bounds, required=True)


@pytest.mark.parametrize(
    ("field", "value", "choices", "chosen"),
    [
        ("time_signature", "4/4", METRES, "4"),
        ("time_signature", "6/8 time", METRES, "6"),
        ("time_signature", "common time", METRES, "4"),
        ("time_signature", "12/8", METRES, None),
        ("time_signature", "free", METRES, None),
        ("time_signature", "3", (2, 3, 4), 3),
        ("key", "D minor", KEYS, "D minor"),
        ("key", "Dm", KEYS, "D minor"),
        ("key", "c sharp minor", KEYS, "C# minor"),
        ("key", "C♯ Major", KEYS, "Db major"),
        ("key", "E-flat", KEYS, "Eb major"),
        ("key", "A Aeolian", KEYS, "A minor"),
        ("key", "A minor (natural)", KEYS, "A minor"),
        ("key", "F# major", KEYS, None),
        ("key", "Atonal", KEYS, None),
        ("language", "English", CODES, "en"),
        ("language", "en-GB", CODES, "en"),
        ("language", "Mandarin Chinese", CODES, "zh"),
        ("language", "Klingon", CODES, None),
        ("quality", "HIGH", ("low", "high"), "high"),
        ("quality", "best", ("low", "high"), None),
    ],
)
def test_a_text_becomes_the_matching_choice(
    field: str, value: str, choices: tuple[object, ...], chosen: Value | None
) -> None:
    """A text that matches no choice leaves the workflow's own value, with a note."""
    fitted = fit(field, value, "4", choice(*choices))
    assert fitted.value == chosen
    assert bool(fitted.note) == (chosen is None)


@pytest.mark.parametrize(
    ("field", "value", "own", "expected"),
    [
        ("time_signature", "3/4", "4", "3"),
        ("time_signature", "3/4", "4/4", "3/4"),
        ("key", "dm", "E minor", "D minor"),
        ("key", "Dm", "any key", "Dm"),
        ("language", "German", "en", "de"),
        ("language", "German", "English", "German"),
        ("tempo", "92 BPM", 120, 92),
        ("tempo", "90-100 BPM", 120, None),
        ("seconds", 95.5, "120", "95.5"),
        ("width", 768, ["8", 0], 768),
    ],
)
def test_without_a_server_the_current_value_shows_the_notation(
    field: str, value: Value, own: object, expected: Value | None
) -> None:
    """A bare number, a code, or prose."""
    assert fit(field, value, own).value == expected


@pytest.mark.parametrize(
    ("value", "kind", "fitted"),
    [(1200.0, "FLOAT", 1000.0), (0.5, "FLOAT", 1.0), (95.4, "INT", 95), ("92 BPM", "INT", 92)],
)
def test_a_number_is_kept_within_its_bounds(value: Value, kind: str, fitted: float) -> None:
    """With a note if it had to be changed."""
    result = fit("seconds", value, 120, number(kind, min=1, max=1000))
    assert result.value == fitted
    assert type(result.value) is (int if kind == "INT" else float)
    assert bool(result.note) == (value in {1200.0, 0.5})


types = st.none() | st.builds(
    InputType,
    st.sampled_from(["INT", "FLOAT", "STRING", "COMBO", "*"]),
    st.none() | st.lists(st.text(max_size=9), max_size=4).map(tuple),
    st.dictionaries(st.sampled_from(["min", "max"]), st.integers(-9, 9)),
    st.booleans(),
)


@given(
    st.sampled_from(["time_signature", "key", "language", "tempo", "seconds", "prompt"]),
    st.text() | st.integers(0, 10**9) | st.floats(0, 10**6),
    st.text() | st.integers() | st.just(["1", 0]) | st.none(),
    types,
)
def test_every_value_fits_or_is_left_out(
    field: str, value: Value, own: object, expected: InputType | None
) -> None:
    """A value from a list is one of its choices."""
    fitted = fit(field, value, own, expected)
    if fitted.value is not None and expected is not None and expected.choices:
        assert fitted.value in expected.choices
    if expected is not None and not expected.choices and expected.type == "INT":
        assert fitted.value is None or isinstance(fitted.value, int)
