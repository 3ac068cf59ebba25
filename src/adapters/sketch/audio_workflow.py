"""The audio workflow of the sketch renderer: sings lyrics with no GPU and no model.

Run by path with the environment's interpreter, like any exported ComfyUI workflow; exits with 0
when the songs are written, 2 on bad arguments, 1 when there is nothing to sing or nowhere to write.
"""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from adapters.sketch import audio_arguments, audio_id3, audio_mix, audio_mp3, audio_render
from adapters.sketch.audio_arguments import Request
from adapters.sketch.audio_chance import seed_from
from adapters.sketch.audio_lyrics import Section, first_line, sections_of
from adapters.sketch.audio_manner import key_name, manner_of
from adapters.sketch.audio_progress import Progress
from adapters.sketch.audio_score import Score
from adapters.sketch.audio_signal import sample_at
from adapters.sketch.audio_song import compose

_USUAL, _AT_MOST = 42.0, 60.0  # seconds, when nobody says how long
_CODING = 0.1  # seconds that MP3 coding adds at both ends together
_COMMENT = "A sketch synthesised by Media Generator; no model was used."
_TRACKS = len(audio_mix.SEATS)


@dataclass(frozen=True, slots=True)
class Song:
    """One song that is composed and not yet heard."""

    score: Score
    seed: int
    path: Path
    tags: audio_id3.Tags


def main(argv: Sequence[str]) -> int:
    """Sing what `argv` (without the script's name) asks for; give the exit code."""
    request = audio_arguments.parse(argv)
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
    score = compose(sections, manner, seed, bound or _USUAL, bound or _AT_MOST)
    tags = audio_id3.Tags(
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
    return _TRACKS + 1 + audio_mp3.chunks_of(sample_at(score.seconds))


def _recorded(song: Song, progress: Progress) -> bytes:
    tracks = {}
    for name, render in audio_render.tracks_of(song.score, song.seed).items():
        tracks[name] = render()
        progress.advance()
    sound = audio_mix.mixed(tracks, song.score.manner.mood.space)
    progress.advance()
    return audio_id3.tag(song.tags) + audio_mp3.encoded(sound, progress.advance)


def _write(path: Path, content: bytes) -> None:
    """Write beside the final name, then rename: nobody ever sees half a song."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _refuse(reason: str) -> int:
    print(f"audio_workflow: error: {reason}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
