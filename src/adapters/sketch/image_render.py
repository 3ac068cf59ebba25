"""Rendering: from words, a size and a seed to a picture."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from adapters.sketch.image_canvas import Canvas
from adapters.sketch.image_colour import shade
from adapters.sketch.image_composition import compose
from adapters.sketch.image_finish import bloom, contrast, grain, sign, vignette
from adapters.sketch.image_palette import Palette, mix_palette
from adapters.sketch.image_reading import read
from adapters.sketch.image_scene import Scene
from adapters.sketch.image_treatment import LOOKS, PLAIN, Look

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
