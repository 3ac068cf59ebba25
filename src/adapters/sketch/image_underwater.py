"""The world under water: light from above, a reef, what swims there."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from adapters.sketch.image_animals import fish
from adapters.sketch.image_colour import mix, oklch, shade
from adapters.sketch.image_noise import fbm, profile, smoothstep
from adapters.sketch.image_stencil import Stencil, curve

if TYPE_CHECKING:
    from adapters.sketch.image_scene import Scene


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
