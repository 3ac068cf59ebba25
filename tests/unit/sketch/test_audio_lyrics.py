"""Lyrics are split into sections of lines of syllables, whatever the text is."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sketch.audio.lyrics import first_line, sections_of
from sketch.audio.singer import VOWELS


def _counts(lyrics: str) -> list[int]:
    return [len(line.syllables) for section in sections_of(lyrics) for line in section.lines]


def test_sections_keep_their_order_kind_and_lines() -> None:
    """Headings divide the text; numbers in them do not make another kind."""
    sections = sections_of("[VERSE 1]\nOne\nTwo\n\n[CHORUS]\nThree\n\n[VERSE 2]\nFour")
    assert [(section.kind, len(section.lines)) for section in sections] == [
        ("VERSE", 2),
        ("CHORUS", 1),
        ("VERSE", 1),
    ]
    assert [section.is_chorus for section in sections] == [False, True, False]


def test_text_before_any_heading_is_a_verse() -> None:
    """A poem without headings can be sung."""
    assert [section.kind for section in sections_of("Only a line")] == ["VERSE"]


@pytest.mark.parametrize(
    ("line", "count"),
    [
        ("Coffee brews and the hours slow down", 8),
        ("the moon came home", 4),
        ("Schöne Müllerin", 5),
        ("Привет, как дела", 5),
        ("こんにちは", 5),
        ("안녕하세요", 5),
        ("नमस्ते", 3),
        ("hmm", 1),
        ("7", 2),
        ("🔥🎵", 2),
    ],
)
def test_syllables_are_counted_as_they_are_sung(line: str, count: int) -> None:
    """Silent letters are not sung in English; other scripts have their own syllables."""
    prefix = "and the moon is in the sky for you and me\n" if line.isascii() else ""
    assert _counts(prefix + line)[-1] == count


def test_a_question_is_known_by_its_mark() -> None:
    """Quotation marks after the question mark do not hide it."""
    (section,) = sections_of('"Will you stay?"\nI will')
    assert [line.is_question for line in section.lines] == [True, False]


@pytest.mark.parametrize("lyrics", ["", "   \n\n", "[VERSE]\n\n[CHORUS]\n", "...\n!?\n--"])
def test_text_without_lyrics_has_no_sections(lyrics: str) -> None:
    """Headings and punctuation alone are no song."""
    assert sections_of(lyrics) == ()


def test_the_title_is_the_first_line_that_is_no_heading() -> None:
    """A song without a title is named after its first words."""
    assert first_line("\n[VERSE]\nSteam ascends,\nmore") == "Steam ascends"


def test_two_hundred_kilobytes_are_not_read_to_their_end() -> None:
    """Only the beginning of a very long text is analysed."""
    began = time.process_time()
    sections = sections_of("all work and no play\n" * 10_000)
    assert sum(len(section.lines) for section in sections) <= 400
    assert time.process_time() - began < 10


@given(st.text(max_size=400))
def test_any_text_can_be_analysed(lyrics: str) -> None:
    """Whatever the text, each syllable has a known vowel and a stress."""
    for section in sections_of(lyrics):
        assert section.lines
        for line in section.lines:
            assert 1 <= len(line.syllables) <= 32
            for syllable in line.syllables:
                assert syllable.vowel
                assert set(syllable.vowel) <= VOWELS.keys()
                assert 0.0 <= syllable.stress <= 1.0
