"""The sketch's image workflow: a script that draws a picture from a prompt, with no model.

It takes the arguments that image workflows take, shows progress on stderr as they do, and leaves
`generated_image_001.png` and so on in the output folder. Exit codes: 0 done, 1 the folder cannot be
written, 2 bad arguments.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Sequence


_WIDTH = 10  # characters


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes:02d}:{rest:02d}"


def bar(done: int, total: int, seconds: float) -> str:
    """Format one state of a bar; `seconds` have passed since it began."""
    share = done / max(1, total)
    filled = int(share * _WIDTH)
    rate = done / seconds if seconds > 0 else 0.0
    left = _clock((total - done) / rate) if rate else "?"
    speed = f"{rate:.2f}it/s" if rate else "?it/s"
    drawn = "#" * filled + " " * (_WIDTH - filled)
    return f"{share * 100:3.0f}%|{drawn}| {done}/{total} [{_clock(seconds)}<{left}, {speed}]"


class Bar:
    """A bar that rewrites its own line; a reader that went away is no reason to stop."""

    def __init__(self, stream: TextIO) -> None:
        """Write to `stream`, counting time from now."""
        self._stream = stream
        self._begun = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        """Show that `done` of `total` steps are finished."""
        end = "\n" if done >= total else ""
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(f"\r{bar(done, total, time.monotonic() - self._begun)}{end}")
            self._stream.flush()


_SIDES = (64, 4096)  # pixels
_MAX_IMAGES = 9999
_DEFAULT_SIDE = 1024  # pixels
_VALUED = frozenset(
    f"--{name}"
    for name in (
        *("prompt", "negative-prompt", "output", "queue-size"),
        *("width", "height", "seed", "style-tags", "mood"),
    )
)


def _side(text: str) -> int:
    value = int(text)
    low, high = _SIDES
    if not low <= value <= high:
        raise argparse.ArgumentTypeError(f"{value} is not between {low} and {high} pixels")
    return value


def _count(text: str) -> int:
    value = int(text)
    if not 1 <= value <= _MAX_IMAGES:
        raise argparse.ArgumentTypeError(f"{value} is not between 1 and {_MAX_IMAGES} images")
    return value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sketch_picture.py",
        description="Draw a sketch from a prompt: generative art, not a model.",
        allow_abbrev=False,
    )
    parser.add_argument("--prompt", required=True, metavar="TEXT", help="what to draw")
    parser.add_argument("--negative-prompt", default="", metavar="TEXT", help="what to leave out")
    parser.add_argument("--output", required=True, type=Path, metavar="DIR", help="existing folder")
    parser.add_argument("--queue-size", type=_count, default=1, metavar="N", help="images to draw")
    parser.add_argument("--width", type=_side, default=_DEFAULT_SIDE, metavar="PX")
    parser.add_argument("--height", type=_side, default=_DEFAULT_SIDE, metavar="PX")
    parser.add_argument("--seed", type=int, metavar="N", help="default: derived from the prompt")
    parser.add_argument("--style-tags", default="", metavar="TAGS", help="such as 'ink, noir'")
    parser.add_argument("--mood", default="", metavar="TEXT", help="such as 'tranquil'")
    return parser


def _joined(arguments: Sequence[str]) -> list[str]:
    """Tie each value to its name, since a prompt may begin with '-' or be '--' alone."""
    tied: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        value = next(rest, None) if argument in _VALUED else None
        whole = argument if value is None else f"{argument}={value}"
        # argparse before Python 3.13 drops a value that is exactly '--'
        tied.append(f"{whole} " if whole.endswith("=--") and whole[:-3] in _VALUED else whole)
    return tied


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw what the arguments (default: the command line's) ask for; gives the exit code."""
    parser = _parser()
    options = parser.parse_args(_joined(sys.argv[1:] if arguments is None else arguments))
    # Imported late: help and bad arguments need no NumPy.
    from sketch.image.render import Request, describe, render, save, seed_of
    from sketch.image.sketch_picture import Bar

    print("Media Generator sketch: drawn by a program from the words, not by a model.", flush=True)
    first = seed_of(options.prompt) if options.seed is None else options.seed
    for number in range(options.queue_size):
        request = Request(
            prompt=options.prompt,
            negative=options.negative_prompt,
            style_tags=options.style_tags,
            mood=options.mood,
            width=options.width,
            height=options.height,
            seed=first + number,
        )
        path = options.output / f"generated_image_{number + 1:03d}.png"
        try:
            save(render(request, Bar(sys.stderr)), path, describe(options.prompt, request.seed))
        except OSError as error:
            print(f"cannot write {path}: {error.strerror or error}", file=sys.stderr)
            return 1
        print(f"sketched {path.name} ({request.width}x{request.height} pixels)", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
