"""The audio workflow as a process: arguments, files, exit codes and progress."""

import re
import subprocess
import sys
from pathlib import Path

import av
import pytest
from tinytag import TinyTag

from sketch.audio import sketch_song

_LYRICS = "[VERSE]\nSteam ascends from the rim\n\n[CHORUS]\nHold me near\nDo you hear?\n"


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the script; its output keeps the carriage returns that text mode would translate."""
    command = [sys.executable, sketch_song.__file__, *arguments]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    return subprocess.CompletedProcess(
        command, done.returncode, done.stdout.decode(), done.stderr.decode()
    )


def test_a_song_is_written_with_tags_and_progress(tmp_path: Path) -> None:
    """One MP3 that decodes completely, in time, and names its origin."""
    done = _run(
        f"--lyrics={_LYRICS}", "--tags=indie folk, reflective melancholy", f"--output={tmp_path}",
        "--seconds=15", "--key=D minor", "--title=Steam",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["generated_song.mp3"]
    song = tmp_path / "generated_song.mp3"
    tags = TinyTag.get(song)
    assert (tags.title, tags.genre) == ("Steam", "indie folk")
    assert tags.other["lyrics"] == [_LYRICS.strip()]
    with av.open(str(song)) as container:
        heard = sum(frame.samples for frame in container.decode(audio=0)) / 44_100
    assert 8.0 < heard <= 15.0
    assert "sketch" in done.stdout
    assert re.search(r"\r100%\|##########\| (\d+)/\1 \[", done.stderr)


def test_equal_arguments_give_equal_bytes_and_variations_differ(tmp_path: Path) -> None:
    """Two runs agree byte for byte; each song of a queue has its own seed."""
    for name in ("one", "two", "other"):
        (tmp_path / name).mkdir()
    words = ["--lyrics=La la la\nla la", "--seconds=8", "--tags=pop, joyful"]
    assert (
        _run(*words, "--seed=7", "--queue-size=2", f"--output={tmp_path / 'one'}").returncode == 0
    )
    assert _run(*words, "--seed=7", f"--output={tmp_path / 'two'}").returncode == 0
    assert _run(*words, "--seed=8", f"--output={tmp_path / 'other'}").returncode == 0
    first = (tmp_path / "one/generated_song.mp3").read_bytes()
    second = (tmp_path / "one/generated_song_002.mp3").read_bytes()
    assert first == (tmp_path / "two/generated_song.mp3").read_bytes()
    assert second == (tmp_path / "other/generated_song.mp3").read_bytes()
    assert first != second


@pytest.mark.parametrize(
    "lyrics", ["🔥🎵✨", "雪が降る\n静かな夜", "brrr\nhmm", "[CHORUS]\n!!! la", "a" * 9000]
)
def test_unusual_lyrics_are_sung(tmp_path: Path, lyrics: str) -> None:
    """Any text can be sung; in this process, which imports the workflow once."""
    words = ["--lyrics", lyrics, "--output", str(tmp_path), "--seconds", "8"]
    assert sketch_song.main(words) == 0
    assert (tmp_path / "generated_song.mp3").stat().st_size > 50_000


def test_empty_lyrics_are_reported_in_one_line(tmp_path: Path) -> None:
    """Exit code 1, one line, no file."""
    done = _run("--lyrics=[VERSE]\n\n", f"--output={tmp_path}")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "nothing to sing" in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_missing_or_unwritable_folder_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 1 with the folder's name; no traceback."""
    missing = tmp_path / "missing"
    assert sketch_song.main(["--lyrics=la", f"--output={missing}"]) == 1
    assert str(missing) in capsys.readouterr().err
    (tmp_path / "generated_song.mp3").mkdir()
    done = _run("--lyrics=la", f"--output={tmp_path}", "--seconds=5")
    assert done.returncode == 1
    assert "cannot write" in done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["generated_song.mp3"]


def test_bad_arguments_exit_with_two(tmp_path: Path) -> None:
    """Like any argparse script."""
    assert _run(f"--output={tmp_path}").returncode == 2
    assert _run("--lyrics=la", f"--output={tmp_path}", "--unknown=1").returncode == 2
