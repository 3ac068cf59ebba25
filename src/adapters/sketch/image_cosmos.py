"""Space: nebulae, galaxies, planets with rings, and ground to stand on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from adapters.sketch.image_colour import Colour, Field, mix, oklch, shade
from adapters.sketch.image_land import Ridge, lay_ridge
from adapters.sketch.image_noise import fbm, profile, smoothstep
from adapters.sketch.image_sky import draw_moon
from adapters.sketch.image_stencil import Stencil

if TYPE_CHECKING:
    from adapters.sketch.image_scene import Scene


def paint_nebula(scene: Scene) -> None:
    """Fill the dark with lit gas, warped upon itself."""
    canvas, palette = scene.canvas, scene.palette
    canvas.lay(0.88, shade(palette.top, 0.35))
    half = (canvas.height, canvas.width)
    first = fbm(scene.rng, half, canvas.size / 1.8, 5)
    veins = fbm(scene.rng, half, canvas.size / 3.5, 6, gain=0.58)
    dust = fbm(scene.rng, half, canvas.size / 5, 6, gain=0.6)
    hues = [shade(c, 0.95, 1.1) for c in palette.accents[:3]]
    share = 0.55 if scene.reading.has("galaxy") else 0.34
    for i, hue in enumerate(hues):
        cloud = smoothstep(0.1, 2.1, first * (1 - i) + veins * (0.5 + 0.4 * i) - 0.15 * i)
        canvas.shine(np.clip(cloud * share, 0, 1), hue)
    ridge = np.exp(-(((first - 0.35 * veins) / 0.22) ** 2)) * smoothstep(-0.5, 1.2, veins)
    canvas.shine(np.clip(ridge * share * 0.8, 0, 1), mix(hues[0], palette.glow, 0.5))
    canvas.lay(smoothstep(0.5, 2.0, dust) * 0.6, shade(palette.top, 0.22))


def paint_galaxy(scene: Scene) -> None:
    """Wind the arms of a galaxy about a bright heart."""
    canvas, palette = scene.canvas, scene.palette
    y, x = canvas.grid()
    cx, cy = canvas.width * scene.between(0.4, 0.6), canvas.height * scene.between(0.4, 0.58)
    turn, tilt = scene.between(-0.6, 0.6), scene.between(0.45, 0.75)
    c, s = np.float32(np.cos(turn)), np.float32(np.sin(turn))
    u, v = (x - cx) * c + (y - cy) * s, (-(x - cx) * s + (y - cy) * c) / np.float32(tilt)
    radius = np.hypot(u, v) / (canvas.size * 0.52) + 1e-3
    lumps = fbm(scene.rng, canvas.shape, canvas.size / 9, 6, gain=0.62)
    arm = np.cos(2 * np.arctan2(v, u) - 6.4 * np.log(radius + 0.12) + 0.55 * lumps)
    glow = np.exp(-radius * 3.2)
    arms = smoothstep(-0.5, 1.0, arm) * np.exp(-((radius * 1.35) ** 2)) * (0.75 + 0.35 * lumps)
    canvas.shine(np.clip(arms * 0.9, 0, 1), mix(palette.accents[0], palette.glow, 0.3))
    knots = smoothstep(1.1, 2.0, lumps) * arms
    canvas.shine(np.clip(knots, 0, 1), mix(palette.accents[1], oklch(0.8, 0.15, 350), 0.5))
    canvas.shine(np.clip(glow * 1.3, 0, 1), oklch(0.93, 0.07, 85))
    spark = scene.rng.random(canvas.shape, dtype=np.float32) < 0.010 * np.clip(arms + glow, 0, 1)
    canvas.lay(spark * np.float32(0.8), oklch(0.97, 0.02, 240))


def draw_planet(scene: Scene, x: float, y: float, radius: float, tone: Colour) -> None:
    """Hang a banded globe with a lit limb at (x, y); sizes in pixels."""
    canvas = scene.canvas
    reach = radius * 1.12
    stencil = Stencil(canvas, (x - reach, y - reach, x + reach, y + reach))
    stencil.ellipse(x, y, radius, radius)
    cut = stencil.cut()
    rows, columns = cut.mask.shape
    up = (np.arange(rows, dtype=np.float32)[:, None] + cut.rows.start - y) / radius
    along = (np.arange(columns, dtype=np.float32)[None, :] + cut.columns.start - x) / radius
    round_ = np.sqrt(np.clip(1 - up * up - along * along, 0, 1))
    side = -0.75 if scene.sun[0] < x else 0.75
    lit = np.clip(along * side - up * 0.42 + round_ * 0.42, 0, 1)
    warp = fbm(scene.rng, (rows, columns), max(4.0, radius * 0.5), 5, stretch=3.5)
    bands = np.sin((up + 0.16 * along) * 13 / (0.4 + round_ * 0.6) + warp * 1.2)
    dim, bright = (
        c.astype(np.float32)[:, None, None] for c in (shade(tone, 0.72), shade(tone, 1.18))
    )
    surface = dim + (bright - dim) * (0.5 + 0.32 * bands + 0.16 * warp)
    night = shade(tone, 0.10, 0.6).astype(np.float32)[:, None, None]
    canvas.stamp(cut, np.clip(night + (surface - night) * lit**0.8, 0, 1))
    rim = np.clip(1 - round_, 0, 1) ** 3 * lit * cut.mask
    canvas.shine(np.clip(rim, 0, 1), mix(tone, scene.palette.glow, 0.7), cut.rows, cut.columns)
    canvas.glow(x + side * radius * 0.5, y - radius * 0.3, radius * 0.9, tone, 0.16)


def _ring(scene: Scene, x: float, y: float, radius: float, tone: Colour, *, front: bool) -> None:
    canvas = scene.canvas
    reach = radius * 2.4
    rows = slice(max(0, int(y - reach)), max(1, min(canvas.height, int(y + reach))))
    gy, gx = canvas.grid()
    lean = 0.28
    u, v = gx - x, (gy[rows] - y) - lean * (gx - x)
    away = np.hypot(u, v / 0.26) / radius
    band = smoothstep(1.32, 1.36, away) * smoothstep(2.25, 2.18, away)
    grooves = 0.55 + 0.45 * np.sin(away * 42) * np.sin(away * 17 + 1)
    half = (v > 0) if front else (v <= 0)
    canvas.lay(
        np.clip(band * grooves * half * 0.75, 0, 1), mix(tone, scene.palette.paper, 0.55), rows
    )


def paint_planets(scene: Scene) -> None:
    """Set planets, one of them large, into the dark."""
    canvas, palette = scene.canvas, scene.palette
    standing = scene.reading.has("astronaut", "person")
    tone = scene.colour_of("planet", palette.accents[0])
    if scene.reading.has("moon"):
        _moons(scene)
        if standing:
            return
    x = canvas.width * (0.66 if scene.sun[0] < canvas.width / 2 else 0.34)
    y = canvas.height * scene.between(0.30, 0.42 if standing else 0.55)
    radius = canvas.size * scene.between(0.16, 0.26)
    ringed = scene.chance(0.5)
    if ringed:
        _ring(scene, x, y, radius, tone, front=False)
    draw_planet(scene, x, y, radius, tone)
    if ringed:
        _ring(scene, x, y, radius, tone, front=True)
    if not scene.sparse:
        far = canvas.width - x + canvas.size * scene.between(-0.1, 0.1)
        draw_planet(scene, far, canvas.height * 0.2, radius * 0.22, palette.accents[1])


def _moons(scene: Scene) -> None:
    canvas = scene.canvas
    tone = scene.colour_of("moon", mix(oklch(0.9, 0.03, 90), scene.palette.accents[1], 0.25))
    for x, y, radius in ((0.30, 0.26, 0.115), (0.68, 0.17, 0.060)):
        at = x * canvas.width, y * canvas.height
        canvas.glow(*at, canvas.size * radius * 2.4, tone, 0.28)
        draw_moon(scene, *at, canvas.size * radius, tone)


def paint_ground(scene: Scene) -> None:
    """Lay the cratered ground of another world."""
    canvas, palette = scene.canvas, scene.palette
    soil = scene.colour_of("planet", palette.accents[0])
    for near in (0.0, 0.45, 1.0):
        line = profile(scene.rng, canvas.width, 3.5 - 2 * near, 6, jagged=near < 1)
        foot = scene.horizon + (canvas.height - scene.horizon) * 0.30 * near
        line = foot - canvas.size * 0.13 * (1.15 - near) * (line - 0.2)
        tone = mix(shade(soil, 1.0 - 0.42 * near), palette.top, 0.18)
        haze = mix(soil, palette.top, 0.55 + 0.2 * near)
        lay_ridge(scene, Ridge(line, tone, haze, canvas.height * 0.55, 0.85))
    _craters(scene, soil)


def _craters(scene: Scene, soil: Colour) -> None:
    canvas = scene.canvas
    rest = canvas.height - scene.horizon
    light = 1 if scene.sun[0] > canvas.width / 2 else -1
    for near in np.sort(scene.rng.uniform(0.38, 1.0, 9)):
        x, y = scene.between(0, 1) * canvas.width, scene.horizon + rest * float(near)
        wide = canvas.size * 0.09 * float(near) ** 2 * scene.between(0.4, 1.3)
        for shift, tone, opacity in (
            (0.0, shade(soil, 1.05), 0.45),
            (-0.10 * light, shade(soil, 0.32), 0.8),
        ):
            stencil = Stencil(canvas, (x - wide * 1.3, y - wide, x + wide * 1.3, y + wide))
            stencil.ellipse(
                x - shift * wide, y - abs(shift) * wide * 0.3, wide * (1 - abs(shift)), wide * 0.24
            )
            canvas.stamp(stencil.cut(), tone, opacity)
    grains: Field = fbm(scene.rng, canvas.shape, canvas.size / 60, 3, stretch=2.5)
    y_, _ = canvas.grid()
    below = np.clip((y_ - scene.horizon) / max(1.0, rest), 0, 1)
    canvas.pixels *= (1 + 0.09 * grains * below).astype(np.float32)
