"""Printing: flat inks, woodblocks, engraved lines, pixels."""

from __future__ import annotations

import numpy as np
from PIL import Image

from adapters.sketch.image_canvas import Canvas, planes
from adapters.sketch.image_colour import Colour, Field, oklch
from adapters.sketch.image_noise import blur_mask, fbm, smoothstep
from adapters.sketch.image_stencil import Stencil
from adapters.sketch.image_strokes import luminance

_PAPER = oklch(0.94, 0.03, 88)
_INK = oklch(0.24, 0.035, 265)


def _edges(canvas: Canvas, radius: float, gain: float) -> Field:
    """Give the outlines of things, 0..1."""
    down, right = np.gradient(blur_mask(luminance(canvas), radius))
    return smoothstep(0.25, 1.0, np.hypot(down, right) * gain)


def _paper(canvas: Canvas, rng: np.random.Generator, strength: float) -> None:
    """Let the fibres of the paper show."""
    fibre = fbm(rng, canvas.shape, 7, 3, stretch=2.5, gain=0.8)
    canvas.pixels = canvas.pixels * (1 + np.float32(strength) * fibre).astype(np.float32)


def _print(canvas: Canvas, ink: Field, paper: Colour, tone: Colour, keep: float) -> None:
    """Replace the picture by ink on paper, keeping a share of its colours as a wash."""
    wash = planes(paper) + (canvas.pixels - planes(paper)) * np.float32(keep)
    canvas.pixels = wash + (planes(tone) - wash) * ink.astype(np.float32)


def print_woodblock(canvas: Canvas, rng: np.random.Generator) -> None:
    """Print as from wooden blocks: stepped tones, dark outlines, a red seal."""
    line = _edges(canvas, max(1.0, canvas.size * 0.0013), 16)
    light = luminance(canvas)
    levels = np.float32(7)
    scaled = light * levels
    stepped = (np.floor(scaled) + smoothstep(0.42, 0.58, scaled % 1)) / levels
    canvas.pixels = canvas.pixels * (stepped / np.maximum(light, 0.02))
    canvas.pixels = canvas.pixels * planes(oklch(0.965, 0.035, 88)) * np.float32(0.94) + np.float32(
        0.05
    )
    canvas.lay(line * 0.72, _INK)
    _paper(canvas, rng, 0.028)
    _seal(canvas)


def _seal(canvas: Canvas) -> None:
    size = canvas.size * 0.045
    left, top = canvas.width * 0.035, canvas.height * 0.06
    stencil = Stencil(canvas, (left, top, left + size, top + size * 1.6), scale=4)
    corners = [
        (left, top),
        (left + size, top),
        (left + size, top + size * 1.5),
        (left, top + size * 1.5),
    ]
    stencil.polygon(corners)
    for x, y, ex, ey in (
        (0.2, 0.25, 0.8, 0.25),
        (0.5, 0.12, 0.5, 0.7),
        (0.2, 0.5, 0.8, 0.5),
        (0.25, 0.7, 0.75, 0.7),
        (0.25, 0.9, 0.75, 0.9),
        (0.25, 0.9, 0.25, 1.3),
        (0.75, 0.9, 0.75, 1.3),
        (0.25, 1.3, 0.75, 1.3),
        (0.5, 0.9, 0.5, 1.3),
    ):
        stencil.line(
            [(left + x * size, top + y * size), (left + ex * size, top + ey * size)],
            size * 0.075,
            0.0,
        )
    canvas.stamp(stencil.cut(), oklch(0.52, 0.19, 28), 0.88)


def _spread(canvas: Canvas, radius: float) -> Field:
    """Give brightness stretched to fill 0..1, blurred over `radius` pixels."""
    light = blur_mask(luminance(canvas), radius)
    low, high = (float(v) for v in np.percentile(light[::4, ::4], (1, 99)))
    spread: Field = np.clip((light - low) / max(0.1, high - low), 0, 1)
    return spread


