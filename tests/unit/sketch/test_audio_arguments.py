"""The command line is parsed like that of any workflow script."""

from pathlib import Path

import pytest

from sketch.audio.sketch_song import parse

_NEEDED = ["--lyrics=la", "--output=songs"]


def test_both_styles_and_values_with_hyphens() -> None:
    """A value may start with a hyphen in either style, or be two hyphens and a space."""
    joined = parse(["--lyrics=-- la", "--output=songs", "--tags=folk, sad", "--queue-size=2"])
    apart = parse(
        ["--lyrics", "-- la", "--output", "songs", "--tags", "folk, sad", "--queue-size", "2"]
    )
    assert joined == apart
    assert joined.lyrics == "-- la"
    assert joined.output == Path("songs")


def test_tags_are_genre_then_mood_and_arguments_win() -> None:
    """A separate genre replaces the one in the tags."""
    style = parse([*_NEEDED, "--tags=indie folk, reflective melancholy"]).wishes
    assert (style.genre, style.mood) == ("indie folk", "reflective melancholy")
    style = parse([*_NEEDED, "--tags=indie folk, calm", "--genre=rock", "--mood=angry"]).wishes
    assert (style.genre, style.mood) == ("rock", "angry")


@pytest.mark.parametrize(
    "argument",
    ["--queue-size=0", "--queue-size=x", "--seconds=nan", "--seconds=1", "--seed=x", "--wat=1"],
)
def test_invalid_arguments_exit_with_2(argument: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Like argparse, with the name of the argument."""
    with pytest.raises(SystemExit) as left:
        parse([*_NEEDED, argument])
    assert left.value.code == 2
    assert argument.partition("=")[0] in capsys.readouterr().err


def test_bytes_that_are_no_text_are_replaced() -> None:
    """Python passes invalid UTF-8 as lone surrogates, which no tag can contain."""
    assert parse(["--lyrics=la\udcff", "--output=songs"]).lyrics == "la\ufffd"
