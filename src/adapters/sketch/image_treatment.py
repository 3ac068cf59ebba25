"""Treatment: what a style of painting does to the finished scene, and how it is finished."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from adapters.sketch.image_canvas import Canvas, planes
from adapters.sketch.image_colour import mix, oklch
from adapters.sketch.image_noise import blur_mask, fbm, smoothstep
from adapters.sketch.image_printing import (
    print_ink,
    print_pencil,
    print_pixels,
    print_poster,
    print_woodblock,
)
from adapters.sketch.image_strokes import luminance, paint_dabs, paint_facets, paint_oil

Treatment = Callable[[Canvas, np.random.Generator], None]


@dataclass(frozen=True, slots=True)
class Look:
    """How a style paints, and the finish that suits it."""

    treat: Treatment | None = None
    bloom: float = 0.5
    contrast: float = 0.35
    vignette: float = 0.25
    grain: float = 0.011
    light_paper: bool = False
    """Whether the signature must be dark to show."""


def wash(canvas: Canvas, rng: np.random.Generator) -> None:
    """Paint in watercolour: bleeding edges, pooled pigment, the paper's rim left bare."""
    y, x = canvas.grid()
    bleed = canvas.size * 0.0028
    dx, dy = (fbm(rng, canvas.shape, canvas.size / 30, 3) * bleed for _ in range(2))
    rows = np.clip(y + dy, 0, canvas.height - 1).astype(np.intp)
    columns = np.clip(x + dx, 0, canvas.width - 1).astype(np.intp)
    at = rows * canvas.width + columns
    canvas.pixels = np.stack(
        [blur_mask(np.clip(p, 0, 1), 1.2).ravel().take(at) for p in canvas.pixels]
    )
    light = blur_mask(luminance(canvas), canvas.size * 0.003)
    pool = fbm(rng, canvas.shape, canvas.size / 5, 4)
    phase = (light * 6.5 + 0.25 * pool) % 1
    rim = np.exp(-((phase / 0.11) ** 2)) + 0.5 * np.exp(-(((1 - phase) / 0.16) ** 2))
    grey = canvas.pixels.mean(axis=0)
    canvas.pixels = np.clip(grey + (canvas.pixels - grey) * np.float32(1.35), 0, 1)
    tone = 1 - 0.13 * rim + 0.07 * pool
    paper = oklch(0.97, 0.012, 88)
    thin = np.float32(0.84) * np.clip(0.94 + 0.10 * pool, 0.7, 1.06)
    canvas.pixels = planes(paper) - (planes(paper) - canvas.pixels * tone) * thin
    grain = fbm(rng, canvas.shape, 9, 3, gain=0.7)
    canvas.pixels = canvas.pixels * (1 + 0.022 * grain)
    edge = np.minimum(np.minimum(x, canvas.width - 1 - x), np.minimum(y, canvas.height - 1 - y))
    ragged = edge / canvas.size + 0.012 * pool + 0.006 * grain
    canvas.lay(smoothstep(0.040, 0.030, ragged), paper)
    dried = np.exp(-(((ragged - 0.040) / 0.005) ** 2)) * 0.16
    canvas.pixels = (canvas.pixels * (1 - dried)).astype(np.float32)


def neon(canvas: Canvas, _rng: np.random.Generator) -> None:
    """Split the tones between magenta and cyan, and let the lens fringe them."""
    light = luminance(canvas)
    canvas.lay(smoothstep(0.55, 0.0, light) * 0.20, oklch(0.32, 0.14, 295))
    canvas.shine(smoothstep(0.15, 0.6, light) * (1 - light) * 0.30, oklch(0.66, 0.25, 350))
    shift = max(1, round(canvas.size / 520))
    canvas.pixels[0] = np.roll(canvas.pixels[0], shift, axis=1)
    canvas.pixels[2] = np.roll(canvas.pixels[2], -shift, axis=1)
    canvas.pixels[0, :, :shift] = canvas.pixels[0, :, shift : 2 * shift]
    canvas.pixels[2, :, -shift:] = canvas.pixels[2, :, -2 * shift : -shift]


def darkroom(canvas: Canvas, _rng: np.random.Generator) -> None:
    """Print in black and white, hard."""
    light = luminance(canvas)
    low, high = (float(v) for v in np.percentile(light[::4, ::4], (1, 99)))
    spread = np.clip((light - low) / max(0.08, high - low), 0, 1)
    canvas.pixels = np.stack([spread * spread * (3 - 2 * spread)] * 3).astype(np.float32)


def age(canvas: Canvas, rng: np.random.Generator) -> None:
    """Fade to the browns of an old print, with spots."""
    light = luminance(canvas)
    dark, pale = oklch(0.24, 0.045, 55), oklch(0.93, 0.05, 85)
    sepia = planes(dark) + (planes(pale) - planes(dark)) * light
    canvas.pixels = (canvas.pixels + (sepia - canvas.pixels) * np.float32(0.86)).astype(np.float32)
    spots = fbm(rng, canvas.shape, canvas.size / 12, 5, gain=0.7)
    canvas.lay(smoothstep(1.9, 2.8, spots) * 0.25, mix(dark, pale, 0.5))


LOOKS: Mapping[str, Look] = {
    "watercolor": Look(wash, 0.15, 0.15, 0.0, 0.006, light_paper=True),
    "oil": Look(paint_oil, 0.25, 0.40, 0.2, 0.006),
    "impressionism": Look(paint_dabs, 0.25, 0.3, 0.1, 0.006),
    "pencil": Look(print_pencil, 0.0, 0.1, 0.06, 0.008, light_paper=True),
    "ink": Look(print_ink, 0.0, 0.1, 0.08, 0.006, light_paper=True),
    "pixel": Look(print_pixels, 0.0, 0.1, 0.0, 0.0),
    "cyberpunk": Look(neon, 0.85, 0.45, 0.3, 0.014),
    "noir": Look(darkroom, 0.3, 0.45, 0.45, 0.024),
    "ukiyo": Look(print_woodblock, 0.0, 0.12, 0.06, 0.006),
    "minimal": Look(None, 0.2, 0.2, 0.1, 0.008),
    "poster": Look(print_poster, 0.0, 0.2, 0.06, 0.006),
    "lowpoly": Look(paint_facets, 0.2, 0.3, 0.2, 0.004),
    "vintage": Look(age, 0.2, 0.15, 0.5, 0.024),
    "constructivism": Look(None, 0.0, 0.2, 0.15, 0.016),
    "realism": Look(),
}
"""A look for every style of the lexicon."""

PLAIN = Look()
