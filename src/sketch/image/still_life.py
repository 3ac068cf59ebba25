"""A still life: cups, vases, fruit, candles and books on a table in the light of a window."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from sketch.image.buildings import fill
from sketch.image.canvas import (
    Colour,
    Field,
    Stencil,
    curve,
    fbm,
    mix,
    oklch,
    planes,
    shade,
    smoothstep,
    soften,
)

if TYPE_CHECKING:
    from sketch.image.scene import Scene


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


CUP: Shape = ((0.0, 0.24), (0.06, 0.33), (0.25, 0.42), (0.55, 0.47), (0.80, 0.49))
VASE: Shape = (
    (0.0, 0.26),
    (0.15, 0.38),
    (0.45, 0.46),
    (0.75, 0.36),
    (1.0, 0.17),
    (1.15, 0.15),
    (1.25, 0.22),
)
CANDLE: Shape = ((0.0, 0.14), (0.9, 0.14))
SAUCER: Shape = ((0.0, 0.40), (0.03, 0.62), (0.09, 0.86))


def paint_room(scene: Scene) -> None:
    """Paint the wall with the light of a window on it, and the table top."""
    canvas, palette = scene.canvas, scene.palette
    wall = mix(palette.middle, palette.ground, 0.45)
    lit = mix(palette.low, palette.glow, 0.4)
    y, x = canvas.grid()
    from_left = scene.sun[0] < canvas.width / 2
    across = x / canvas.width if from_left else 1 - x / canvas.width
    fall = np.exp(-((across - 0.12) ** 2) * 3.2) * (1 - 0.45 * y / canvas.height)
    canvas.lay(1.0, shade(wall, 0.62))
    canvas.lay(np.clip(fall * 0.8, 0, 1), lit)
    slant = (across + 0.32 * y / canvas.height) * 5.2
    pane = smoothstep(0.0, 0.1, slant % 1) * smoothstep(1.0, 0.9, slant % 1)
    bars = smoothstep(0.02, 0.07, (y / canvas.height * 3.1 + 0.2 * across) % 1)
    inside = smoothstep(1.6, 1.8, slant) * smoothstep(4.6, 4.4, slant)
    patch = soften(pane * bars * inside, canvas.size * 0.012) * (1 - 0.6 * palette.darkness)
    canvas.shine(np.clip(patch * 0.5, 0, 1), palette.glow)
    canvas.pixels += fbm(scene.rng, canvas.shape, canvas.size / 5, 5).astype(
        np.float32
    ) * np.float32(0.012)
    _table(scene, across)


def _table(scene: Scene, across: Field) -> None:
    canvas, palette = scene.canvas, scene.palette
    y, x = canvas.grid()
    top = int(scene.horizon)
    down = (y[top:] - scene.horizon) / max(1.0, canvas.height - scene.horizon)
    depth = 1 / (0.55 + down)
    u = (x - canvas.width / 2) * depth / canvas.size
    planks = u * 2.6
    grain = fbm(scene.rng, (canvas.height - top, canvas.width), canvas.size / 14, 5, stretch=5)
    lines = np.sin((depth * 5 + grain * 0.10) * 34 + np.floor(planks) * 9)
    wood = scene.colour_of("table", mix(oklch(0.50, 0.085, 55), palette.ground, 0.3))
    wood = shade(wood, 1 - 0.35 * palette.darkness)
    seam = smoothstep(0.0, 0.025, planks % 1)
    tone = (0.80 + 0.06 * lines + 0.07 * grain) * (0.72 + 0.28 * seam)
    light = np.exp(-((across - 0.25) ** 2) * 3.0) * (0.55 + 0.35 * down)
    surface = planes(wood) * tone
    surface = surface + (planes(mix(wood, palette.glow, 0.6)) - surface) * np.clip(
        light * 0.62, 0, 1
    )
    canvas.lay(1.0, np.clip(surface, 0, 1), slice(top, None))
    canvas.shine(np.exp(-np.abs(down) * 90) * 0.35 + 0 * x, palette.glow, slice(top, None))


def draw_cup(scene: Scene, x: float, foot: float, size: float) -> None:
    """Set a filled cup on its saucer, steaming; size in pixels."""
    tone = scene.colour_of("cup", oklch(0.93, 0.015, 85))
    draw_shadow(scene, x, foot, size * 1.35)
    draw_turned(scene, (x, foot, size), SAUCER, tone, 0.2)
    draw_disc(scene, x, foot - size * 0.09, size * 0.86, mix(tone, scene.palette.glow, 0.1))
    draw_disc(scene, x, foot - size * 0.07, size * 0.62, shade(tone, 0.86))
    draw_disc(scene, x, foot - size * 0.05, size * 0.42, shade(tone, 0.62))
    side = 1 if scene.sun[0] < scene.canvas.width / 2 else -1
    handle = Stencil(scene.canvas, (x - size, foot - size, x + size, foot), scale=4)
    loop = [(0.43, 0.70), (0.66, 0.72), (0.72, 0.52), (0.58, 0.34), (0.38, 0.30)]
    points = [(x + side * px * size, foot - py * size - size * 0.05) for px, py in loop]
    handle.line(curve(points, closed=False), size * 0.085)
    scene.canvas.stamp(handle.cut(), mix(shade(tone, 0.62), scene.palette.near, 0.25))
    lifted = foot - size * 0.05
    draw_turned(scene, (x, lifted, size), CUP, tone, 0.75)
    rim = lifted - size * 0.80
    draw_disc(scene, x, rim, size * 0.49, mix(tone, scene.palette.glow, 0.35))
    draw_disc(scene, x, rim + size * 0.006, size * 0.455, shade(tone, 0.55))
    coffee = oklch(0.27, 0.055, 50)
    draw_disc(scene, x, rim + size * 0.022, size * 0.43, coffee)
    draw_disc(
        scene,
        x - side * size * 0.06,
        rim + size * 0.028,
        size * 0.32,
        mix(coffee, scene.palette.glow, 0.16),
    )
    _steam(scene, x, rim, size)


def _steam(scene: Scene, x: float, y: float, size: float) -> None:
    canvas = scene.canvas
    rows, columns = canvas.grid()
    up = (y - rows) / size
    bend = fbm(scene.rng, canvas.shape, size * 0.8, 3)
    light = np.zeros(canvas.shape, np.float32)
    for k in (-0.16, 0.02, 0.2):
        path = x + size * (k + 0.13 * np.sin(up * 3.6 + k * 19) * np.clip(up, 0, 2) + 0.06 * bend)
        width = size * (0.030 + 0.055 * np.clip(up, 0, 3))
        light = (
            light
            + np.exp(-(((columns - path) / width) ** 2))
            * np.clip(up * 3, 0, 1)
            * np.exp(-up * 1.1)
            * 0.42
        )
    canvas.shine(np.clip(light * (up > 0), 0, 1), oklch(0.96, 0.01, 80))


def draw_candle(scene: Scene, x: float, foot: float, size: float) -> None:
    """Stand a burning candle; size in pixels."""
    draw_shadow(scene, x, foot, size * 0.4)
    draw_turned(scene, (x, foot, size), CANDLE, oklch(0.92, 0.04, 88), 0.2)
    top = foot - size * 0.9
    draw_disc(scene, x, top, size * 0.14, oklch(0.95, 0.08, 85))
    flame = [(0, 0.34), (0.055, 0.18), (0.05, 0.07), (0, 0.03), (-0.05, 0.07), (-0.055, 0.18)]
    scene.canvas.glow(x, top - size * 0.16, size * 1.3, oklch(0.84, 0.14, 70), 0.65)
    fill(
        scene, curve([(x + px * size, top - py * size) for px, py in flame]), oklch(0.95, 0.12, 90)
    )
    scene.canvas.glow(x, top - size * 0.16, size * 0.35, oklch(0.93, 0.13, 85), 0.9)


def draw_vase(scene: Scene, x: float, foot: float, size: float) -> None:
    """Stand a vase; size in pixels."""
    tone = scene.colour_of("vase", scene.palette.accents[0])
    draw_shadow(scene, x, foot, size)
    draw_turned(scene, (x, foot, size), VASE, tone, 0.7)
    draw_disc(scene, x, foot - size * 1.25, size * 0.22, shade(tone, 1.15))
    draw_disc(scene, x, foot - size * 1.245, size * 0.185, shade(tone, 0.3))


def draw_fruit(scene: Scene, x: float, foot: float, size: float) -> None:
    """Lay an apple down; size in pixels."""
    hues = (
        oklch(0.60, 0.19, 28),
        oklch(0.76, 0.15, 70),
        oklch(0.74, 0.15, 118),
        oklch(0.84, 0.15, 95),
    )
    tone = scene.colour_of("fruit", hues[int(scene.rng.integers(len(hues)))])
    draw_shadow(scene, x, foot, size * 0.9)
    draw_ball(scene, (x, foot - size * 0.36, size * 0.43), tone)
    stalk = foot - size * 0.77
    fill(
        scene,
        [
            (x - size * 0.015, stalk + size * 0.05),
            (x + size * 0.05, stalk - size * 0.12),
            (x + size * 0.08, stalk - size * 0.11),
            (x + size * 0.02, stalk + size * 0.06),
        ],
        oklch(0.35, 0.05, 60),
    )


def draw_book(scene: Scene, x: float, foot: float, size: float) -> None:
    """Stack two closed books; size in pixels."""
    draw_shadow(scene, x, foot, size * 1.6)
    for k, tone in enumerate((scene.palette.accents[1], scene.palette.accents[0])):
        y, half, lean = foot - k * size * 0.2, size * (0.95 - 0.12 * k), size * 0.16
        cover = shade(tone, 0.75 - 0.25 * scene.palette.darkness)
        fill(
            scene,
            [(x - half, y), (x - half, y - size * 0.2), (x + half, y - size * 0.2), (x + half, y)],
            cover,
        )
        fill(
            scene,
            [
                (x - half * 0.97, y - size * 0.03),
                (x - half * 0.97, y - size * 0.17),
                (x + half, y - size * 0.17),
                (x + half, y - size * 0.03),
            ],
            oklch(0.90, 0.03, 88),
        )
        fill(
            scene,
            [
                (x - half, y - size * 0.2),
                (x - half + lean, y - size * 0.42),
                (x + half + lean, y - size * 0.42),
                (x + half, y - size * 0.2),
            ],
            mix(cover, scene.palette.glow, 0.25),
        )
        fill(
            scene,
            [
                (x - half, y),
                (x - half, y - size * 0.2),
                (x - half * 0.93, y - size * 0.2),
                (x - half * 0.93, y),
            ],
            shade(cover, 0.7),
        )


def paint_things(scene: Scene) -> None:
    """Set the table with what the prompt names, the first thing in the middle."""
    canvas = scene.canvas
    known = {
        "cup": draw_cup,
        "vase": draw_vase,
        "fruit": draw_fruit,
        "candle": draw_candle,
        "book": draw_book,
    }
    names = [name for name in scene.reading.things if name in known] or [
        "cup" if scene.reading.allows("cup") else "vase"
    ]
    if "fruit" in names:
        names += ["fruit", "fruit"]
    size = canvas.size * (0.27 if len(names) == 1 else 0.20)
    base = scene.horizon + (canvas.height - scene.horizon) * 0.55
    spots = [(0.5, 0.12), (0.26, -0.08), (0.75, -0.05), (0.62, 0.28), (0.36, 0.25)]
    placed = [
        (base + spots[i][1] * (canvas.height - scene.horizon), spots[i][0], name)
        for i, name in enumerate(names[:5])
    ]
    for foot, x, name in sorted(placed):
        jitter = scene.between(-0.03, 0.03) * math.sqrt(len(names) - 1 + 0.3)
        known[name](scene, (x + jitter) * canvas.width, foot, size)
