"""The PNG file: the picture with what it is and where it came from, written whole or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL.PngImagePlugin import PngInfo

if TYPE_CHECKING:
    from pathlib import Path

    from PIL import Image

_COMPRESSION = 1  # of 9: grain does not compress, so more only costs time


def _plain(text: str) -> str:
    """Replace what UTF-8 or a PNG text chunk cannot hold."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", " ")


def describe(prompt: str, seed: int) -> PngInfo:
    """Give the text chunks of a picture: title, software, prompt and seed."""
    info = PngInfo()
    info.add_text("Title", "sketch")
    info.add_text("Software", "Media Generator sketch")
    info.add_text(
        "Comment", "A sketch drawn by a program from the words of the prompt; not a model."
    )
    info.add_itxt("Description", _plain(prompt), zip=True)
    info.add_text("Seed", str(seed))
    return info


def save(picture: Image.Image, path: Path, info: PngInfo) -> None:
    """Write a PNG under another name beside `path`, then move it there; raises OSError."""
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as stream:
            picture.save(stream, "PNG", compress_level=_COMPRESSION, pnginfo=info)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
