"""Clouds: heaps by day, streaks at the edges of it, a lid in a storm."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from adapters.sketch.image_colour import Field, mix, shade
from adapters.sketch.image_noise import enlarge, fbm, folded, smoothstep

if TYPE_CHECKING:
    from adapters.sketch.image_scene import Scene

_SMALL = 260  # columns at half size
_STREAKED = frozenset({"dawn", "sunset", "dusk", "golden_hour"})


def _density(scene: Scene, rows: int, columns: int) -> Field:
    """Look up at a flat layer of cloud: its lumps shrink and flatten to the horizon."""
    streaked = scene.palette.hour in _STREAKED and not scene.reading.has("storm")
    size = 1024 if columns > _SMALL else 512
    unit = size / 4.6
    sheet = fbm(scene.rng, (size, size), unit * 0.42, 6, stretch=2.4 if streaked else 1.25)
    up = np.linspace(1.0, 0.0, rows, dtype=np.float32)[:, None]
    depth = 1.0 / (0.20 + up)
    along = np.linspace(-0.5, 0.5, columns, dtype=np.float32)[None, :] * (columns / rows) * 0.6
    return sheet[folded(depth * unit, size), folded(along * depth * unit + size / 2, size)]


def paint_clouds(scene: Scene) -> None:
    """Drift clouds across the sky, lit on the side of the sun."""
    canvas, reading = scene.canvas, scene.reading
    if not reading.allows("cloud"):
        return
    bottom = max(8, min(canvas.height, int(scene.horizon)))
    rows, columns = max(6, bottom // 2), max(6, canvas.width // 2)
    density = _density(scene, rows, columns)
    cover = 1.3 if reading.has("storm") else 0.55 if reading.has("cloud", "rain") else -0.15
    cover += scene.between(-0.25, 0.2) - (0.7 if scene.sparse else 0.0)
    body = smoothstep(0.35 - cover, 1.5 - cover, density)
    step = max(2, rows // 26)
    padded = np.pad(density, ((step, 0), (step, step)), mode="edge")
    above = padded[:rows, step:-step]
    beside = (
        padded[:rows, :columns] if scene.sun[0] < canvas.width / 2 else padded[:rows, 2 * step :]
    )
    lit = smoothstep(-0.5, 0.7, density - 0.5 * above - 0.5 * beside)
    lit *= 0.55 if reading.has("storm") else 1.0
    _lay(scene, enlarge(body, bottom, canvas.width), enlarge(lit, bottom, canvas.width))


def _lay(scene: Scene, body: Field, lit: Field) -> None:
    canvas, palette = scene.canvas, scene.palette
    rows = slice(0, body.shape[0])
    storm = scene.reading.has("storm")
    bright = mix(palette.glow, palette.low, 0.45 * palette.darkness + (0.5 if storm else 0.1))
    dim = mix(shade(palette.top, 0.62 if storm else 1.04, 0.7), palette.middle, 0.45)
    dim, bright = (np.asarray(c, np.float32)[:, None, None] for c in (dim, bright))
    up = np.linspace(1, 0, body.shape[0], dtype=np.float32)[:, None]
    y, x = canvas.grid()
    near = np.exp(-np.hypot(x - scene.sun[0], (y[rows] - scene.sun[1]) * 1.4) / (0.5 * canvas.size))
    light = np.clip(lit * (0.55 + 0.75 * near), 0, 1)
    picture = dim + (bright - dim) * light
    opacity = 0.92 if storm else 0.86 - 0.4 * palette.darkness
    canvas.lay(
        np.clip(body, 0, 1) * opacity * (0.35 + 0.65 * smoothstep(0, 0.25, up)), picture, rows
    )
    rim = np.clip(body * (1 - body) * 4, 0, 1) * near**2
    canvas.shine(np.clip(rim, 0, 1) * 0.35, palette.glow, rows)
