"""Rendering: from words, a size and a seed to a finished picture in a PNG file."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from sketch.image.canvas import Canvas, Stencil, shade, soften
from sketch.image.composition import compose
from sketch.image.reading import read
from sketch.image.scene import Palette, Scene, mix_palette
from sketch.image.treatment import LOOKS, PLAIN, Look

if TYPE_CHECKING:
    from pathlib import Path

    from sketch.image.canvas import Colour


# "sketch" in six strokes of a pen; x runs on, y runs down, the x-height is 1.
_LETTERS = (
    ((0.55, 0.1), (0.1, 0.15), (0.15, 0.45), (0.5, 0.6), (0.45, 0.95), (0.0, 0.95)),
    ((0.8, -0.7), (0.8, 1.0), (0.8, 0.55), (1.25, 0.05), (0.95, 0.45), (1.35, 1.0)),
    ((1.5, 0.5), (2.0, 0.4), (1.85, 0.02), (1.5, 0.4), (1.6, 0.95), (2.1, 0.85)),
    ((2.45, -0.45), (2.4, 0.7), (2.55, 1.0), (2.75, 0.9)),
    ((2.2, 0.05), (2.8, 0.0)),
    ((3.4, 0.15), (3.05, 0.1), (2.9, 0.6), (3.1, 1.0), (3.45, 0.85)),
    ((3.7, -0.7), (3.68, 1.0), (3.75, 0.4), (4.05, 0.15), (4.15, 0.5), (4.2, 1.0)),
)


def bloom(canvas: Canvas, strength: float, threshold: float = 0.80) -> None:
    """Let bright places shine over their edges."""
    radius = max(2.0, canvas.size * 0.012)
    bright = np.maximum(canvas.pixels - np.float32(threshold), 0)
    for channel in range(3):
        halo = soften(bright[channel], radius) * 0.7 + soften(bright[channel], radius * 4) * 0.6
        canvas.pixels[channel] += (1 - canvas.pixels[channel]) * np.clip(halo, 0, 1) * strength


def vignette(canvas: Canvas, strength: float) -> None:
    """Darken the corners."""
    y, x = canvas.grid()
    away = ((x / canvas.width - 0.5) ** 2 + (y / canvas.height - 0.5) ** 2) * 2
    canvas.pixels *= (1 - strength * away**1.5).astype(np.float32)


def contrast(canvas: Canvas, strength: float) -> None:
    """Bend tones along a gentle S."""
    np.clip(canvas.pixels, 0, 1, out=canvas.pixels)
    p = canvas.pixels
    canvas.pixels = p + np.float32(strength) * (p * p * (3 - 2 * p) - p)


def grain(canvas: Canvas, rng: np.random.Generator, strength: float) -> None:
    """Add the grain of a fine film; it also hides the steps of smooth skies."""
    fine = rng.standard_normal(canvas.shape, dtype=np.float32)
    canvas.pixels += fine * np.float32(strength)


def sign(canvas: Canvas, ink: Colour, opacity: float = 0.5) -> None:
    """Write 'sketch' small into the lower right corner."""
    height = max(3.0, canvas.size * 0.011)
    left, foot = canvas.width - height * 6.6, canvas.height - height * 2.6
    box = (left - height, foot - 2 * height, canvas.width, canvas.height)
    stencil = Stencil(canvas, box, scale=4)
    for letter in _LETTERS:
        points = [
            (left + x * height * 1.1 - y * 0.16 * height, foot + y * height) for x, y in letter
        ]
        stencil.line(points, max(0.8, height * 0.13))
    canvas.stamp(stencil.cut(), ink, opacity)


_LARGEST = (
    1_450_000  # pixels painted; a larger picture is enlarged, and gets its grain at full size
)
_SMALLEST = 260_000  # pixels painted; a smaller picture is shrunk
_OVER_PEAKS = 0.52  # share of the sky: lower, the mountains would hide the sun
_STRIP = 256  # rows
_STYLES = 2

Progress = Callable[[int, int], None]
"""Told how many steps are done, of how many."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to render; width and height in pixels."""

    prompt: str
    negative: str = ""
    style_tags: str = ""
    mood: str = ""
    width: int = 1024
    height: int = 1024
    seed: int = 0


