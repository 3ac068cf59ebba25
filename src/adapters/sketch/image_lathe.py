"""Round things: turned on a wheel or moulded as a globe, with the shadows that they throw."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from adapters.sketch.image_canvas import planes
from adapters.sketch.image_colour import Colour, mix, shade
from adapters.sketch.image_noise import fbm, smoothstep
from adapters.sketch.image_stencil import Stencil, curve

if TYPE_CHECKING:
    from adapters.sketch.image_scene import Scene

TILT = 0.24
"""How much we look down on a table: the height of a circle by its width."""

Shape = tuple[tuple[float, float], ...]
"""Half-widths of a turned thing by height, both in units of its size: (height, half-width)."""


def draw_turned(
    scene: Scene, place: tuple[float, float, float], shape: Shape, tone: Colour, gloss: float
) -> None:
    """Draw a thing from the potter's wheel at (x, foot), `size` pixels; lit from the window."""
    canvas = scene.canvas
    x, foot, size = place
    heights, widths = curve(shape, 8, closed=False).T * size
    reach = float(widths.max())
    rows = slice(
        max(0, int(foot - heights[-1] - reach * TILT - 2)),
        min(canvas.height, int(foot + reach * TILT + 3)),
    )
    columns = slice(max(0, int(x - reach - 2)), min(canvas.width, int(x + reach + 3)))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return
    gy, gx = canvas.grid()
    up, along = foot - gy[rows], gx[:, columns] - x
    level = up + 0 * along
    width = np.interp(level, heights, widths)
    for _ in range(3):
        front = np.sqrt(np.clip(1 - (along / np.maximum(width, 1)) ** 2, 0, 1))
        level = up + TILT * width * front
        width = np.interp(level, heights, widths)
    mask = (
        np.clip(width - np.abs(along) + 0.5, 0, 1)
        * np.clip(level + 0.5, 0, 1)
        * np.clip(heights[-1] - level + 0.5, 0, 1)
    )
    turn = np.clip(along / np.maximum(width, 1), -1, 1)
    side = -1.0 if scene.sun[0] < canvas.width / 2 else 1.0
    slope = np.interp(level, heights, np.gradient(widths, heights))
    facing = turn * side * 0.72 + np.sqrt(1 - turn**2) * 0.46 - 0.30 * np.tanh(slope)
    light = smoothstep(-0.45, 1.0, facing)
    dim = planes(mix(shade(tone, 0.32), scene.palette.near, 0.3))
    bright = planes(mix(tone, scene.palette.glow, 0.22))
    picture = dim + (bright - dim) * light
    bounce = smoothstep(0.55, 1.0, -turn * side) * 0.25
    picture = picture + (planes(scene.palette.ground) - picture) * bounce
    canvas.lay(mask, np.clip(picture, 0, 1), rows, columns)
    spot = np.exp(-(((turn - side * 0.55) / 0.10) ** 2)) * mask * gloss * (0.4 + 0.6 * light)
    canvas.shine(np.clip(spot, 0, 1), scene.palette.glow, rows, columns)


def draw_shadow(scene: Scene, x: float, foot: float, size: float) -> None:
    """Let a thing throw its shadow over the table, away from the window."""
    canvas = scene.canvas
    away = 1.0 if scene.sun[0] < canvas.width / 2 else -1.0
    y, columns = canvas.grid()
    u = (columns - x) * away / size
    v = (y - foot) / (size * TILT)
    spread = 0.42 + 0.10 * np.clip(u, 0, None)
    long = (
        smoothstep(2.3, 0.0, u)
        * np.exp(-(((v - 0.35 * np.clip(u, 0, None)) / (2.0 * spread)) ** 4))
        * smoothstep(-0.6, -0.3, u)
    )
    under = np.exp(-((u / 0.5) ** 2 + (v / 1.0) ** 2) * 1.1)
    shadow = np.clip(np.maximum(long * 0.62, under * 0.7), 0, 1) * (y > scene.horizon)
    canvas.lay(shadow, shade(scene.palette.near, 0.5))


def draw_disc(scene: Scene, x: float, y: float, across: float, tone: Colour) -> None:
    """Lay a level disc, seen from a little above, half as wide as `across` pixels twice."""
    reach = abs(across)
    stencil = Stencil(scene.canvas, (x - reach, y - reach, x + reach, y + reach), scale=4)
    stencil.ellipse(x, y, reach, reach * TILT)
    scene.canvas.stamp(stencil.cut(), tone)


def draw_ball(scene: Scene, place: tuple[float, float, float], tone: Colour) -> None:
    """Draw a shaded globe, a little flat and dimpled on top, at (x, y, radius) in pixels."""
    canvas = scene.canvas
    x, y, radius = place
    box = (x - radius, y - radius, x + radius, y + radius)
    stencil = Stencil(canvas, box, scale=4)
    t = np.linspace(0, math.tau, 90)
    dimple = 1 - 0.10 * np.exp(-((t - 1.5 * math.pi) ** 2) * 9)
    stencil.polygon(
        np.column_stack([x + radius * np.cos(t), y + 0.92 * radius * dimple * np.sin(t)])
    )
    cut = stencil.cut()
    gy, gx = canvas.grid()
    along, up = (gx[:, cut.columns] - x) / radius, (y - gy[cut.rows]) / radius
    out = np.sqrt(np.clip(1 - along**2 - up**2, 0, 1))
    side = -1.0 if scene.sun[0] < canvas.width / 2 else 1.0
    light = smoothstep(-0.35, 1.0, along * side * 0.62 + up * 0.45 + out * 0.5)
    streak = fbm(scene.rng, cut.mask.shape, max(4.0, radius * 0.4), 4, stretch=0.3)
    dim = planes(mix(shade(tone, 0.34), scene.palette.near, 0.3))
    bright = planes(mix(tone, scene.palette.glow, 0.15)) * (1 + 0.06 * streak)
    canvas.stamp(cut, np.clip(dim + (bright - dim) * light, 0, 1))
    spot = (
        np.exp(-(((along - side * 0.42) / 0.16) ** 2) - ((up - 0.42) / 0.13) ** 2) * cut.mask * 0.65
    )
    canvas.shine(np.clip(spot, 0, 1), scene.palette.glow, cut.rows, cut.columns)
