"""Fire in the dark: flames, logs and sparks."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from adapters.sketch.image_colour import mix, oklch, shade
from adapters.sketch.image_noise import fbm, smoothstep
from adapters.sketch.image_stencil import Stencil

if TYPE_CHECKING:
    from adapters.sketch.image_scene import Scene


def paint_fire(scene: Scene) -> None:
    """Let flames rise from the foot of the picture, with sparks above them."""
    canvas, size = scene.canvas, scene.canvas.size
    y, x = canvas.grid()
    base = canvas.height * 0.93
    up = (base - y) / (size * 0.72)
    swirl = fbm(scene.rng, canvas.shape, size / 6, 5, stretch=0.55)
    lick = fbm(scene.rng, canvas.shape, size / 10, 4, stretch=0.35)
    along = (x - canvas.width / 2) / (size * 0.36) + 0.24 * swirl * np.clip(up, 0.1, 1)
    body = (
        1.0
        - along**2 * (0.9 + 1.4 * np.clip(up, 0, 1))
        - np.clip(up, -0.2, 2) * 1.3
        + 0.34 * lick * np.clip(up + 0.2, 0, 1)
    )
    body = body * smoothstep(-0.08, 0.03, up)
    hue = scene.colour_of("fire", oklch(0.60, 0.21, 35))
    canvas.glow(canvas.width / 2, base - size * 0.15, size * 0.65, hue, 0.65)
    for low, high, tone in (
        (0.0, 0.30, shade(hue, 0.8)),
        (0.16, 0.5, mix(hue, oklch(0.76, 0.18, 65), 0.7)),
        (0.42, 0.8, oklch(0.90, 0.15, 90)),
        (0.7, 1.05, oklch(0.98, 0.05, 95)),
    ):
        canvas.lay(smoothstep(low, high, body) * 0.92, tone)
    logs = Stencil(canvas)
    for turn in (-0.22, 0.2, 0.02):
        cx, cy = canvas.width / 2, base + size * 0.005
        reach = size * 0.25
        logs.line(
            [
                (cx - reach * math.cos(turn), cy - reach * math.sin(turn)),
                (cx + reach * math.cos(turn), cy + reach * math.sin(turn)),
            ],
            size * 0.035,
        )
    canvas.stamp(logs.cut(), mix(scene.palette.ink, hue, 0.12))
    for px, py, part in scene.rng.random((70, 3)):
        spark = (
            canvas.width / 2 + (px - 0.5) * size * (0.4 + 0.5 * py),
            base - py**0.8 * size * 0.95,
        )
        canvas.glow(*spark, size * (0.002 + 0.006 * part**3), oklch(0.85, 0.16, 70), 0.95)
