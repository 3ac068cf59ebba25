"""The audio workflow of the sketch renderer: sings lyrics with no GPU and no model.

Run by path with the environment's interpreter, like any exported ComfyUI workflow; exits with 0
when the songs are written, 2 on bad arguments, 1 when there is nothing to sing or nowhere to write.
"""

import argparse
import math
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from sketch.audio import recording
from sketch.audio.composition import compose
from sketch.audio.lyrics import Section, first_line, sections_of
from sketch.audio.score import Score, Wishes, key_name, manner_of
from sketch.audio.sound import sample_at, seed_from

MAX_SONGS = 64
_MIN_SECONDS, _MAX_SECONDS = 4.0, 600.0  # seconds
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
    """The arguments of one run; an empty text stands for an argument that is missing."""

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
    arguments = parser.parse_args(_joined(argv, names - {"-h", "--help"}))
    first_tag, _, other_tags = arguments.tags.partition(",")
    return Request(
        lyrics=_clean(arguments.lyrics),
        output=arguments.output,
        queue_size=arguments.queue_size,
        seed=arguments.seed,
        seconds=arguments.seconds,
        title=_clean(arguments.title),
        wishes=Wishes(
            genre=_clean(arguments.genre or first_tag),
            mood=_clean(arguments.mood or other_tags or first_tag),
            tempo=arguments.tempo,
            key=arguments.key,
            time_signature=arguments.time_signature,
            instrumentation=arguments.instrumentation,
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
    if not 1 <= count <= MAX_SONGS:
        message = f"{count} is not between 1 and {MAX_SONGS}"
        raise argparse.ArgumentTypeError(message)
    return count


def _seconds(text: str) -> float:
    seconds = float(text)
    if not (math.isfinite(seconds) and _MIN_SECONDS <= seconds <= _MAX_SECONDS):
        message = f"{text} is not between {_MIN_SECONDS:g} and {_MAX_SECONDS:g} seconds"
        raise argparse.ArgumentTypeError(message)
    return seconds


def _clean(text: str) -> str:
    """Replace bytes that were no UTF-8 (Python hands them over as lone surrogates)."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").strip()


class Progress:
    """A bar of `total` steps, redrawn in place on `out` after each of them."""

    def __init__(self, total: int, out: TextIO) -> None:
        """Draw the empty bar."""
        self._total, self._done, self._out = total, 0, out
        self._began = time.monotonic()
        self._draw()

    def advance(self) -> None:
        """Count one step more."""
        self._done = min(self._done + 1, self._total)
        self._draw()

    def close(self) -> None:
        """End the line."""
        self._out.write("\n")
        self._out.flush()

    def _draw(self) -> None:
        share = self._done / self._total
        taken = time.monotonic() - self._began
        rate = self._done / taken if self._done and taken else 0.0
        left = _clock((self._total - self._done) / rate) if rate else "?"
        speed = f"{rate:.2f}it/s" if rate else "?it/s"
        bar = "#" * int(share * 10)
        counts = f"{self._done}/{self._total} [{_clock(taken)}<{left}, {speed}]"
        self._out.write(f"\r{share:4.0%}|{bar:<10}| {counts}")
        self._out.flush()


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60:02d}:{int(seconds) % 60:02d}"


_USUAL_SECONDS, _MAX_DEFAULT_SECONDS = 42.0, 60.0  # seconds, without a requested duration
_CODING = 0.1  # seconds that MP3 coding adds at both ends together
_COMMENT = "A sketch synthesised by Media Generator; no model was used."
_TRACKS = len(recording.SEATS)


@dataclass(frozen=True, slots=True)
class Song:
    """One song that is composed and not yet heard."""

    score: Score
    seed: int
    path: Path
    tags: recording.Tags


def main(argv: Sequence[str]) -> int:
    """Sing what `argv` (without the script's name) asks for; give the exit code."""
    request = parse(argv)
    sections = sections_of(request.lyrics)
    if not sections:
        return _refuse("there is nothing to sing: --lyrics holds no word under any heading")
    if not request.output.is_dir():
        return _refuse(f"--output {request.output} is not a folder that exists")
    songs = [_composed(request, sections, number) for number in range(request.queue_size)]
    progress = Progress(sum(_steps(song.score) for song in songs), sys.stderr)
    try:
        for song in songs:
            _write(song.path, _recorded(song, progress))
    except OSError as error:
        progress.close()
        return _refuse(f"cannot write to {request.output}: {error.strerror or error}")
    progress.close()
    for song in songs:
        print(f"{song.path.name}: {song.score.seconds:.0f} s. {_COMMENT}")
    return 0


def _composed(request: Request, sections: Sequence[Section], number: int) -> Song:
    seed = seed_from(request.lyrics) if request.seed is None else request.seed
    seed += number
    manner = manner_of(request.wishes, seed)
    bound = request.seconds and request.seconds - _CODING
    score = compose(sections, manner, seed, bound or _USUAL_SECONDS, bound or _MAX_DEFAULT_SECONDS)
    tags = recording.Tags(
        title=request.title or first_line(request.lyrics) or "Untitled",
        genre=request.wishes.genre,
        comment=_COMMENT,
        lyrics=request.lyrics,
        bpm=round(manner.metre.bpm),
        key=key_name(manner.key),
    )
    suffix = f"_{number + 1:03d}" if number else ""
    return Song(score, seed, request.output / f"generated_song{suffix}.mp3", tags)


def _steps(score: Score) -> int:
    """Give how many steps of progress a song takes: its tracks, its mix, its encoding."""
    return _TRACKS + 1 + recording.chunks_of(sample_at(score.seconds))


def _recorded(song: Song, progress: Progress) -> bytes:
    tracks = {}
    for name, render in recording.tracks_of(song.score, song.seed).items():
        tracks[name] = render()
        progress.advance()
    sound = recording.mixed(tracks, song.score.manner.mood.space)
    progress.advance()
    return recording.tag(song.tags) + recording.encoded(sound, progress.advance)


def _write(path: Path, content: bytes) -> None:
    """Write beside the final name, then rename: half a song is never visible."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _refuse(reason: str) -> int:
    print(f"sketch_song: error: {reason}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
