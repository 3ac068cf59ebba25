"""People, animals and birds, and where figures and landmarks stand in a picture."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from sketch.image.buildings import (
    draw_boat,
    draw_castle,
    draw_house,
    draw_lighthouse,
    draw_temple,
    fill,
)
from sketch.image.canvas import Colour, Points, Stencil, curve, mix, oklch, profile
from sketch.image.land import cliff_height

if TYPE_CHECKING:
    from sketch.image.scene import Scene


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


_BUILDINGS: dict[str, tuple[Callable[[Scene, float, float, float], None], float]] = {
    "castle": (draw_castle, 0.42),
    "temple": (draw_temple, 0.52),
    "house": (draw_house, 0.13),
}
_HEIGHTS = {"person": 0.22, "cat": 0.17, "deer": 0.20, "wolf": 0.19, "cactus": 0.30}


def paint_landmarks(scene: Scene) -> None:
    """Put the named buildings and boats where the eye will look for them."""
    canvas, reading = scene.canvas, scene.reading
    room = canvas.height - scene.horizon
    sunny_left = scene.sun[0] < canvas.width / 2
    dark_side = 0.70 if sunny_left else 0.30
    if reading.has("lighthouse"):
        tall = min(canvas.size * 0.40, scene.horizon * 0.62)
        x = canvas.width * (0.74 if sunny_left else 0.26)
        draw_lighthouse(scene, x, scene.horizon - cliff_height(scene) * 0.78, tall)
    beside = 0
    for name, (draw, size) in _BUILDINGS.items():
        if reading.has(name):
            x = dark_side + (-0.3 if sunny_left else 0.3) * beside
            on_water = reading.has("sea", "lake")
            foot = scene.horizon + room * (0.02 if on_water else 0.30)
            draw(scene, canvas.width * x, foot, min(canvas.size * size, foot * 0.8))
            beside += 1
    if reading.has("boat"):
        foot = scene.horizon + room * scene.between(0.12, 0.3)
        draw_boat(
            scene,
            canvas.width * (1 - dark_side) + scene.between(-0.1, 0.1) * canvas.size,
            foot,
            canvas.size * 0.20,
        )


def paint_figures(scene: Scene) -> None:
    """Stand the named people and animals in the scene."""
    canvas, reading = scene.canvas, scene.reading
    if reading.has("astronaut"):
        foot = scene.horizon + (canvas.height - scene.horizon) * 0.62
        draw_astronaut(scene, (canvas.width * scene.between(0.45, 0.62), foot, canvas.size * 0.27))
    names = [name for name in DRAWINGS if reading.has(name)]
    for i, name in enumerate(names):
        tall = canvas.size * _HEIGHTS[name]
        foot = scene.horizon + (canvas.height - scene.horizon) * scene.between(0.55, 0.72)
        x = canvas.width * ((0.36 + 0.25 * i + scene.between(-0.06, 0.10)) % 1)
        if reading.has("sea", "lake", "bridge"):
            _islet(scene, x, foot, tall)
        mirrored = scene.chance(0.5)
        draw_lit(scene, (x, foot, tall), DRAWINGS[name], scene.palette.ink, mirrored=mirrored)


def _islet(scene: Scene, x: float, foot: float, tall: float) -> None:
    """Lay a rock under a figure that would otherwise stand on water."""
    t = np.linspace(0, math.pi, 40)
    rough = profile(scene.rng, 40, 9, 4, jagged=True) - 0.5
    ys = foot + tall * 0.10 - (tall * 0.13 + tall * 0.07 * rough) * np.sin(t) ** 0.6
    rock = mix(scene.palette.ink, scene.palette.ground, 0.12)
    fill(scene, np.column_stack([x - np.cos(t) * tall * 0.75, ys]), rock)
