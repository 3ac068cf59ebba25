"""Dunes: bright windward sides, sharp crests, wind ripples."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from adapters.sketch.image_colour import Colour, Field, mix, oklch, shade
from adapters.sketch.image_land import Ridge, lay_ridge
from adapters.sketch.image_noise import fbm, profile, smoothstep

if TYPE_CHECKING:
    from adapters.sketch.image_scene import Scene


def paint_dunes(scene: Scene) -> None:
    """Sweep dunes with a bright windward side and a sharp shadowed crest."""
    canvas, palette = scene.canvas, scene.palette
    sand = mix(oklch(0.76 - 0.42 * palette.darkness, 0.10, 70), palette.ground, 0.35)
    rest = canvas.height - scene.horizon
    left = scene.sun[0] < canvas.width / 2
    for i in range(2 if scene.sparse else 5):
        near = i / 4
        line = profile(scene.rng, canvas.width, 1.3 + 1.2 * (1 - near), 3)
        line = scene.horizon + rest * (0.03 + 0.66 * near**1.3) - canvas.size * 0.17 * (line - 0.3)
        lit = mix(palette.far, mix(sand, palette.glow, 0.22), 0.4 + 0.55 * near)
        lay_ridge(scene, Ridge(line, lit, mix(lit, palette.low, 0.3), rest * 0.9))
        _slip_face(scene, line, mix(shade(lit, 0.58), palette.near, 0.2), mirrored=left)
        _ripples(scene, line, near)


def _slip_face(scene: Scene, line: Field, colour: Colour, *, mirrored: bool) -> None:
    """Shade the lee of a crest: the face between the skyline and a curve below its peaks."""
    canvas = scene.canvas
    away = 1.0 if mirrored else -1.0
    lee = smoothstep(0.0, 0.07, np.gradient(line) * away).astype(np.float32)
    drop = canvas.size * (0.1 + 0.3 * profile(scene.rng, canvas.width, 3, 3)).astype(np.float32)
    y, x = canvas.grid()
    below = y - line.astype(np.float32)[None, :]
    leaned = x - away * np.maximum(below, 0) * 1.7
    at = leaned.astype(np.intp).clip(0, canvas.width - 1)
    mask = np.clip(below + 0.5, 0, 1) * smoothstep(1.0, 0.3, below / drop[None, :])
    canvas.lay(mask * lee[at] * 0.85, colour)


def _ripples(scene: Scene, line: Field, near: float) -> None:
    canvas = scene.canvas
    y, x = canvas.grid()
    below = y - line.astype(np.float32)[None, :]
    bend = fbm(scene.rng, canvas.shape, canvas.size / 5, 3)
    period = canvas.size * (0.006 + 0.012 * near)
    wave = np.sin((below * 1.6 + x * 0.22) / period + bend * 3.0)
    strength = np.clip(below / (canvas.size * 0.05), 0, 1) * (0.012 + 0.03 * near)
    canvas.pixels *= (1 + wave * strength).astype(np.float32)
