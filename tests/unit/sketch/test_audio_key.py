"""Musical keys are parsed from text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sketch.audio.theory import MODES, Key, parse_key


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("D major", Key(2, "major")),
        ("A minor", Key(9, "minor")),
        ("F# minor", Key(6, "minor")),
        ("Bb", Key(10, "major")),
        ("Bbm", Key(10, "minor")),
        ("C#m", Key(1, "minor")),
        ("E♭ major", Key(3, "major")),
        ("b-Moll", Key(11, "minor")),
        ("Es-Dur", Key(3, "major")),
        ("F sharp minor", Key(6, "minor")),
        ("D dorian", Key(2, "dorian")),
        ("key of G", Key(7, "major")),
    ],
)
def test_keys_in_many_spellings(text: str, key: Key) -> None:
    """English, German, short and long."""
    assert parse_key(text) == key


@pytest.mark.parametrize("text", ["", "nothing", "12", "Ebony", "?"])
def test_other_text_is_no_key(text: str) -> None:
    """A word that starts with the letter of a note is not a key."""
    assert parse_key(text) is None


@given(st.text(max_size=40))
def test_any_text_can_be_parsed(text: str) -> None:
    """A key in the result is a real one."""
    key = parse_key(text)
    assert key is None or (0 <= key.tonic < 12 and key.mode in MODES)


def test_degrees_continue_above_and_below_the_octave() -> None:
    """Degree 7 is the octave, degree -1 the seventh below the tonic."""
    assert [Key(0, "major").semitones(degree) for degree in (-1, 0, 2, 7, 9)] == [-1, 0, 4, 12, 16]
