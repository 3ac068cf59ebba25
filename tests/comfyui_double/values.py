"""Values between the double's nodes. They replace tensors, and remember their origin."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from PIL import Image, ImageDraw

_CELLS = 4  # a picture is a checkerboard of so many cells each way


@dataclass(frozen=True)
class Latent:
    """A picture or a song that is not yet decoded.

    Attributes:
        width, height: size of the picture, in pixels; 0 for a song.
        batch: number of pictures or songs.
        seconds: duration of the song; 0 for a picture.
        origin: everything that it was made from: seed, words, steps.
    """

    width: int = 0
    height: int = 0
    batch: int = 1
    seconds: float = 0.0
    origin: str = ""


@dataclass(frozen=True)
class Sound:
    """A tone: seconds, samples a second, channels, and hertz (0 is silence)."""

    seconds: float
    rate: int = 44_100
    channels: int = 2
    hertz: float = 0.0


Picture = Image.Image
Pictures = tuple[Picture, ...]


def fingerprint(*parts: object) -> bytes:
    """32 bytes that differ if any of the parts differs."""
    return hashlib.sha256("\0".join(map(str, parts)).encode("utf-8", "replace")).digest()


def picture_of(origin: str, index: int, width: int, height: int) -> Picture:
    """A checkerboard in two colours that depend on the origin."""
    seen = fingerprint(origin, index)
    picture = Image.new("RGB", (width, height), tuple(seen[:3]))
    draw = ImageDraw.Draw(picture)
    cells = [(x, y) for x in range(_CELLS) for y in range(_CELLS) if (x + y) % 2]
    for x, y in cells:
        left, top = x * width // _CELLS, y * height // _CELLS
        right, bottom = (x + 1) * width // _CELLS - 1, (y + 1) * height // _CELLS - 1
        if right >= left and bottom >= top:
            draw.rectangle((left, top, right, bottom), tuple(seen[3:6]))
    return picture


def tone_of(origin: str, seconds: float) -> Sound:
    """A tone between 200 and 1,000 hertz that depends on the origin."""
    number = int.from_bytes(fingerprint(origin)[:4], "big")
    return Sound(seconds, hertz=200 + number % 800)
