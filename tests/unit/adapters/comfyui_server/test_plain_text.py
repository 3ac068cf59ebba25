"""What a server echoes is made fit for reports, and keeps the brief's words to itself."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from adapters.comfyui_server.plain_text import Scrubber, one_line, tail


def test_the_briefs_words_are_taken_out() -> None:
    """As a whole, line by line, and as Python writes them."""
    clean = Scrubber(["a lake,\nat 'dawn'", "fog"]).clean
    assert clean("bad: a lake,\nat 'dawn'!") == "bad: …!"
    assert clean("bad: a lake, here") == "bad: … here"
    assert clean(f"bad: {'a lake,' + chr(10) + 'at'!r}") == r"bad: '…\nat'"
    assert clean("fog of war") == "fog of war"  # too short to hide


@given(st.text(min_size=4).filter(lambda text: "…" not in text), st.text(), st.text())
def test_nothing_of_a_text_stays(text: str, before: str, behind: str) -> None:
    """Wherever it stands."""
    assert text not in Scrubber([text]).clean(f"{before}…{text}…{behind}".replace("…", "\0"))


def test_a_line_is_short_and_plain() -> None:
    """Without colours, control characters and line ends."""
    assert one_line("\x1b[31mred\x1b[0m\r\n\tline\x00") == "red line"
    assert one_line("x" * 1000, 10) == "xxxxxxxxx…"


def test_a_tail_holds_the_last_lines() -> None:
    """Without the underlining of tracebacks, 2,000 characters at most."""
    assert tail("first\n\n   ^^^^^\n  second\n") == "first\n  second"
    long = tail("\n".join(f"line {number} {'x' * 700}" for number in range(100)))
    assert len(long) <= 2_000
    assert long.splitlines()[-1].startswith("line 99 ")
