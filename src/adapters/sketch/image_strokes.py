"""Strokes: a picture painted again with a loaded brush, in short dabs or long facets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from adapters.sketch.image_noise import fbm, soften

if TYPE_CHECKING:
    from adapters.sketch.image_canvas import Canvas
    from adapters.sketch.image_colour import Field

_FLAT = 0.0012  # change of brightness for each pixel, below which strokes follow no contour


def _sheet(canvas: Canvas) -> Image.Image:
    pixels = (np.clip(canvas.pixels, 0, 1) * 255 + 0.5).astype(np.uint8)
    return Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0)))


def _take(canvas: Canvas, sheet: Image.Image) -> None:
    canvas.pixels = np.asarray(sheet, np.float32).transpose(2, 0, 1) / np.float32(255)


def luminance(canvas: Canvas) -> Field:
    """Give how bright each pixel looks, 0..1, shape (height, width)."""
    red, green, blue = canvas.pixels
    light: Field = np.clip(0.30 * red + 0.59 * green + 0.11 * blue, 0, 1)
    return light


def paint_oil(canvas: Canvas, rng: np.random.Generator) -> None:
    """Paint over everything with strokes along its contours, large ones first, then small."""
    sheet = _sheet(canvas)
    draw = ImageDraw.Draw(sheet)
    light = soften(luminance(canvas), canvas.size * 0.008)
    down, right = np.gradient(light)
    drift = fbm(rng, canvas.shape, canvas.size / 3, 2) * 0.6
    flat = np.hypot(down, right) < _FLAT
    angle = np.where(flat, drift * 1.2, np.arctan2(down, right) + np.pi / 2 + 0.25 * drift)
    share = canvas.width * canvas.height / canvas.size**2
    for count, length, width in ((1500, 0.045, 0.016), (3200, 0.030, 0.008), (4200, 0.018, 0.0045)):
        total = int(count * share)
        xs, ys = rng.integers(0, canvas.width, total), rng.integers(0, canvas.height, total)
        turn, part = angle[ys, xs], rng.uniform(0.6, 1.3, total) * canvas.size * length / 2
        dx, dy = np.cos(turn) * part, np.sin(turn) * part
        tones = (
            canvas.pixels[:, ys, xs].T
            + rng.normal(0, 0.028, (total, 1))
            + rng.normal(0, 0.012, (total, 3))
        )
        tones = (np.clip(tones, 0, 1) * 255).astype(int)
        thick = max(1, round(canvas.size * width))
        for x, y, ex, ey, tone in zip(
            xs.tolist(), ys.tolist(), dx.tolist(), dy.tolist(), tones.tolist(), strict=True
        ):
            draw.line((x - ex, y - ey, x + ex, y + ey), fill=tuple(tone), width=thick)
    _take(canvas, sheet)
    _emboss(canvas, 0.55)


def _emboss(canvas: Canvas, strength: float) -> None:
    """Let the ridges of the paint catch the light."""
    light = luminance(canvas)
    relief = np.zeros_like(light)
    relief[1:, 1:] = light[1:, 1:] - light[:-1, :-1]
    canvas.pixels = canvas.pixels + (relief * np.float32(strength)).astype(np.float32)


def paint_dabs(canvas: Canvas, rng: np.random.Generator) -> None:
    """Paint with dots of broken colour, side by side."""
    sheet = _sheet(canvas)
    draw = ImageDraw.Draw(sheet)
    share = canvas.width * canvas.height / canvas.size**2
    for count, radius in ((4500, 0.0085), (9000, 0.0050)):
        total = int(count * share)
        xs, ys = rng.integers(0, canvas.width, total), rng.integers(0, canvas.height, total)
        tones = canvas.pixels[:, ys, xs].T
        grey = tones.mean(axis=1, keepdims=True)
        tones = grey + (tones - grey) * 1.3 + rng.normal(0, 0.055, (total, 3))
        tones = (np.clip(tones, 0, 1) * 255).astype(int)
        sizes = rng.uniform(0.6, 1.2, total) * canvas.size * radius
        for x, y, r, tone in zip(
            xs.tolist(), ys.tolist(), sizes.tolist(), tones.tolist(), strict=True
        ):
            draw.ellipse((x - r, y - r * 0.8, x + r, y + r * 0.8), fill=tuple(tone))
    _take(canvas, sheet)
    _emboss(canvas, 0.3)


def paint_facets(canvas: Canvas, rng: np.random.Generator) -> None:
    """Fold the picture into flat triangles."""
    sheet = _sheet(canvas)
    step = canvas.size * 0.033
    columns, rows = int(canvas.width / step) + 2, int(canvas.height / step) + 2
    x, y = np.meshgrid(np.linspace(0, canvas.width, columns), np.linspace(0, canvas.height, rows))
    inner = np.zeros_like(x)
    inner[1:-1, 1:-1] = 1
    x = x + inner * rng.uniform(-0.42, 0.42, x.shape) * step
    y = y + inner * rng.uniform(-0.42, 0.42, y.shape) * step
    big = sheet.resize((canvas.width * 2, canvas.height * 2), Image.Resampling.BILINEAR)
    draw = ImageDraw.Draw(big)
    split = rng.integers(2, size=x.shape)
    for j in range(rows - 1):
        for i in range(columns - 1):
            a, b, c, d = (
                (x[v, u], y[v, u]) for v, u in ((j, i), (j, i + 1), (j + 1, i + 1), (j + 1, i))
            )
            pair = ((a, b, c), (a, c, d)) if split[j, i] else ((a, b, d), (b, c, d))
            for triangle in pair:
                _facet(canvas, draw, triangle)
    _take(canvas, big.resize(sheet.size, Image.Resampling.BOX))


def _facet(
    canvas: Canvas, draw: ImageDraw.ImageDraw, corners: tuple[tuple[float, float], ...]
) -> None:
    cx = sum(p[0] for p in corners) / 3
    cy = sum(p[1] for p in corners) / 3
    inside = [((cx + px) / 2, (cy + py) / 2) for px, py in corners]
    spots = [
        (min(canvas.width - 1, int(px)), min(canvas.height - 1, int(py)))
        for px, py in [*inside, (cx, cy)]
    ]
    tone = np.mean([canvas.pixels[:, py, px] for px, py in spots], axis=0)
    (ax, ay), (bx, by), _ = corners
    tone = tone * (1 + 0.05 * np.sin(np.arctan2(by - ay, bx - ax) * 2 + cx))
    red, green, blue = (np.clip(tone, 0, 1) * 255).astype(int).tolist()
    draw.polygon([(px * 2, py * 2) for px, py in corners], fill=(red, green, blue))
