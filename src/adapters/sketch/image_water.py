"""Water: mirrors, swell, foam and the path of light."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from adapters.sketch.image_colour import Field, mix, oklch, shade
from adapters.sketch.image_noise import fbm, folded, smoothstep

if TYPE_CHECKING:
    from adapters.sketch.image_scene import Scene


def _perspective(scene: Scene, top: int, *, cell: float, stretch: float) -> Field:
    """Look along a surface of ripples: fine and dense at the shore, broad at our feet."""
    canvas = scene.canvas
    rows = canvas.height - top
    size = 512
    sheet = fbm(scene.rng, (size, size), cell, 4, stretch=stretch)
    down = (np.arange(rows, dtype=np.float32)[:, None] + 1.5) / max(1, rows)
    depth = 1.0 / (down + 0.06)
    _, x = canvas.grid()
    u = (x - canvas.width / 2) / canvas.size * 0.32 * depth * size + size / 2
    return sheet[folded(depth * size * 0.55, size), folded(u, size)]


def paint_lake(scene: Scene) -> None:
    """Mirror everything above the horizon in still water."""
    calm = scene.reading.has("lake") or "tranquil" in scene.reading.moods
    _mirror(scene, ripple=0.35 if calm else 1.0, tint=0.20)
    _light_path(scene, 0.6)


def paint_sea(scene: Scene) -> None:
    """Roll the sea to the horizon: a broken mirror, swell, and foam when it storms."""
    rough = 1.8 if scene.reading.has("storm", "wind") else 1.0
    if "tranquil" in scene.reading.moods:
        rough = 0.6
    _mirror(scene, ripple=1.5 * rough, tint=0.46)
    _swell(scene, rough)
    _light_path(scene, 1.0)


def _mirror(scene: Scene, *, ripple: float, tint: float) -> None:
    canvas, palette = scene.canvas, scene.palette
    top = int(np.clip(scene.horizon, 1, canvas.height - 2))
    rows = canvas.height - top
    waves = _perspective(scene, top, cell=26, stretch=5.0)
    down = np.arange(rows, dtype=np.float32)[:, None]
    reach = waves * ripple * (1.5 + down * 0.055)
    source = np.clip(top - 1 - down * min(1.0, 0.97 * top / rows) + reach, 0, top - 1)
    _, x = canvas.grid()
    across = np.clip(x + reach * 0.35, 0, canvas.width - 1).astype(np.intp)
    at = source.astype(np.intp) * canvas.width + across
    colour = np.asarray(scene.colour_of("lake", palette.water), np.float32)[:, None]
    share = np.float32(tint) * (0.55 + 0.45 * down / rows) + np.clip(
        waves * 0.035 * ripple, -0.1, 0.1
    )
    for channel in range(3):
        mirrored = canvas.pixels[channel, :top].ravel().take(at)
        canvas.pixels[channel, top:] = mirrored * 0.94 + (colour[channel] - mirrored) * share
    shore = np.exp(-down / (canvas.size * 0.006))
    canvas.lay(shore * 0.4, mix(palette.low, palette.glow, 0.3), slice(top, None))


def _swell(scene: Scene, rough: float) -> None:
    canvas, palette = scene.canvas, scene.palette
    top = int(np.clip(scene.horizon, 1, canvas.height - 2))
    big = _perspective(scene, top, cell=70, stretch=4.5)
    fine = _perspective(scene, top, cell=15, stretch=3.5)
    wave = (0.62 * big + 0.38 * fine).astype(np.float32)
    deep, crest = shade(palette.water, 0.62), mix(palette.water, palette.low, 0.55)
    down = np.linspace(0, 1, canvas.height - top, dtype=np.float32)[:, None]
    strength = np.float32(min(1.0, 0.42 * rough)) * (0.35 + 0.65 * down)
    rows = slice(top, None)
    canvas.lay(smoothstep(0.0, -1.5, wave) * strength, deep, rows)
    canvas.lay(smoothstep(0.1, 1.6, wave) * strength * 0.8, crest, rows)
    foam = smoothstep(1.75 - 0.45 * rough, 2.4 - 0.35 * rough, wave + 0.35 * fine)
    white = shade(oklch(0.97, 0.01, 220), 1 - 0.45 * palette.darkness)
    canvas.lay(foam * min(0.9, 0.5 * rough) * (0.3 + 0.7 * down), white, rows)


def _light_path(scene: Scene, strength: float) -> None:
    """Scatter glints below the sun or moon."""
    canvas, palette = scene.canvas, scene.palette
    if scene.reading.has("storm", "rain", "fog"):
        return
    top = int(np.clip(scene.horizon, 1, canvas.height - 2))
    glitter = _perspective(scene, top, cell=9, stretch=6.0)
    _, x = canvas.grid()
    down = np.linspace(0, 1, canvas.height - top, dtype=np.float32)[:, None]
    width = canvas.size * (0.03 + 0.13 * down)
    near = np.exp(-(((x - scene.sun[0]) / width) ** 2))
    low = 1.0 - 0.75 * min(1.0, (scene.horizon - scene.sun[1]) / max(1.0, scene.horizon))
    light = smoothstep(0.75 - 0.5 * near, 2.0, glitter + near * 0.7)
    canvas.shine(np.clip(light * near * strength * low, 0, 1), palette.glow, slice(top, None))
