"""Weather between the viewer and the scene: rain, snow, mist."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from adapters.sketch.image_colour import mix, oklch
from adapters.sketch.image_noise import fbm, smoothstep
from adapters.sketch.image_sky import draw_bolt
from adapters.sketch.image_stencil import Stencil

if TYPE_CHECKING:
    from adapters.sketch.image_scene import Scene


def paint_rain(scene: Scene) -> None:
    """Drive slanting rain through the picture."""
    canvas, rng = scene.canvas, scene.rng
    stencil = Stencil(canvas, scale=1)
    slant = scene.between(-0.22, 0.22) * (2.2 if scene.reading.has("storm", "wind") else 1.0)
    for value, count, length in ((0.34, 420, 0.022), (0.55, 260, 0.045), (0.85, 70, 0.085)):
        total = int(count * canvas.width * canvas.height / canvas.size**2)
        for x, y, part in rng.random((total, 3)):
            reach = canvas.size * length * (0.6 + 0.8 * part)
            at = (x * 1.2 - 0.1) * canvas.width, (y * 1.1 - 0.1) * canvas.height
            stencil.line([at, (at[0] + slant * reach, at[1] + reach)], 1, value)
    veil = mix(scene.palette.low, oklch(0.85, 0.02, 240), 0.5)
    canvas.lay(0.10, mix(veil, scene.palette.middle, 0.5))
    canvas.stamp(stencil.cut(), veil, 0.30)


def paint_snowfall(scene: Scene) -> None:
    """Let flakes fall, soft and large when they are near."""
    canvas, rng = scene.canvas, scene.rng
    white = oklch(0.97, 0.01, 240)
    for share, radius, count in ((0.55, 0.0012, 500), (0.75, 0.0022, 220), (0.55, 0.0050, 45)):
        stencil = Stencil(canvas)
        for x, y, part in rng.random((count, 3)):
            size = canvas.size * radius * (0.6 + part)
            stencil.ellipse(
                x * canvas.width, y * canvas.height, size, size * 1.15, 0.5 + 0.5 * part
            )
        canvas.stamp(stencil.cut(), white, share)


def paint_mist(scene: Scene) -> None:
    """Lay banks of mist about the horizon."""
    canvas, palette = scene.canvas, scene.palette
    y, _ = canvas.grid()
    banks = fbm(scene.rng, canvas.shape, canvas.size / 2.5, 4, stretch=4)
    deep = 0.32 if scene.reading.has("fog") else 0.13
    at = scene.horizon + canvas.size * 0.02
    height = np.exp(-(((y - at) / (canvas.height * deep)) ** 2))
    strength = 0.85 if scene.reading.has("fog") else 0.4
    veil = height * smoothstep(-1.8, 1.4, banks) * strength
    canvas.lay(np.clip(veil, 0, 1), mix(palette.low, palette.middle, 0.15))


def paint_storm(scene: Scene) -> None:
    """Strike lightning and darken the edges of the sky."""
    bolts = 1 + int(scene.chance(0.5))
    for _ in range(bolts):
        side = (
            scene.between(0.52, 0.92)
            if scene.sun[0] < scene.canvas.width / 2
            else scene.between(0.08, 0.48)
        )
        draw_bolt(scene, side * scene.canvas.width, scene.horizon)
