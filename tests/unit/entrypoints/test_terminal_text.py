"""Making text from a database safe for a terminal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrypoints.terminal_text import cells, fitted, lines_of, one_line, table

ANYTHING = st.text(st.characters(exclude_categories=()))


def harmless(text: str) -> bool:
    """Whether text has no effect on a terminal; joiners only hold letters together."""
    return all(letter.isprintable() or letter in "\u200c\u200d" for letter in text)


@given(ANYTHING)
def test_one_line_is_one_harmless_line(text: str) -> None:
    """Whatever the input: escapes, newlines of any kind, halves of characters."""
    assert harmless(one_line(text))
    one_line(text).encode()


@given(ANYTHING)
def test_lines_are_harmless(text: str) -> None:
    """Lyrics keep their lines and lose control characters."""
    assert all(harmless(line) for line in lines_of(text))


@given(ANYTHING.map(one_line), st.integers(0, 30))
def test_fitted_text_fits(text: str, columns: int) -> None:
    """It never takes more columns; text that fits is unchanged; cut text is marked."""
    shown = fitted(text, columns)
    assert cells(shown) <= columns
    if cells(text) <= columns:
        assert shown == text
    elif columns:
        assert shown.endswith("…")
        assert text.startswith(shown[:-1])


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\n\tb  c", "a b c"),
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("caf\udce9", "caf\ufffd"),
        ("👩\u200d🚀", "👩\u200d🚀"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        (None, ""),
    ],
)
def test_examples(text: str | None, shown: str) -> None:
    """White space becomes one space, control characters visible, emoji families stay whole."""
    assert one_line(text) == shown


def test_a_table_is_aligned_by_columns_of_the_terminal() -> None:
    """Wide letters count twice; numbers are right-aligned on request."""
    rows = [("ID", "湖", "x"), ("7", "a", "y")]
    assert table(rows, numbers={0}) == ["ID  湖  x", " 7  a   y"]
    assert table(rows, 6) == ["ID  …", "7   a…"] or cells(table(rows, 6)[0]) <= 6
    assert table([]) == []
