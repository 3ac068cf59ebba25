"""A wood seen from inside: trunks in the haze, leaves, and light falling through."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from adapters.sketch.image_colour import Colour, mix, shade
from adapters.sketch.image_noise import fbm, profile, smoothstep
from adapters.sketch.image_stencil import Stencil

if TYPE_CHECKING:
    from adapters.sketch.image_scene import Scene


def paint_forest(scene: Scene) -> None:
    """Stand inside a wood: trunks behind trunks in the haze, and light falling through."""
    canvas, palette, rng = scene.canvas, scene.palette, scene.rng
    ground = mix(palette.foliage, palette.near, 0.4)
    layers = 3 if scene.sparse else 6
    for i in range(layers):
        near = (i + 1) / layers
        stencil = Stencil(canvas)
        foot = scene.horizon + (canvas.height - scene.horizon) * near**1.6 * 0.85
        width = canvas.size * (0.008 + 0.058 * near**2)
        for x in rng.uniform(-0.02, 1.02, int((4 + 16 * (1 - near)) * canvas.width / canvas.size)):
            _trunk(scene, stencil, (x * canvas.width, foot + rng.normal(0, 3)), width)
        tone = mix(mix(palette.low, palette.foliage, 0.3), palette.ink, near**1.2)
        _floor(scene, foot, mix(mix(palette.low, ground, 0.5), shade(ground, 0.55), near))
        canvas.stamp(stencil.cut(), tone)
        _leaves(
            scene,
            near,
            mix(mix(palette.low, palette.foliage, 0.6), shade(palette.foliage, 0.55), near),
        )
        if i < layers - 1:
            veil = fbm(rng, canvas.shape, canvas.size / 3, 3, stretch=3)
            canvas.lay(smoothstep(-1.5, 2.5, veil) * 0.16, mix(palette.low, palette.glow, 0.4))
    _shafts(scene)


def _trunk(scene: Scene, stencil: Stencil, foot: tuple[float, float], width: float) -> None:
    x, y = foot
    width *= scene.between(0.6, 1.3)
    lean = scene.between(-0.03, 0.03) * y
    left = [(-0.95, y + width * 0.4), (-0.5, y - width * 2.5)]
    top, right = [(-0.36, 0.0), (0.36, 0.0)], [(-part, row) for part, row in reversed(left)]
    outline = [(x + part * width, row) for part, row in left]
    outline += [(x + lean + part * width, row) for part, row in top]
    stencil.polygon([*outline, *((x + part * width, row) for part, row in right)])
    for _ in range(3):
        at = scene.between(0.05, 0.7)
        side = 1 if scene.chance(0.5) else -1
        start = (x + lean * (1 - at), y * at)
        reach = width * scene.between(2, 5)
        bend = (start[0] + side * reach * 0.5, start[1] - reach * 0.25)
        stencil.line([start, bend, (start[0] + side * reach, start[1] - reach * 0.8)], width * 0.16)


def _floor(scene: Scene, foot: float, colour: Colour) -> None:
    canvas = scene.canvas
    line = foot + canvas.size * 0.02 * (profile(scene.rng, canvas.width, 12, 4) - 0.5)
    y, _ = canvas.grid()
    canvas.lay(np.clip((y - line.astype(np.float32)[None, :]) / 3, 0, 1), colour)


def _leaves(scene: Scene, near: float, colour: Colour) -> None:
    canvas = scene.canvas
    if "winter" in scene.reading.seasons:
        return
    y, _ = canvas.grid()
    lumps = fbm(scene.rng, canvas.shape, canvas.size * (0.05 + 0.11 * near), 5, gain=0.72)
    high = y / canvas.height / (0.62 - 0.22 * near)
    canvas.lay(smoothstep(0.15, 0.5, lumps + 1.0 - 1.9 * high) * 0.85, colour)


def _shafts(scene: Scene) -> None:
    canvas = scene.canvas
    y, x = canvas.grid()
    sx, sy = scene.sun[0], -0.15 * canvas.height
    angle = np.arctan2(x - sx, y - sy)
    rays = profile(scene.rng, 900, 26, 3).astype(np.float32)
    beam = rays[((angle / np.pi + 0.5) * 899).astype(np.intp).clip(0, 899)]
    fade = np.exp(-np.hypot(x - sx, y - sy) / (0.75 * canvas.size))
    light = smoothstep(0.5, 0.85, beam) * fade * (1 - 0.6 * scene.palette.darkness)
    canvas.shine(np.clip(light, 0, 1), scene.palette.glow)
