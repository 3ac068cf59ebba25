"""People in the distance, an astronaut among them, drawn with a rim of light."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from adapters.sketch.image_colour import Colour, mix, oklch
from adapters.sketch.image_stencil import Points, Stencil, curve

if TYPE_CHECKING:
    from adapters.sketch.image_scene import Scene

Place = tuple[float, float, float]
"""Where it stands: x, foot and height, all in pixels."""
Drawing = Callable[[Stencil, Callable[..., Points]], None]


def draw_lit(
    scene: Scene, place: Place, drawing: Drawing, tone: Colour, *, mirrored: bool = False
) -> None:
    """Draw a figure with a rim of light on the side of the sun.

    `drawing` is handed a stencil, and a function to pixels from figure places: height 1, feet at 0.
    """
    canvas = scene.canvas
    x, foot, tall = place
    side = -1 if mirrored else 1

    def at(*points: tuple[float, float]) -> Points:
        return [(x + side * px * tall, foot - py * tall) for px, py in points]

    stencil = Stencil(
        canvas, (x - tall * 1.2, foot - tall * 1.4, x + tall * 1.2, foot + tall * 0.2), scale=3
    )
    drawing(stencil, at)
    cut = stencil.cut()
    canvas.stamp(cut, mix(scene.palette.glow, tone, 0.25))
    shift = max(1, round(tall * 0.012))
    step = -shift if scene.sun[0] > x else shift
    inner = np.pad(cut.mask, ((0, 0), (shift, shift)))[
        :, shift - step : shift - step + cut.mask.shape[1]
    ]
    inner = np.pad(inner, ((shift // 2, 0), (0, 0)))[: cut.mask.shape[0]]
    canvas.lay(cut.mask * inner, tone, cut.rows, cut.columns)


def person(stencil: Stencil, at: Callable[..., Points]) -> None:
    """Cut a walker in a long coat, seen from behind."""
    (hx, hy), (ex, _) = at((0, 0.915), (0.055, 0.915))
    stencil.ellipse(hx, hy, abs(ex - hx), abs(ex - hx) * 1.25)
    coat = [(-0.03, 0.86), (-0.12, 0.80), (-0.145, 0.55), (-0.13, 0.42), (-0.15, 0.22)]
    coat += [(0.12, 0.20), (0.135, 0.45), (0.14, 0.58), (0.115, 0.80), (0.03, 0.86)]
    stencil.polygon(curve(at(*coat)))
    stencil.polygon(at((-0.10, 0.24), (-0.095, 0.0), (-0.02, 0.0), (-0.01, 0.24)))
    stencil.polygon(at((0.02, 0.24), (0.035, 0.0), (0.105, 0.0), (0.085, 0.24)))


def astronaut(stencil: Stencil, at: Callable[..., Points]) -> None:
    """Cut an astronaut: helmet, pack, thick limbs."""
    (hx, hy), (ex, _) = at((0, 0.85), (0.135, 0.85))
    stencil.ellipse(hx, hy, abs(ex - hx), abs(ex - hx) * 1.05)
    stencil.polygon(
        curve(at((-0.19, 0.76), (-0.2, 0.42), (0.0, 0.38), (0.2, 0.42), (0.19, 0.76), (0, 0.78)))
    )
    width = abs(ex - hx) * 0.95
    for s in (-1, 1):
        stencil.line(
            curve(at((s * 0.15, 0.70), (s * 0.25, 0.56), (s * 0.24, 0.40)), closed=False),
            width * 0.66,
        )
        ax, ay = at((s * 0.24, 0.385))[0]
        stencil.ellipse(ax, ay, width * 0.36, width * 0.40)
        stencil.line(at((s * 0.09, 0.42), (s * 0.105, 0.2), (s * 0.11, 0.05)), width * 1.1)
        fx, fy = at((s * 0.13, 0.035))[0]
        stencil.ellipse(fx, fy, width * 0.68, width * 0.36)


def draw_astronaut(scene: Scene, place: Place) -> None:
    """Stand an astronaut, white suit and golden visor, at a place."""
    x, foot, tall = place
    suit = mix(oklch(0.90, 0.015, 250), scene.palette.near, 0.32)
    draw_lit(scene, place, astronaut, suit)
    canvas = scene.canvas
    pack = Stencil(canvas, (x - tall, foot - tall, x + tall, foot), scale=3)
    pack.polygon(
        curve(
            [
                (x - tall * 0.13, foot - tall * 0.74),
                (x - tall * 0.14, foot - tall * 0.46),
                (x + tall * 0.14, foot - tall * 0.46),
                (x + tall * 0.13, foot - tall * 0.74),
            ]
        )
    )
    for s in (-1, 1):
        pack.line(
            [(x + s * tall * 0.06, foot - tall * 0.2), (x + s * tall * 0.15, foot - tall * 0.2)],
            tall * 0.015,
        )
    canvas.stamp(pack.cut(), mix(suit, scene.palette.ink, 0.4))
    visor = Stencil(canvas, (x - tall, foot - tall * 1.1, x + tall, foot - tall * 0.5), scale=3)
    visor.ellipse(x + tall * 0.02, foot - tall * 0.855, tall * 0.10, tall * 0.095)
    canvas.stamp(visor.cut(), mix(oklch(0.45, 0.08, 70), scene.palette.ink, 0.5))
    canvas.glow(x - tall * 0.03, foot - tall * 0.89, tall * 0.06, oklch(0.9, 0.12, 85), 0.7)
