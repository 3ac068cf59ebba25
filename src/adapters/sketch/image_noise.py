"""Randomness with a shape: clouds, ridges and grain out of a seeded generator."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

if TYPE_CHECKING:
    from adapters.sketch.image_colour import Field

_SMOOTH = 12  # pixels: finer noise does not show how it was interpolated
_FINE = 4  # pixels: noise coarser than this is made at half size and enlarged


def enlarge(field: Field, height: int, width: int) -> Field:
    """Resize a field smoothly to (height, width) pixels."""
    picture = Image.fromarray(np.ascontiguousarray(field, dtype=np.float32))
    return np.asarray(picture.resize((width, height), Image.Resampling.BICUBIC))


def soften(field: Field, radius: float) -> Field:
    """Blur a field by about `radius` pixels."""
    height, width = field.shape
    factor = max(1, round(radius))
    picture = Image.fromarray(np.ascontiguousarray(field, dtype=np.float32))
    small = picture.resize(
        (max(1, width // factor), max(1, height // factor)), Image.Resampling.BOX
    )
    return np.asarray(small.resize((width, height), Image.Resampling.BICUBIC))


def blur_mask(mask: Field, radius: float) -> Field:
    """Blur a mask (0..1) evenly, without the grid that `soften` may leave; radius in pixels."""
    sheet = Image.fromarray((mask * 255).astype(np.uint8))
    return np.asarray(sheet.filter(ImageFilter.GaussianBlur(radius)), np.float32) / np.float32(255)


def smoothstep(low: float | Field, high: float | Field, field: Field) -> Field:
    """Rise from 0 at `low` to 1 at `high`, without corners."""
    t: Field = np.clip((field - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def _octave(rng: np.random.Generator, shape: tuple[int, int], cell: tuple[float, float]) -> Field:
    rows = max(1.0, shape[0] / cell[0])
    columns = max(1.0, shape[1] / cell[1])
    grid = rng.standard_normal((int(rows) + 4, int(columns) + 4), dtype=np.float32)
    left, top = rng.random(2)
    return np.asarray(
        Image.fromarray(grid).resize(
            (shape[1], shape[0]),
            Image.Resampling.BICUBIC if cell[0] > _SMOOTH else Image.Resampling.BILINEAR,
            box=(1 + left, 1 + top, 1 + left + columns, 1 + top + rows),
        )
    )


def fbm(
    rng: np.random.Generator,
    shape: tuple[int, int],
    cell: float,
    octaves: int = 4,
    *,
    stretch: float = 1.0,
    gain: float = 0.5,
) -> Field:
    """Make cloudy noise of `shape` (height, width), mean 0 and deviation about 1.

    `cell` is the size in pixels of its largest lumps, `stretch` how much wider than high they are.
    """
    fine = 2 if cell > _FINE else 1
    small = (max(1, -(-shape[0] // fine)), max(1, -(-shape[1] // fine)))
    total = np.zeros(small, np.float32)
    size, weight, power = cell / fine, 1.0, 0.0
    for _ in range(octaves):
        total += np.float32(weight) * _octave(rng, small, (size, size * stretch))
        power += weight * weight
        size, weight = max(1.0, size / 2), weight * gain
    total *= np.float32(1.35 / np.sqrt(power))
    if small == shape:
        return total
    picture = Image.fromarray(total)
    return np.asarray(picture.resize((shape[1], shape[0]), Image.Resampling.BILINEAR))


def folded(at: Field, size: int) -> npt.NDArray[np.intp]:
    """Turn places into indices 0..size-1, back and forth, so that a sheet repeats unseen."""
    index = at.astype(np.intp) % (2 * size)
    return np.where(index < size, index, 2 * size - 1 - index)


def profile(
    rng: np.random.Generator, width: int, lumps: float, octaves: int = 6, *, jagged: bool = False
) -> Field:
    """Make a skyline, shape (width,), values about 0..1: rolling, or with peaks when `jagged`."""
    x = np.linspace(0.0, 1.0, width)
    total = np.zeros(width)
    weight, power = 1.0, 0.0
    for _ in range(octaves):
        count = int(lumps) + 4
        at = x * lumps + rng.random()
        knots = rng.random(count)
        left = np.minimum(at.astype(int), count - 2)
        part = at - left
        if not jagged:
            part = part * part * (3 - 2 * part)
        total += weight * (knots[left] * (1 - part) + knots[left + 1] * part)
        power += weight
        lumps, weight = lumps * 2.1, weight * (0.46 if jagged else 0.34)
    return total / power
