"""Patterns without a subject: threads in a current, mandalas, spirals."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from adapters.sketch.image_canvas import planes
from adapters.sketch.image_colour import mix, shade
from adapters.sketch.image_noise import fbm, smoothstep
from adapters.sketch.image_stencil import Stencil

if TYPE_CHECKING:
    from adapters.sketch.image_scene import Scene

_DUSK = 0.3  # darkness from which the ground is the night's


def paint_flow(scene: Scene) -> None:
    """Comb thousands of threads through an unseen current."""
    canvas, size, palette = scene.canvas, scene.canvas.size, scene.palette
    deep = shade(palette.top, 0.35) if palette.darkness > _DUSK else shade(palette.near, 0.7)
    canvas.pixels[:] = planes(deep)
    current = fbm(scene.rng, canvas.shape, size / 1.3, 2) * 1.5
    tone_map = fbm(scene.rng, canvas.shape, size / 2.2, 2)
    hues = [*palette.accents, palette.glow]
    order = np.array([0, 1, 0, 3, 4])
    sheets = [Stencil(canvas, scale=2) for _ in hues]
    step = size * 0.014
    places = scene.rng.random((1900, 2)) * (canvas.width, canvas.height)
    angle0 = scene.between(-0.6, 0.6)
    paths = [places]
    for _ in range(22):
        at = paths[-1]
        rows = at[:, 1].astype(int).clip(0, canvas.height - 1)
        columns = at[:, 0].astype(int).clip(0, canvas.width - 1)
        angle = angle0 + current[rows, columns]
        paths.append(at + step * np.column_stack([np.cos(angle), np.sin(angle)]))
    trails = np.stack(paths, axis=1)
    middle = trails[:, 11].astype(int)
    tones = tone_map[
        middle[:, 1].clip(0, canvas.height - 1), middle[:, 0].clip(0, canvas.width - 1)
    ]
    layer = order[
        np.clip((tones * 0.9 + 2.5 + scene.rng.normal(0, 0.5, len(tones))).astype(int), 0, 4)
    ]
    for trail, k, part in zip(trails, layer, scene.rng.random(len(trails)), strict=True):
        sheets[int(k)].line(trail, size * (0.0010 + 0.0055 * part**3), 0.35 + 0.65 * part)
    for sheet, hue in zip(sheets, hues, strict=True):
        canvas.stamp(sheet.cut(), hue)


def paint_mandala(scene: Scene) -> None:
    """Fold noise and rings into a flower of many mirrors."""
    canvas, size, palette = scene.canvas, scene.canvas.size, scene.palette
    y, x = canvas.grid()
    dx, dy = x - canvas.width / 2, y - canvas.height / 2
    radius = np.hypot(dx, dy) / (size * 0.5)
    count = int(scene.rng.choice([6, 8, 10, 12]))
    angle = np.arctan2(dy, dx) + (0.5 * radius if scene.reading.has("spiral") else 0.0)
    fold = np.abs(((angle / math.tau * count) % 1) - 0.5) * 2
    canvas.pixels[:] = planes(shade(palette.top, 0.5))
    hues = [*palette.accents]
    for k in range(13):
        ring = 1.15 - 0.088 * k
        wave = ring - 0.16 * ring * (
            fold ** scene.between(0.6, 2.2) if k % 2 else 1 - fold ** scene.between(0.6, 2.2)
        )
        edge = size * 0.5 * (wave - radius)
        tone = shade(hues[k % 4], scene.between(0.6, 1.15))
        canvas.lay(np.clip(edge + 0.5, 0, 1), tone)
        canvas.lay(np.exp(-((edge / (size * 0.0035)) ** 2)) * 0.8, mix(tone, palette.glow, 0.7))
        beads = np.exp(
            -(((radius - wave + 0.03) / 0.011) ** 2) - (((fold - 0.5) * ring * 9 / count * 6) ** 2)
        )
        canvas.shine(np.clip(beads, 0, 1), palette.glow)
    canvas.glow(canvas.width / 2, canvas.height / 2, size * 0.2, palette.glow, 0.5)


def paint_spiral(scene: Scene) -> None:
    """Draw everything into one turning vortex."""
    canvas, size, palette = scene.canvas, scene.canvas.size, scene.palette
    y, x = canvas.grid()
    dx, dy = (
        x - canvas.width * scene.between(0.42, 0.58),
        y - canvas.height * scene.between(0.42, 0.58),
    )
    radius = np.hypot(dx, dy) / (size * 0.5) + 1e-3
    warp = fbm(scene.rng, canvas.shape, size / 4, 4)
    phase = (
        np.arctan2(dy, dx) * 3 + 9 * np.log(radius) * (1 if scene.chance(0.5) else -1) + 0.30 * warp
    )
    hues = [
        palette.accents[0],
        palette.accents[1],
        palette.glow,
        palette.accents[2],
        shade(palette.top, 0.4),
    ]
    at = (phase / math.tau) % 1 * len(hues)
    picture = np.zeros_like(canvas.pixels)
    for k, hue in enumerate(hues):
        near = np.abs((at - k + len(hues) / 2) % len(hues) - len(hues) / 2)
        picture += planes(hue) * np.clip(1 - near, 0, 1)
    streaks = 0.86 + 0.14 * np.sin(phase * 9 + warp * 2)
    canvas.pixels[:] = np.clip(picture * streaks * (0.35 + 0.65 * smoothstep(0, 0.5, radius)), 0, 1)
    canvas.glow(
        float(x[0, 0] - dx[0, 0]), float(y[0, 0] - dy[0, 0]), size * 0.12, palette.glow, 0.9
    )
