"""Workflows to begin with, as ComfyUI's menu "Export (API)" writes them."""

from __future__ import annotations

from importlib.resources import files

EXAMPLES = ("text_to_image", "ace_step_song")
"""Their names: a picture from a checkpoint, and a song of ACE-Step that ends in MP3."""


def example(name: str) -> str:
    """The text of one of them, JSON as it stands in its file."""
    return files(__package__).joinpath(f"{name}.json").read_text("utf-8")