def print_pencil(canvas: Canvas, rng: np.random.Generator) -> None:
    """Draw in graphite: hatching that crosses where it is dark, and outlines."""
    y, x = canvas.grid()
    dark = 1 - _spread(canvas, 1.2) ** 0.75
    wobble = fbm(rng, canvas.shape, canvas.size / 7, 3)
    tooth = fbm(rng, canvas.shape, 6, 2, stretch=1.5)
    period = max(4.2, canvas.size / 190)
    ink = 0.8 * _edges(canvas, max(1.0, canvas.size * 0.0012), 22)
    for angle, start in ((0.9, 0.10), (-0.75, 0.40), (0.12, 0.62), (1.5, 0.80)):
        across = (x * np.sin(angle) + y * np.cos(angle)) / period + wobble * 0.8
        stroke = np.abs((across % 1) - 0.5) * 2
        weight = smoothstep(start, start + 0.55, dark)
        line = smoothstep(1.0 - 0.62 * weight, 1.35 - 0.62 * weight, stroke + 0.10 * tooth)
        ink = ink + (1 - ink) * line * 0.80 * (weight > 0)
    smudge = 0.16 * dark
    _print(
        canvas, np.clip(ink + smudge, 0, 1), oklch(0.95, 0.012, 90), oklch(0.28, 0.01, 265), 0.05
    )
    _paper(canvas, rng, 0.012)


def print_ink(canvas: Canvas, rng: np.random.Generator) -> None:
    """Engrave: lines that swell where it is dark."""
    y, x = canvas.grid()
    light = _spread(canvas, max(1.0, canvas.size * 0.001)) ** 0.7
    wave = fbm(rng, canvas.shape, canvas.size / 3, 2)
    period = max(3.6, canvas.size / 190)
    across = (y + 0.18 * x) / period + wave * 1.2 + light * 2
    line = np.abs((across % 1) - 0.5) * 2
    dark = np.clip((0.96 - light) * 1.02, 0, 1)
    ink = smoothstep(-0.16, 0.16, dark - line) * smoothstep(0.02, 0.10, dark)
    ink = np.maximum(ink, _edges(canvas, max(1.0, canvas.size * 0.0012), 22))
    _print(canvas, ink, _PAPER, oklch(0.20, 0.02, 60), 0.14)
    _paper(canvas, rng, 0.02)


def _sheet(canvas: Canvas) -> Image.Image:
    pixels = (np.clip(canvas.pixels, 0, 1) * 255 + 0.5).astype(np.uint8)
    return Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0)))


def _take(canvas: Canvas, sheet: Image.Image) -> None:
    canvas.pixels = np.asarray(sheet.convert("RGB"), np.float32).transpose(2, 0, 1) / np.float32(
        255
    )


def print_poster(canvas: Canvas, rng: np.random.Generator) -> None:
    """Screen-print with a dozen flat inks."""
    tones = np.stack(
        [blur_mask(np.clip(plane, 0, 1), max(1.0, canvas.size * 0.0028)) for plane in canvas.pixels]
    )
    canvas.pixels = tones
    small = _sheet(canvas)
    inks = small.resize((160, 160), Image.Resampling.BOX).quantize(12, Image.Quantize.MEDIANCUT)
    _take(canvas, small.quantize(palette=inks, dither=Image.Dither.NONE))
    canvas.pixels = np.stack([blur_mask(plane, 0.6) for plane in canvas.pixels])
    _paper(canvas, rng, 0.012)


def print_pixels(canvas: Canvas, rng: np.random.Generator) -> None:
    """Shrink to a console's screen, a limited palette, and enlarge square by square."""
    sheet = _sheet(canvas)
    shrink = max(canvas.width, canvas.height) / 176
    size = (max(8, round(canvas.width / shrink)), max(8, round(canvas.height / shrink)))
    small = np.asarray(sheet.resize(size, Image.Resampling.BOX), np.float32)
    bayer = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]], np.float32)
    tile = np.tile(bayer / 16 - 0.47, (size[1] // 4 + 1, size[0] // 4 + 1))[: size[1], : size[0]]
    jitter = np.float32(rng.uniform(13, 15))
    dithered = np.clip(small + tile[:, :, None] * jitter, 0, 255).astype(np.uint8)
    few = Image.fromarray(dithered).quantize(28, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    _take(canvas, few.convert("RGB").resize(sheet.size, Image.Resampling.NEAREST))
