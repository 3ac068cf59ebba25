"""Positions in the list of prompts, as tokens for an address."""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.ports.gallery import PromptPosition

LIMIT = (1 << 63) - 1
integers = st.integers(-LIMIT, LIMIT)
columns = (
    st.none()
    | st.text(st.characters())
    | st.binary()
    | integers
    | st.floats(allow_nan=False)
    | st.just("2026-01-06\udcff")
)


@given(columns, integers)
def test_a_token_restores_its_position(
    created_at: str | float | bytes | None, prompt_id: int
) -> None:
    """With the exact value and type of the column; the token needs no quoting."""
    place = PromptPosition(created_at, prompt_id)
    token = place.token()
    assert re.fullmatch(r"[\w-]+", token, re.ASCII)
    found = PromptPosition.of_token(token)
    assert found == place
    assert type(found.created_at) is type(created_at)


@given(st.text() | st.text("ABCabc012_-="))
def test_any_text_is_a_position_or_refused(text: str) -> None:
    """Only the documented error is raised."""
    try:
        PromptPosition.of_token(text)
    except ValueError as error:
        assert "start at the beginning" in str(error)  # noqa: PT017 - most texts are refused


@pytest.mark.parametrize(
    "packed",
    [
        b"",
        b"[]",
        b"1",
        b"[1]",
        b"[1,2,3]",
        b'["x","1"]',
        b'["x",1.0]',
        b'["x",true]',
        b"[true,1]",
        b"[[],1]",
        b"[{},1]",
        b'[{"hex":"zz"},1]',
        b'[{"hex":1},1]',
        b'["x",9223372036854775808]',
        b"[9223372036854775808,1]",
        b"\xff",
        b"[" * 100_000,
    ],
)
def test_a_forged_token_is_refused(packed: bytes) -> None:
    """Before a database query uses it."""
    with pytest.raises(ValueError, match="start at the beginning"):
        PromptPosition.of_token(urlsafe_b64encode(packed).decode())