def seed_of(prompt: str) -> int:
    """Derive a seed (0..2**32-1) from a prompt."""
    return int.from_bytes(hashlib.sha256(prompt.encode("utf-8", "replace")).digest()[-4:], "big")


def _generator(request: Request) -> np.random.Generator:
    words = "\x1f".join(
        (request.prompt, request.negative, request.style_tags, request.mood, str(request.seed))
    )
    digest = hashlib.sha256(words.encode("utf-8", "replace")).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest, "big")))


def _painted_size(width: int, height: int) -> tuple[int, int]:
    area = width * height
    factor = (min(max(area, _SMALLEST), _LARGEST) / area) ** 0.5
    return max(16, round(width * factor)), max(16, round(height * factor))


def render(request: Request, progress: Progress | None = None) -> Image.Image:
    """Render one picture, RGB, of exactly the requested width and height in pixels."""
    reading = read(request.prompt, request.negative, request.style_tags, request.mood)
    palette, plan, rng = mix_palette(reading), compose(reading), _generator(request)
    canvas = Canvas(*_painted_size(request.width, request.height))
    looks = [LOOKS[name] for name in reading.styles[:_STYLES]] or [PLAIN]
    horizon = canvas.height * (plan.horizon + rng.uniform(-0.03, 0.03))
    side = rng.uniform(0.16, 0.40)
    sun = (side if rng.integers(2) else 1 - side) * canvas.width
    height = max(palette.sun_height, _OVER_PEAKS if reading.has("mountain") else 0.0)
    scene = Scene(canvas, palette, reading, rng, horizon, (sun, horizon * (1 - height)))
    total = len(plan.painters) + len(looks) + 1
    done = 0
    for paint in plan.painters:
        paint(scene)
        done += 1
        if progress:
            progress(done, total)
    for look in looks:
        np.clip(canvas.pixels, 0, 1, out=canvas.pixels)
        if look.treat:
            look.treat(canvas, rng)
        done += 1
        if progress:
            progress(done, total)
    picture = _finish(request, canvas, palette, looks[-1], rng)
    if progress:
        progress(total, total)
    return picture


def _finish(
    request: Request, canvas: Canvas, palette: Palette, look: Look, rng: np.random.Generator
) -> Image.Image:
    if look.bloom:
        bloom(canvas, look.bloom)
    contrast(canvas, look.contrast)
    if look.vignette:
        vignette(canvas, look.vignette)
    sign(canvas, shade(palette.near, 0.8) if look.light_paper else palette.paper)
    same = (canvas.width, canvas.height) == (request.width, request.height)
    if same and look.grain:
        grain(canvas, rng, look.grain)
    pixels = (np.clip(canvas.pixels, 0, 1) * np.float32(255) + np.float32(0.5)).astype(np.uint8)
    picture = Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0)))
    if same:
        return picture
    picture = picture.resize((request.width, request.height), Image.Resampling.LANCZOS)
    return _grained(picture, rng, look.grain)


def _grained(picture: Image.Image, rng: np.random.Generator, strength: float) -> Image.Image:
    """Add grain at the picture's own resolution, strip by strip to spare memory."""
    pixels = np.array(picture)
    for top in range(0, pixels.shape[0], _STRIP):
        strip = pixels[top : top + _STRIP]
        noise = rng.standard_normal((*strip.shape[:2], 1), dtype=np.float32)
        strip[:] = np.clip(strip + noise * np.float32(255 * strength), 0, 255).astype(np.uint8)
    return Image.fromarray(pixels)


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
