"""The command line is read as any workflow script reads it."""

from pathlib import Path

import pytest

from sketch.audio.sketch_song import parse

_NEEDED = ["--lyrics=la", "--output=songs"]


def test_both_styles_and_values_with_hyphens() -> None:
    """A value may begin with a hyphen in either style, or be two hyphens and a space."""
    joined = parse(["--lyrics=-- la", "--output=songs", "--tags=folk, sad", "--queue-size=2"])
    apart = parse(
        ["--lyrics", "-- la", "--output", "songs", "--tags", "folk, sad", "--queue-size", "2"]
    )
    assert joined == apart
    assert joined.lyrics == "-- la"
    assert joined.output == Path("songs")


def test_tags_are_genre_then_mood_and_arguments_win() -> None:
    """A genre of its own replaces the one in the tags."""
    wishes = parse([*_NEEDED, "--tags=indie folk, reflective melancholy"]).wishes
    assert (wishes.genre, wishes.mood) == ("indie folk", "reflective melancholy")
    wishes = parse([*_NEEDED, "--tags=indie folk, calm", "--genre=rock", "--mood=angry"]).wishes
    assert (wishes.genre, wishes.mood) == ("rock", "angry")


@pytest.mark.parametrize(
    "argument",
    ["--queue-size=0", "--queue-size=x", "--seconds=nan", "--seconds=1", "--seed=x", "--wat=1"],
)
def test_bad_arguments_leave_with_two(argument: str, capsys: pytest.CaptureFixture[str]) -> None:
    """As argparse does, with the name of the argument."""
    with pytest.raises(SystemExit) as left:
        parse([*_NEEDED, argument])
    assert left.value.code == 2
    assert argument.partition("=")[0] in capsys.readouterr().err


def test_bytes_that_are_no_text_are_replaced() -> None:
    """Python hands over invalid UTF-8 as lone surrogates, which no tag can hold."""
    assert parse(["--lyrics=la\udcff", "--output=songs"]).lyrics == "la\ufffd"
