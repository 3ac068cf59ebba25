"""Ways over land and water: bridge, boat and road."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from adapters.sketch.image_buildings import fill
from adapters.sketch.image_colour import mix, oklch, shade
from adapters.sketch.image_stencil import Points, Stencil

if TYPE_CHECKING:
    from adapters.sketch.image_scene import Scene

_LAMPS = 0.12  # darkness from which lamps are lit


def draw_bridge(scene: Scene) -> None:
    """Span the picture with an arched stone bridge at the horizon."""
    canvas = scene.canvas
    tall = min(canvas.size * 0.16, scene.horizon * 0.5)
    deck = scene.horizon - tall
    stencil = Stencil(canvas, (0, deck - tall * 0.2, canvas.width, scene.horizon + 4))
    stencil.polygon(
        [(0, deck), (canvas.width, deck), (canvas.width, scene.horizon + 3), (0, scene.horizon + 3)]
    )
    step = tall * 1.55
    for k in range(int(canvas.width / step) + 2):
        x = (k + 0.2) * step
        stencil.ellipse(x, scene.horizon + tall * 0.05, step * 0.44, tall * 0.84, 0.0)
    stencil.line([(0, deck), (canvas.width, deck)], tall * 0.09)
    tone = scene.colour_of("bridge", mix(scene.palette.near, scene.palette.ground, 0.4))
    canvas.stamp(stencil.cut(), mix(tone, scene.palette.far, 0.2))


def draw_boat(scene: Scene, x: float, foot: float, tall: float) -> None:
    """Float a sailing boat at (x, foot), with its reflection; sizes in pixels."""
    hull = scene.colour_of("boat", mix(scene.palette.ink, oklch(0.4, 0.1, 35), 0.45))
    sail = mix(oklch(0.95, 0.02, 90), scene.palette.glow, 0.4)
    sail = shade(sail, 1 - 0.45 * scene.palette.darkness)
    for flip, opacity in ((-0.7, 0.38), (1.0, 1.0)):

        def at(*points: tuple[float, float], flip: float = flip) -> Points:
            return [(x + px * tall, foot - py * tall * flip) for px, py in points]

        fill(scene, at((-0.30, 0.10), (0.34, 0.12), (0.24, -0.02), (-0.22, -0.02)), hull, opacity)
        fill(scene, at((0.02, 0.1), (0.02, 1.0), (0.035, 1.0), (0.035, 0.1)), hull, opacity)
        fill(scene, at((0.0, 0.95), (0.0, 0.16), (-0.34, 0.18), (-0.18, 0.5)), sail, opacity)
        fill(scene, at((0.05, 0.9), (0.05, 0.18), (0.30, 0.18)), shade(sail, 0.86), opacity)


def paint_road(scene: Scene) -> None:
    """Wind a road from our feet to the horizon."""
    canvas = scene.canvas
    t = np.linspace(0, 1, 60)
    depth = 1 / (1 + 14 * t)
    middle = canvas.width * (0.5 + 0.17 * np.sin(t * 7 + scene.between(0, 6)) * depth**0.6)
    ys = scene.horizon + (canvas.height * 1.02 - scene.horizon) * (depth - 1 / 15) / (14 / 15)
    half = canvas.size * 0.30 * depth
    left, right = np.column_stack([middle - half, ys]), np.column_stack([middle + half, ys])
    tone = mix(scene.palette.ground, scene.palette.near, 0.3)
    fill(scene, np.vstack([left, right[::-1]]), mix(tone, scene.palette.paper, 0.12))
    for side in (-0.5, 0.5):
        rut = np.column_stack([middle + side * half, ys])
        track = np.vstack(
            [
                rut - np.column_stack([half * 0.09, ys * 0]),
                (rut + np.column_stack([half * 0.09, ys * 0]))[::-1],
            ]
        )
        fill(scene, track, shade(tone, 0.78), 0.7)
