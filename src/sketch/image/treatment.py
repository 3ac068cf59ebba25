"""Treatment: what a style of painting does to the finished scene.

Strokes of a loaded brush, flat inks, woodblocks, engraved lines, pixels; then paper and contrast.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from sketch.image.canvas import (
    Canvas,
    Colour,
    Field,
    Stencil,
    blur_mask,
    fbm,
    mix,
    oklch,
    planes,
    smoothstep,
    soften,
)

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


def print_poster(canvas: Canvas, rng: np.random.Generator) -> None:
    """Screen-print with a dozen flat inks."""
    tones = np.stack(
        [blur_mask(np.clip(plane, 0, 1), max(1.0, canvas.size * 0.0028)) for plane in canvas.pixels]
    )
    canvas.pixels = tones
    small = _sheet(canvas)
    inks = small.resize((160, 160), Image.Resampling.BOX).quantize(12, Image.Quantize.MEDIANCUT)
    _take(canvas, small.quantize(palette=inks, dither=Image.Dither.NONE).convert("RGB"))
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
