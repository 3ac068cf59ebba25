"""Behaviour shared by real exports, measured on ComfyUI-SaveAsScript of 2026-07 in ComfyUI 0.33."""

import argparse
import json
import secrets
from pathlib import Path


def value_of(text: object) -> object:
    """An argument's value: parsed as JSON, or the text if that fails."""
    try:
        return json.loads(text) if isinstance(text, str) else text
    except json.JSONDecodeError:
        return text


def seed_of(seed_type: str, seed: int) -> int:
    """The seed that is used: a random one whatever was passed, unless the type is "fixed"."""
    steps = {"fixed": 0, "increment": 1, "decement": -1}
    return seed + steps[seed_type] if seed_type in steps else secrets.randbits(64)


def comfyui_output_directory(words: list[str] | None = None) -> Path:
    """The output folder according to ComfyUI's own parser, which rejects unknown arguments.

    Exports of ComfyUI-SaveAsScript ignore that folder; those of the other exporter use it.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--cpu", action="store_true")
    parser.add_argument("--output-directory", type=Path, default=Path("output"))
    return Path(parser.parse_args(words).output_directory).absolute()


def output_folder(named: str | None) -> Path:
    """The folder from the command line, or ComfyUI's own."""
    return Path(named) if named else Path("output").absolute()
