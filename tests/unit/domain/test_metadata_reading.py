"""Metadata of any program: an object that can be written as JSON again, or an empty one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.metadata_reading import read_metadata

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
values: st.SearchStrategy[Any] = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=15
)


@given(
    st.dictionaries(
        st.text(),
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    ).filter(
        lambda found: all(value not in {float("inf"), -float("inf")} for value in found.values())
    )
)
def test_what_is_sound_stays_as_it_is(metadata: dict[str, object]) -> None:
    """Escaped or not, as text or as bytes."""
    for text in (json.dumps(metadata), json.dumps(metadata, ensure_ascii=False)):
        assert read_metadata(text) == metadata
        assert read_metadata(f"\ufeff{text}".encode()) == metadata


@given(st.dictionaries(st.text(), values) | values | st.text() | st.binary())
def test_whatever_is_there_can_be_written_again(found: object) -> None:
    """As strict JSON in UTF-8."""
    raw = found if isinstance(found, str | bytes) else json.dumps(found)
    read = read_metadata(raw)
    json.dumps(read, allow_nan=False, ensure_ascii=False).encode()
    if isinstance(found, dict):
        assert len(read) == len(found)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ('{"a": NaN, "b": -Infinity}', {"a": None, "b": None}),
        ('{"c": 1e999, "d": 1.5}', {"c": None, "d": 1.5}),
        ('{"a": "\\ud800", "\\udc00": [1]}', {"a": "?", "?": [1]}),
        ('{"a": 1, "a": 2}', {"a": 2}),
        ('{"seed": 18446744073709551615}', {"seed": 18446744073709551615}),
        (b'{"a": "\xff"}', {"a": "\ufffd"}),
        ('{"n": ' + "9" * 5000 + "}", {}),
        ("[" * 100_000, {}),
        ("{}x", {}),
        (None, {}),
        (12, {}),
        (1.5, {}),
    ],
)
def test_odd_things(raw: object, expected: dict[str, object]) -> None:
    """What JSON has no word for becomes null, what is no object becomes an empty one."""
    assert read_metadata(raw) == expected


def test_what_is_nested_too_deeply_is_cut_off() -> None:
    """So that nobody who writes it again runs out of stack."""
    raw = '{"a": ' * 200 + "1" + "}" * 200
    read: object = read_metadata(raw)
    depth = 0
    while isinstance(read, dict):
        depth, read = depth + 1, read["a"]
    assert (depth, read) == (32, None)
