"""The finish: bloom, contrast, vignette, grain, and the signature of a sketch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from adapters.sketch.image_noise import soften
from adapters.sketch.image_stencil import Stencil

if TYPE_CHECKING:
    from adapters.sketch.image_canvas import Canvas
    from adapters.sketch.image_colour import Colour

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
