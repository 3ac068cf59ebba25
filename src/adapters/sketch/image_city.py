"""A city on the horizon: towers in the haze, and windows that light up in the dark."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from adapters.sketch.image_colour import Colour, mix, oklch, shade
from adapters.sketch.image_noise import profile

if TYPE_CHECKING:
    from adapters.sketch.image_scene import Scene

_DIM = 0.3  # darkness from which lamps are lit


def paint_skyline(scene: Scene) -> None:
    """Raise towers row before row."""
    canvas, palette = scene.canvas, scene.palette
    rows = 2 if scene.sparse else 4
    for i in range(rows):
        near = i / (rows - 1)
        tone = mix(mix(palette.low, palette.far, 0.6), palette.near, 0.15 + 0.75 * near)
        heights = profile(scene.rng, 200, 4, 3)
        heights = (heights - heights.min()) / max(1e-6, float(np.ptp(heights)))
        x = -scene.between(0, 0.04) * canvas.width
        while x < canvas.width:
            width = canvas.size * scene.between(0.025, 0.075) * (0.75 + 0.4 * near)
            there = heights[int(np.clip(x / canvas.width, 0, 1) * 199)]
            tall = min(scene.horizon * 0.85, canvas.size * 0.50)
            tall *= (0.16 + 0.84 * there**1.4) * scene.between(0.6, 1.05) * (1 - 0.38 * near)
            _tower(scene, (x, width, tall), shade(tone, scene.between(0.9, 1.1)), near)
            x += width * scene.between(0.92, 1.25)


def _tower(scene: Scene, body: tuple[float, float, float], tone: Colour, near: float) -> None:
    canvas = scene.canvas
    x, width, tall = body
    foot = int(scene.horizon) + 2
    top = max(0, int(scene.horizon - tall))
    kind = scene.rng.integers(4)
    steps = ((0.0, 1.0),) if kind in {0, 1} else ((0.0, 0.55), (0.16, 1.0))
    for down, share in steps:
        left = int(max(0, x + width * (1 - share) / 2))
        right = int(min(canvas.width, x + width * (1 + share) / 2))
        start = int(top + down * tall)
        if right - left > 1 and foot - start > 1:
            _block(scene, (slice(start, foot), slice(left, right)), tone, near)
    middle = int(x + width / 2)
    if kind in {1, 3} and 0 < middle < canvas.width - 1:
        mast = slice(max(0, int(top - tall * 0.16)), top)
        canvas.lay(0.9, tone, mast, slice(middle, middle + max(1, int(canvas.size / 700))))
        if scene.palette.darkness > _DIM:
            canvas.glow(middle, mast.start, canvas.size * 0.006, oklch(0.65, 0.22, 25), 0.9)


def _block(scene: Scene, part: tuple[slice, slice], tone: Colour, near: float) -> None:
    canvas, palette = scene.canvas, scene.palette
    rows, columns = part
    height, width = rows.stop - rows.start, columns.stop - columns.start
    haze = np.linspace(0, 0.5 - 0.3 * near, height, dtype=np.float32)[:, None]
    far = mix(palette.low, palette.glow, 0.2)[:, None, None]
    canvas.lay(1.0, tone[:, None, None] + (far - tone[:, None, None]) * haze, rows, columns)
    sunward = slice(columns.start, columns.start + max(1, width // 3))
    canvas.lay(0.10 * (1 - palette.darkness), palette.glow, rows, sunward)
    cell = max(3.0, canvas.size * (0.006 + 0.004 * near))
    v = np.arange(height, dtype=np.float32)[:, None] / (cell * 1.35)
    u = np.arange(width, dtype=np.float32)[None, :] / cell
    pane = np.floor(v % 1 + 0.65) * np.floor(u % 1 + 0.6)
    share = 0.12 + 0.42 * palette.darkness
    lit = scene.rng.random((int(v[-1, 0]) + 1, int(u[0, -1]) + 1), dtype=np.float32)
    lamps = np.clip((share - lit) * 6, 0, 1)[v.astype(int), u.astype(int)] * pane
    if palette.darkness > _DIM:
        warm = oklch(0.88, 0.10, 78) if scene.chance(0.75) else oklch(0.86, 0.07, 220)
        canvas.lay(lamps * (0.35 + 0.6 * near), scene.colour_of("light", warm), rows, columns)
    else:
        canvas.lay(pane * 0.22, mix(palette.top, tone, 0.4), rows, columns)
