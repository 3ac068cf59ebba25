"""What real exports do, as measured on ComfyUI-SaveAsScript of 2026-07 in ComfyUI 0.33."""

import argparse
import json
import secrets
from pathlib import Path


def value_of(text: object) -> object:
    """JSON first, text only if that fails."""
    try:
        return json.loads(text) if isinstance(text, str) else text
    except json.JSONDecodeError:
        return text


def seed_of(how: str, given: int) -> int:
    """A seed of its own, whatever was given, unless it is told otherwise."""
    steps = {"fixed": 0, "increment": 1, "decement": -1}
    return given + steps[how] if how in steps else secrets.randbits(64)


def comfyui_output_directory(words: list[str] | None = None) -> Path:
    """What ComfyUI's own parser makes of its output folder; it refuses what it does not know.

    Exports of ComfyUI-SaveAsScript do not use that folder, those of the other exporter do.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--cpu", action="store_true")
    parser.add_argument("--output-directory", type=Path, default=Path("output"))
    return Path(parser.parse_args(words).output_directory).absolute()


def output_folder(named: str | None) -> Path:
    """The folder that was named, or ComfyUI's own."""
    return Path(named) if named else Path("output").absolute()
