"""Other worlds: space with its planets, the sea bed, a fire in the dark."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from sketch.image.canvas import (
    Colour,
    Field,
    Stencil,
    curve,
    fbm,
    mix,
    oklch,
    profile,
    shade,
    smoothstep,
)
from sketch.image.figures import fish
from sketch.image.land import Ridge, lay_ridge
from sketch.image.sky import draw_moon

if TYPE_CHECKING:
    from sketch.image.scene import Scene


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


def paint_depth(scene: Scene) -> None:
    """Fill the picture with sea water: light from above, dark below, shafts between."""
    canvas, palette = scene.canvas, scene.palette
    y, x = canvas.grid()
    top = mix(oklch(0.80 - 0.3 * palette.darkness, 0.11, 205), palette.low, 0.35)
    deep = mix(oklch(0.20, 0.06, 250), shade(palette.top, 0.45), 0.4)
    down = (y / canvas.height) ** 0.8 + 0 * x
    canvas.lay(1.0, top)
    canvas.lay(smoothstep(0.0, 1.1, down), deep)
    rays = profile(scene.rng, 1200, 40, 3).astype(np.float32)
    sx = scene.sun[0]
    angle = np.arctan2(x - sx, y + 0.35 * canvas.height)
    beam = rays[((angle / math.pi + 0.5) * 1199).astype(int).clip(0, 1199)]
    canvas.shine(
        np.clip(smoothstep(0.45, 0.9, beam) * (1 - down) ** 1.3 * 0.75, 0, 1),
        mix(top, palette.glow, 0.6),
    )
    web = fbm(scene.rng, canvas.shape, canvas.size / 9, 3, stretch=3)
    canvas.shine(np.exp(-((web / 0.18) ** 2)) * np.clip(1 - down * 5, 0, 1) * 0.5, palette.glow)


def paint_reef(scene: Scene) -> None:
    """Grow coral, weed and sand on the sea floor."""
    canvas, palette = scene.canvas, scene.palette
    for near in (0.0, 0.5, 1.0):
        stencil = Stencil(canvas)
        line = canvas.height * (0.80 + 0.12 * near) - canvas.size * 0.10 * profile(
            scene.rng, canvas.width, 4, 5
        )
        xs = np.arange(canvas.width)
        floor = np.column_stack([xs, line])
        stencil.polygon(np.vstack([floor, [(canvas.width, canvas.height), (0, canvas.height)]]))
        for _ in range(14):
            x = int(scene.rng.integers(canvas.width))
            tall = canvas.size * scene.between(0.07, 0.20) * (0.6 + 0.6 * near)
            t = np.linspace(0, 1, 9)
            sway = np.sin(t * 5 + scene.between(0, 6)) * tall * 0.10 * t
            half = canvas.size * 0.007 * (0.5 + near) * (1 - t**1.5)
            ys = line[x] + 4 - t * tall
            left, right = (
                np.column_stack([x + sway - half, ys]),
                np.column_stack([x + sway + half, ys]),
            )
            stencil.polygon(np.vstack([left, right[::-1]]))
        tone = mix(shade(palette.top, 0.6), shade(palette.near, 0.35), near)
        canvas.stamp(stencil.cut(), mix(tone, palette.accents[int(2 * near)], 0.22))


def paint_shoal(scene: Scene) -> None:
    """Let fish, a whale or jellyfish pass, and bubbles rise."""
    canvas, reading = scene.canvas, scene.reading
    if reading.has("whale"):
        _whale(scene)
    if reading.has("jellyfish"):
        _jellyfish(scene)
    elif reading.allows("fish"):
        stencil = Stencil(canvas)
        cx, cy = canvas.width * scene.between(0.3, 0.7), canvas.height * scene.between(0.3, 0.5)
        turn = scene.between(-0.25, 0.25) + (math.pi if scene.chance(0.5) else 0)
        for i in range(34):
            x, y = (
                cx + float(scene.rng.normal(0, 0.24)) * canvas.size,
                cy + float(scene.rng.normal(0, 0.10)) * canvas.size,
            )
            size = canvas.size * scene.between(0.018, 0.045) * (2.4 if i == 0 else 1)
            fish(stencil, x, y, size, turn + float(scene.rng.normal(0, 0.12)))
        canvas.stamp(
            stencil.cut(),
            scene.colour_of("fish", mix(scene.palette.ink, scene.palette.accents[1], 0.35)),
        )
    bubbles = Stencil(canvas, scale=3)
    for x, y, part in scene.rng.random((36, 3)):
        radius = canvas.size * (0.0015 + 0.008 * part**3)
        bubbles.ellipse(x * canvas.width, y * canvas.height, radius, radius, 0.8)
        bubbles.ellipse(x * canvas.width, y * canvas.height, radius * 0.75, radius * 0.75, 0.15)
    canvas.stamp(bubbles.cut(), oklch(0.92, 0.04, 210), 0.6)


def _whale(scene: Scene) -> None:
    canvas = scene.canvas
    size, x, y = canvas.size * 0.55, canvas.width * scene.between(0.42, 0.58), canvas.height * 0.36
    side = 1 if scene.chance(0.5) else -1
    outline = [
        (0.52, 0.02),
        (0.44, -0.08),
        (0.20, -0.13),
        (-0.10, -0.09),
        (-0.38, -0.01),
        (-0.52, -0.10),
        (-0.64, -0.12),
        (-0.56, -0.01),
        (-0.60, 0.08),
        (-0.48, 0.05),
        (-0.36, 0.04),
        (-0.05, 0.10),
        (0.10, 0.12),
        (0.02, 0.24),
        (0.10, 0.25),
        (0.22, 0.13),
        (0.42, 0.10),
    ]
    stencil = Stencil(canvas)
    stencil.polygon(curve([(x + side * px * size, y + py * size) for px, py in outline]))
    cut = stencil.cut()
    tone = scene.colour_of("whale", shade(scene.palette.top, 0.5))
    gy, _ = canvas.grid()
    lit = smoothstep(y + size * 0.06, y - size * 0.14, gy[cut.rows]) * 0.7
    bright = mix(tone, scene.palette.glow, 0.5)
    canvas.stamp(cut, tone[:, None, None] + (bright - tone)[:, None, None] * lit)


def _jellyfish(scene: Scene) -> None:
    canvas = scene.canvas
    for _ in range(4):
        x, y = canvas.width * scene.between(0.12, 0.88), canvas.height * scene.between(0.15, 0.55)
        size = canvas.size * scene.between(0.05, 0.12)
        tone = scene.colour_of("jellyfish", scene.palette.accents[int(scene.rng.integers(3))])
        threads = Stencil(canvas)
        for k in np.linspace(-0.8, 0.8, 9):
            t = np.linspace(0, 1, 16)
            wave = np.sin(t * 9 + k * 4) * size * 0.16 * t
            threads.line(
                np.column_stack([x + k * size + wave, y + t * size * scene.between(2.0, 3.6)]),
                size * 0.03,
                0.7,
            )
        canvas.stamp(threads.cut(), tone, 0.7)
        bell = Stencil(canvas)
        dome = [
            (-1, 0.1),
            (-0.85, -0.5),
            (-0.4, -0.9),
            (0.4, -0.9),
            (0.85, -0.5),
            (1, 0.1),
            (0.5, 0.0),
            (0, 0.12),
            (-0.5, 0.0),
        ]
        bell.polygon(curve([(x + px * size, y + py * size) for px, py in dome]))
        canvas.glow(x, y - size * 0.4, size * 1.7, tone, 0.55)
        canvas.stamp(bell.cut(), mix(tone, scene.palette.glow, 0.4), 0.75)


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
