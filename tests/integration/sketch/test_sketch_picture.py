"""The image workflow run as the adapter runs it: by path, in a process of its own.

Tests of arguments and files call it in this process, which imports it only once.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from sketch.image import sketch_picture

SCRIPT = Path(sketch_picture.__file__)
SIZE = ("--width=128", "--height=96")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the script to its end."""
    command = [sys.executable, str(SCRIPT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def drawn(*arguments: str) -> int:
    """Call the script in this process; returns the exit code."""
    return sketch_picture.main([*arguments])


def test_it_draws_a_labelled_png(tmp_path: Path) -> None:
    """One file, of the right size and format, with its origin in its text chunks."""
    done = run("--prompt=A mountain lake ❄", f"--output={tmp_path}", "--seed=7", *SIZE)

    assert done.returncode == 0, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["generated_image_001.png"]
    with Image.open(tmp_path / "generated_image_001.png") as picture:
        picture.load()
        assert (picture.format, picture.mode, picture.size) == ("PNG", "RGB", (128, 96))
        assert picture.info["Title"] == "sketch"
        assert picture.info["Software"] == "Media Generator sketch"
        assert picture.info["Description"] == "A mountain lake ❄"
        assert picture.info["Seed"] == "7"
    assert "not by a model" in done.stdout
    assert done.stdout.count("\n") == 2


def test_progress_looks_like_tqdm(tmp_path: Path) -> None:
    """Lines that overwrite themselves and end at 100 per cent."""
    done = run("--prompt", "a forest", "--output", str(tmp_path), *SIZE)

    bars = re.findall(r"(\d+)%\|[# ]{10}\| (\d+)/(\d+) \[\d\d:\d\d<[\d:?]+, ", done.stderr)
    assert len(bars) > 3
    assert bars[-1][0] == "100"
    assert bars[-1][1] == bars[-1][2]


def test_the_default_size_is_1024_square(tmp_path: Path) -> None:
    """As in the contract's scripts."""
    assert drawn("--prompt=sea", f"--output={tmp_path}") == 0
    with Image.open(tmp_path / "generated_image_001.png") as picture:
        assert picture.size == (1024, 1024)


def test_a_queue_of_three_gives_three_different_files(tmp_path: Path) -> None:
    """Numbered from 001; each with another composition."""
    assert drawn("--prompt=hills", f"--output={tmp_path}", "--queue-size=3", *SIZE) == 0
    files = sorted(tmp_path.iterdir())
    assert [path.name for path in files] == [f"generated_image_00{n}.png" for n in (1, 2, 3)]
    assert len({path.read_bytes() for path in files}) == 3


def test_two_runs_give_the_same_bytes(tmp_path: Path) -> None:
    """A file is a function of its arguments."""
    written = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        run("--prompt=a castle", f"--output={folder}", "--style-tags=oil", "--mood=ominous", *SIZE)
        written.append((folder / "generated_image_001.png").read_bytes())

    assert written[0] == written[1]


@pytest.mark.parametrize(
    "prompt", ["", "-", "--", "---", "-x --seed=3", "مدينة في الليل", "🐙" * 900]
)
@pytest.mark.parametrize("style", ["together", "separate"])
def test_any_text_is_a_prompt(tmp_path: Path, prompt: str, style: str) -> None:
    """Any output of a language model, in either argument style."""
    named = [f"--prompt={prompt}"] if style == "together" else ["--prompt", prompt]

    assert drawn(*named, f"--output={tmp_path}", *SIZE) == 0
    with Image.open(tmp_path / "generated_image_001.png") as picture:
        picture.load()
        assert picture.info["Description"].rstrip() == prompt


def test_a_prompt_of_200_kilobytes_is_drawn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In this process, because a single argument may not exceed 128 KiB on Linux."""
    prompt = "sunset over the sea " * 10_000

    assert drawn(f"--prompt={prompt}", f"--output={tmp_path}", *SIZE) == 0
    with Image.open(tmp_path / "generated_image_001.png") as picture:
        assert picture.info["Description"] == prompt
    assert "100%" in capsys.readouterr().err


def test_undecodable_bytes_are_a_prompt(tmp_path: Path) -> None:
    """On Unix, arguments are bytes."""
    prompt = os.fsdecode(b"\xff\xfe sea")
    command = [sys.executable, str(SCRIPT), f"--prompt={prompt}", f"--output={tmp_path}", *SIZE]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("argument", "word"),
    [
        ("--width=63", "4096"),
        ("--height=4097", "4096"),
        ("--width=wide", "invalid"),
        ("--queue-size=0", "images"),
        ("--seed=soon", "invalid"),
        ("--steps=20", "unrecognized"),
    ],
)
def test_bad_arguments_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], argument: str, word: str
) -> None:
    """Exit code 2, argparse's message, and nothing written."""
    with pytest.raises(SystemExit) as refused:
        drawn("--prompt=x", f"--output={tmp_path}", argument)

    complaints = capsys.readouterr().err
    assert refused.value.code == 2
    assert "usage:" in complaints
    assert word in complaints
    assert not list(tmp_path.iterdir())


def test_a_missing_prompt_is_refused(tmp_path: Path) -> None:
    """Exit code 2 as well, also of the process."""
    done = run(f"--output={tmp_path}")

    assert done.returncode == 2
    assert "usage:" in done.stderr


def test_an_unwritable_folder_is_reported_in_one_line(tmp_path: Path) -> None:
    """Exit code 1 and the path; no traceback."""
    done = run("--prompt=x", f"--output={tmp_path / 'missing'}", *SIZE)

    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert "cannot write" in last
    assert str(tmp_path / "missing") in last
    assert "Traceback" not in done.stderr


def test_a_failed_write_leaves_no_temporary_file(tmp_path: Path) -> None:
    """The target is a folder: the move fails, and the temporary file is deleted."""
    (tmp_path / "generated_image_001.png").mkdir()

    assert drawn("--prompt=x", f"--output={tmp_path}", *SIZE) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["generated_image_001.png"]
