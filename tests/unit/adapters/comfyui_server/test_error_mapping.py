"""No message contains text of the brief."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from adapters.comfyui_server.error_mapping import Redactor


def test_text_of_the_brief_is_removed() -> None:
    """As a whole, line by line, and in Python's notation."""
    clean = Redactor(["a lake,\nat 'dawn'", "fog"]).redact
    assert clean("bad: a lake,\nat 'dawn'!") == "bad: …!"
    assert clean("bad: a lake, here") == "bad: … here"
    assert clean(f"bad: {'a lake,' + chr(10) + 'at'!r}") == r"bad: '…\nat'"
    assert clean("fog of war") == "fog of war"  # too short to hide


@given(st.text(min_size=4).filter(lambda text: "…" not in text), st.text(), st.text())
def test_no_part_of_a_text_stays(text: str, before: str, behind: str) -> None:
    """Wherever it appears."""
    assert text not in Redactor([text]).redact(f"{before}…{text}…{behind}".replace("…", "\0"))
