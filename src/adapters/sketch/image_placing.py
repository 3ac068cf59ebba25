"""Placing: where landmarks and figures stand, and how large they are."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from adapters.sketch.image_animals import DRAWINGS
from adapters.sketch.image_buildings import (
    draw_castle,
    draw_house,
    draw_lighthouse,
    draw_temple,
    fill,
)
from adapters.sketch.image_colour import mix
from adapters.sketch.image_figures import draw_astronaut, draw_lit
from adapters.sketch.image_land import cliff_height
from adapters.sketch.image_noise import profile
from adapters.sketch.image_ways import draw_boat

if TYPE_CHECKING:
    from collections.abc import Callable

    from adapters.sketch.image_scene import Scene

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
