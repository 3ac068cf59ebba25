"""Animals and a cactus in the distance, and birds in the sky."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from adapters.sketch.image_colour import mix
from adapters.sketch.image_figures import Drawing, person
from adapters.sketch.image_stencil import Points, Stencil, curve

if TYPE_CHECKING:
    from collections.abc import Callable

    from adapters.sketch.image_scene import Scene


def cat(stencil: Stencil, at: Callable[..., Points]) -> None:
    """Cut a cat that sits with its back to us."""
    body = [
        (-0.10, 0.62),
        (-0.20, 0.40),
        (-0.27, 0.15),
        (-0.22, 0.0),
        (0.22, 0.0),
        (0.27, 0.15),
        (0.20, 0.40),
        (0.10, 0.62),
    ]
    stencil.polygon(curve(at(*body)))
    (hx, hy), (ex, _) = at((0, 0.74), (0.15, 0.74))
    stencil.ellipse(hx, hy, abs(ex - hx), abs(ex - hx) * 0.92)
    for s in (-1, 1):
        stencil.polygon(at((s * 0.145, 0.76), (s * 0.15, 0.99), (s * 0.03, 0.87)))
    tail = curve(
        at((0.18, 0.05), (0.42, 0.03), (0.52, 0.18), (0.46, 0.36), (0.55, 0.44)), closed=False
    )
    stencil.line(tail, abs(ex - hx) * 0.42)


def _hound(
    stencil: Stencil, at: Callable[..., Points], trunk: list[tuple[float, float]], slim: float
) -> float:
    stencil.polygon(curve(at(*trunk)))
    (ax, _), (bx, _) = at((0, 0), (1, 0))
    unit = abs(bx - ax)
    for x, bend in ((-0.30, 0.03), (-0.22, -0.02), (0.20, -0.03), (0.28, 0.02)):
        stencil.line(at((x, 0.42), (x + bend, 0.22), (x, 0.0)), unit * slim)
    return float(unit)


def deer(stencil: Stencil, at: Callable[..., Points]) -> None:
    """Cut a stag in profile."""
    trunk = [
        (-0.36, 0.58),
        (-0.34, 0.40),
        (-0.05, 0.36),
        (0.24, 0.38),
        (0.30, 0.50),
        (0.34, 0.70),
        (0.44, 0.76),
        (0.46, 0.82),
        (0.34, 0.86),
        (0.27, 0.80),
        (0.20, 0.64),
        (-0.1, 0.60),
    ]
    unit = _hound(stencil, at, trunk, 0.048)
    for s in (-0.05, 0.05):
        for beam in (
            [(0.31, 0.84), (0.27 + s, 0.98), (0.33 + s * 2, 1.16)],
            [(0.28 + s, 0.97), (0.38 + s, 1.05)],
            [(0.29 + s, 1.04), (0.20 + s, 1.12)],
        ):
            stencil.line(at(*beam), unit * 0.017)


def wolf(stencil: Stencil, at: Callable[..., Points]) -> None:
    """Cut a wolf that howls."""
    trunk = [
        (-0.38, 0.52),
        (-0.36, 0.38),
        (-0.05, 0.32),
        (0.22, 0.30),
        (0.34, 0.46),
        (0.36, 0.64),
        (0.43, 0.80),
        (0.48, 0.96),
        (0.44, 0.97),
        (0.34, 0.86),
        (0.24, 0.82),
        (0.20, 0.66),
        (-0.05, 0.58),
    ]
    unit = _hound(stencil, at, trunk, 0.075)
    stencil.polygon(at((0.25, 0.80), (0.17, 0.86), (0.29, 0.86)))
    stencil.line(curve(at((-0.36, 0.50), (-0.52, 0.36), (-0.58, 0.18)), closed=False), unit * 0.09)


def cactus(stencil: Stencil, at: Callable[..., Points]) -> None:
    """Cut a saguaro with two arms."""
    (ax, _), (bx, _) = at((0, 0), (0.085, 0))
    thick = abs(bx - ax)
    trunk = [(0.0, -0.02), (0.0, 0.92)]
    left = [(0.0, 0.34), (-0.22, 0.38), (-0.25, 0.46), (-0.25, 0.70)]
    right = [(0.0, 0.46), (0.19, 0.50), (0.22, 0.56), (0.22, 0.82)]
    for arm, width in ((trunk, 2.0), (left, 1.5), (right, 1.5)):
        stencil.line(curve(at(*arm), closed=False), thick * width)
        tx, ty = at(arm[-1])[0]
        stencil.ellipse(tx, ty, thick * width / 2, thick * 0.9)


DRAWINGS: dict[str, Drawing] = {
    "person": person,
    "cat": cat,
    "deer": deer,
    "wolf": wolf,
    "cactus": cactus,
}
"""Things that can stand in a landscape."""


def paint_birds(scene: Scene) -> None:
    """Let a loose flock cross the sky."""
    canvas = scene.canvas
    stencil = Stencil(canvas, scale=3)
    cx, cy = canvas.width * scene.between(0.25, 0.75), scene.horizon * scene.between(0.3, 0.55)
    for i in range(5 if scene.sparse else 13):
        x = cx + float(scene.rng.normal(0, 0.15)) * canvas.size
        y = cy + float(scene.rng.normal(0, 0.06)) * canvas.size
        span = canvas.size * scene.between(0.007, 0.016) * (2.0 if i == 0 else 1.0)
        lift = span * scene.between(0.15, 0.55)
        tilt = scene.between(-0.2, 0.2) * span
        wing = [(-1.0, -lift + tilt), (-0.45, -lift * 1.05 + tilt / 2), (0.0, 0.0)]
        wing += [(0.45, -lift * 1.05 - tilt / 2), (1.0, -lift - tilt)]
        wing = [(x + part * span, y + up) for part, up in wing]
        stencil.line(curve(wing, closed=False), max(1.0, span * 0.11))
        stencil.ellipse(x, y, span * 0.16, span * 0.08)
    canvas.stamp(stencil.cut(), mix(scene.palette.ink, scene.palette.near, 0.4))


def fish(stencil: Stencil, x: float, y: float, length: float, turn: float) -> None:
    """Cut one fish, `length` in pixels, heading by `turn` (radians)."""
    c, s = math.cos(turn), math.sin(turn)
    outline = [
        (0.5, 0.0),
        (0.2, 0.14),
        (-0.2, 0.08),
        (-0.36, 0.02),
        (-0.55, 0.16),
        (-0.48, 0.0),
        (-0.55, -0.16),
        (-0.36, -0.02),
        (-0.2, -0.08),
        (0.2, -0.14),
    ]
    points = [
        (x + length * (px * c - py * s), y + length * (px * s + py * c)) for px, py in outline
    ]
    stencil.polygon(points)
