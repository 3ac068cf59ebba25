"""Blossom: a flowering branch across the picture, and petals in the air."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from adapters.sketch.image_colour import mix, oklch, shade
from adapters.sketch.image_stencil import Stencil
from adapters.sketch.image_trees import draw_limb

if TYPE_CHECKING:
    from adapters.sketch.image_scene import Scene


def paint_branch(scene: Scene) -> None:
    """Reach a blossoming branch in from an upper corner."""
    canvas, palette = scene.canvas, scene.palette
    reach = min(canvas.size, 0.85 * canvas.width)
    wood = Stencil(canvas)
    right = scene.sun[0] > canvas.width / 2
    tips: list[tuple[float, float]] = []
    for height, turn in ((0.10, -0.02), (-0.02, 0.30)):
        start = (canvas.width * (1.03 if right else -0.03), canvas.height * height)
        angle = math.pi - turn if right else turn
        aim = (angle, reach * 0.19, reach * 0.017)
        tips += draw_limb(scene, wood, start, aim, 5)
    canvas.stamp(wood.cut(), mix(palette.ink, palette.ground, 0.15))
    pink = scene.colour_of("blossom", oklch(0.83 - 0.2 * palette.darkness, 0.10, 355))
    tones = (
        (shade(pink, 0.84, 1.2), 1.0, 0.0),
        (pink, 0.78, -0.1),
        (mix(pink, palette.paper, 0.6), 0.5, -0.25),
    )
    for tone, share, lift in tones:
        stencil = Stencil(canvas)
        for x, y in tips:
            for _ in range(2):
                radius = reach * scene.between(0.007, 0.014) * share
                jx, jy = scene.rng.normal(0, 0.017, 2) * reach
                _flower(stencil, x + jx, y + jy + lift * radius, radius, scene.between(0, 6))
        canvas.stamp(stencil.cut(), tone)


def _flower(stencil: Stencil, x: float, y: float, radius: float, turn: float) -> None:
    for petal in range(5):
        angle = turn + petal * math.tau / 5
        reach = radius * 0.62
        stencil.ellipse(
            x + math.cos(angle) * reach, y + math.sin(angle) * reach, radius * 0.55, radius * 0.5
        )


def paint_petals(scene: Scene) -> None:
    """Let loose petals drift through the air."""
    canvas = scene.canvas
    pink = scene.colour_of("blossom", oklch(0.87 - 0.2 * scene.palette.darkness, 0.08, 355))
    stencil = Stencil(canvas)
    for x, y, size in scene.rng.random((70, 3)):
        reach = canvas.size * (0.0025 + 0.006 * size**2)
        angle = scene.between(0, math.pi)
        along, across = math.cos(angle) * reach, math.sin(angle) * reach
        px, py = x * canvas.width, y * canvas.height
        stencil.polygon(
            [
                (px - along, py - across),
                (px - across * 0.5, py + along * 0.5),
                (px + along, py + across),
                (px + across * 0.5, py - along * 0.5),
            ],
            0.6 + 0.4 * size,
        )
    canvas.stamp(stencil.cut(), pink)
