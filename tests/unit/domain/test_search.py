"""What counts as a word, and how a search is parsed."""

from __future__ import annotations

import pytest

from domain.search import EmptySearchError, Search, SearchTerm, searchable_text, words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A lake, at DAWN!", ["a", "lake", "at", "dawn"]),
        ("Café Müller straße", ["cafe", "muller", "strasse"]),
        ("neon-lit_alley 2.5", ["neon", "lit", "alley", "2", "5"]),
        ("山湖 at dawn", ["山", "湖", "at", "dawn"]),
        ("'); DROP TABLE x --", ["drop", "table", "x"]),
        ("", []),
    ],
)
def test_words_have_neither_case_nor_accents(text: str, words: list[str]) -> None:
    """Scripts without spaces are cut into characters."""
    assert words_of(text) == words


def test_a_search_has_words_phrases_beginnings_and_exclusions() -> None:
    """In the syntax of other search boxes, too."""
    assert Search.of_text('lake "at dawn" -crowd mount* lake') == Search(
        (
            SearchTerm(("lake",)),
            SearchTerm(("at", "dawn")),
            SearchTerm(("crowd",), is_excluded=True),
            SearchTerm(("mount",), is_prefix=True),
        )
    )
    assert Search.of_text('"open quote').terms == (SearchTerm(("open", "quote")),)


@pytest.mark.parametrize(
    ("text", "is_prefix"),
    [
        ("lake mo", True),
        ("lake m", False),
        ("lake ", False),
        ('"at da', True),
        ('"at dawn"', False),
        ("lake -mo", False),
        ("lake!", False),
        ("山", False),
    ],
)
def test_the_last_word_may_be_half_typed(text: str, *, is_prefix: bool) -> None:
    """Unless it ends, is excluded, or is a single letter."""
    assert Search.of_text(text, is_typed=True).terms[-1].is_prefix == is_prefix
    assert not Search.of_text(text).terms[-1].is_prefix


@pytest.mark.parametrize("text", ["", "  ", "-crowd", "!?", '""'])
def test_a_search_needs_a_word(text: str) -> None:
    """An empty search is refused."""
    with pytest.raises(EmptySearchError, match="no word to look for"):
        Search.of_text(text)


def test_the_values_of_a_writing_can_be_found_but_not_its_names() -> None:
    """Of JSON only the text that a person would read; of anything else all of it."""
    content = '{"title": "Steam", "structure": [{"type": "verse", "lyrics": "It rises"}], "n": 5}'
    assert searchable_text("A song", content) == "a song steam verse it rises"
    assert searchable_text("", "no JSON {") == "no json"
