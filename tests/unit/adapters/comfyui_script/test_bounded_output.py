"""Only the end of a stream is kept."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from adapters.comfyui_script.bounded_output import Tail


@given(st.lists(st.binary(max_size=40)), st.integers(1, 20))
def test_the_tail_is_the_end_of_what_was_added(chunks: list[bytes], limit: int) -> None:
    """However it was cut into pieces, and whatever bytes they hold."""
    tail = Tail(limit)
    for chunk in chunks:
        tail.add(chunk)
    assert tail.text() == b"".join(chunks)[-limit:].decode("utf-8", "replace")
