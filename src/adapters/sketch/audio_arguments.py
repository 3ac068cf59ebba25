"""The command line of the audio sketch, read into one request."""

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from adapters.sketch.audio_manner import Wishes

MOST_SONGS = 64
_SHORTEST, _LONGEST = 4.0, 600.0  # seconds
_TEXTS = {
    "tags": '"genre, mood", such as "indie folk, reflective melancholy"',
    "title": "title of the song (default: its first line)",
    "genre": "genre (default: the first tag)",
    "mood": "mood (default: the other tags)",
    "tempo": '"slow", "moderate", "fast", "120 BPM" ... (default: the genre\'s)',
    "key": '"D major", "F# minor", "Bb" ... (default: from the mood)',
    "time-signature": '"4/4", "3/4", "6/8" ... (default: 4/4)',
    "instrumentation": '"acoustic guitar, cello" ... (default: the genre\'s)',
}


@dataclass(frozen=True, slots=True)
class Request:
    """What one run is asked for; an empty text means that nobody said."""

    lyrics: str
    output: Path
    queue_size: int
    seed: int | None
    seconds: float | None
    """Upper bound of each song's length."""
    title: str
    wishes: Wishes


def parse(argv: Sequence[str]) -> Request:
    """Read the arguments after the script's name; leaves the process with 2 where they are bad."""
    parser = _parser()
    names = {option for action in parser._actions for option in action.option_strings}  # noqa: SLF001
    given = parser.parse_args(_joined(argv, names - {"-h", "--help"}))
    first, _, others = given.tags.partition(",")
    return Request(
        lyrics=_clean(given.lyrics),
        output=given.output,
        queue_size=given.queue_size,
        seed=given.seed,
        seconds=given.seconds,
        title=_clean(given.title),
        wishes=Wishes(
            genre=_clean(given.genre or first),
            mood=_clean(given.mood or others or first),
            tempo=given.tempo,
            key=given.key,
            time_signature=given.time_signature,
            instrumentation=given.instrumentation,
        ),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description="Sing lyrics as a small synthesised arrangement: a sketch, not a model.",
        allow_abbrev=False,
    )
    parser.add_argument("--lyrics", required=True, help="[VERSE], [CHORUS] ... and their lines")
    parser.add_argument("--output", required=True, type=Path, help="folder that exists")
    parser.add_argument("--queue-size", type=_songs, default=1, help="how many variations")
    parser.add_argument("--seed", type=int, help="default: derived from the lyrics")
    parser.add_argument(
        "--seconds", type=_seconds, help="upper bound of length (default: about 40)"
    )
    for name, text in _TEXTS.items():
        parser.add_argument(f"--{name}", default="", help=text)
    return parser


def _joined(argv: Sequence[str], names: set[str]) -> list[str]:
    """Turn `--name value` into `--name=value`, so that a value may begin with a hyphen."""
    joined, rest = list[str](), iter(argv)
    for word in rest:
        value = next(rest, None) if word in names else None
        joined.append(word if value is None else f"{word}={value}")
    return joined


def _songs(text: str) -> int:
    count = int(text)
    if not 1 <= count <= MOST_SONGS:
        message = f"{count} is not between 1 and {MOST_SONGS}"
        raise argparse.ArgumentTypeError(message)
    return count


def _seconds(text: str) -> float:
    seconds = float(text)
    if not (math.isfinite(seconds) and _SHORTEST <= seconds <= _LONGEST):
        message = f"{text} is not between {_SHORTEST:g} and {_LONGEST:g} seconds"
        raise argparse.ArgumentTypeError(message)
    return seconds


def _clean(text: str) -> str:
    """Replace bytes that were no UTF-8 (Python hands them over as lone surrogates)."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").strip()
