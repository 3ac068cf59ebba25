"""Flowers: a field of them that runs to the horizon, large at our feet."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from adapters.sketch.image_colour import Colour, mix, oklch, shade
from adapters.sketch.image_noise import fbm
from adapters.sketch.image_stencil import Stencil

if TYPE_CHECKING:
    from adapters.sketch.image_scene import Scene

_DETAILED = 6.5  # pixels: smaller flowers are dots

Bloom = tuple[float, float, float, float]
"""Centre x and y, radius (all pixels), turn (radians)."""


def paint_flower_field(scene: Scene) -> None:
    """Fill the ground with flowers, row behind row."""
    canvas, palette = scene.canvas, scene.palette
    rest = canvas.height - scene.horizon
    leaf = palette.foliage
    y, _ = canvas.grid()
    down = np.clip((y - scene.horizon) / max(1.0, rest), 0, 1)
    tufts = fbm(scene.rng, canvas.shape, canvas.size / 40, 4, stretch=1.6)
    ground = mix(palette.far, leaf, 0.6)[:, None, None] * (1 - 0.5 * down[None])
    canvas.lay(np.clip(y - scene.horizon + 0.5, 0, 1), ground * (1 + 0.10 * tufts))
    sunflower = scene.reading.has("sunflower")
    for i in range(11):
        near = (i / 10) ** 1.7
        foot = scene.horizon + rest * (0.015 + 0.92 * near)
        radius = canvas.size * (0.0035 + 0.068 * near) * (1.0 if sunflower else 0.6)
        count = max(3, int(canvas.width / radius / (2.6 + 0.8 * near)))
        blooms = [
            (
                (k + scene.between(0, 1)) / count * canvas.width * 1.04 - 0.02 * canvas.width,
                foot + scene.between(-0.8, 0.8) * radius,
                radius * scene.between(0.72, 1.15),
                scene.between(0, 6.3),
            )
            for k in range(count)
        ]
        _row(scene, blooms, near, sunflower=sunflower)


def _row(scene: Scene, blooms: list[Bloom], near: float, *, sunflower: bool) -> None:
    canvas, palette = scene.canvas, scene.palette
    radius = max(b[2] for b in blooms)
    ys = [b[1] for b in blooms]
    box = (0.0, min(ys) - 2.5 * radius, float(canvas.width), max(ys) + 5.5 * radius)
    air = 0.55 * (1 - near) ** 3
    green = mix(shade(palette.foliage, 0.85 - 0.2 * near), palette.far, air)
    stems = Stencil(canvas, box)
    for bloom in blooms:
        if radius > _DETAILED:
            _stem(stems, bloom)
    canvas.stamp(stems.cut(), green)
    hues = _hues(scene, sunflower=sunflower)
    for k, hue in enumerate(hues):
        mine = blooms[k :: len(hues)]
        tone = mix(shade(hue, 1 - 0.45 * palette.darkness), palette.far, air)
        _heads(scene, mine, box, tone, sunflower=sunflower)


def _hues(scene: Scene, *, sunflower: bool) -> list[Colour]:
    if sunflower:
        return [scene.colour_of("sunflower", oklch(0.84, 0.165, 84))]
    if "flower" in scene.reading.bound:
        base = scene.colour_of("flower", scene.palette.accents[0])
        return [base, shade(base, 1.12, 0.85)]
    if scene.reading.colours:
        return list(scene.palette.accents[:3])
    return [
        oklch(0.68, 0.19, 25),
        oklch(0.80, 0.13, 350),
        oklch(0.93, 0.05, 95),
        oklch(0.64, 0.15, 300),
    ]


def _stem(stencil: Stencil, bloom: Bloom) -> None:
    x, y, r, turn = bloom
    sway = math.sin(turn) * r * 0.5
    stencil.line([(x, y), (x + sway * 0.4, y + 2 * r), (x + sway, y + 5 * r)], max(0.7, r * 0.14))
    for side in (-1, 1):
        root = (x + sway * 0.5, y + r * (2.6 + 0.4 * side))
        tip = (root[0] + side * r * 1.5, root[1] - r * 0.5 * math.cos(turn))
        stencil.polygon(
            [
                root,
                (root[0] + side * r * 0.6, root[1] - r * 0.75),
                tip,
                (root[0] + side * r * 0.7, root[1] + r * 0.3),
            ]
        )


def _heads(
    scene: Scene,
    blooms: list[Bloom],
    box: tuple[float, float, float, float],
    tone: Colour,
    *,
    sunflower: bool,
) -> None:
    canvas = scene.canvas
    count = 17 if sunflower else 7
    slim = 0.24 if sunflower else 0.5
    if max(b[2] for b in blooms) < _DETAILED:
        count = 0
    for level, reach, offset in ((0.80, 1.0, 0.0), (1.0, 0.9, math.pi / 17)):
        petals = Stencil(canvas, box)
        for x, y, r, turn in blooms:
            if not count:
                petals.ellipse(x, y, r * reach, r * reach)
            for petal in range(count):
                _petal(petals, (x, y, r * reach, turn + offset + petal * math.tau / count), slim)
        canvas.stamp(petals.cut(), shade(tone, level))
    core = oklch(0.34, 0.07, 55) if sunflower else oklch(0.82, 0.15, 88)
    core = shade(core, 1 - 0.4 * scene.palette.darkness)
    for level, size in ((0.75, 0.50), (1.0, 0.40), (0.7, 0.22)) if sunflower else ((1.0, 0.28),):
        discs = Stencil(canvas, box)
        for x, y, r, _ in blooms:
            discs.ellipse(x, y, r * size, r * size * 0.9)
        canvas.stamp(discs.cut(), shade(core, level), 0.9)


def _petal(stencil: Stencil, bloom: Bloom, slim: float) -> None:
    x, y, r, angle = bloom
    c, s = math.cos(angle), math.sin(angle) * 0.9
    side_c, side_s = -s * slim * r, c * slim * r
    stencil.polygon(
        [(x + c * r * 0.2, y + s * r * 0.2), (x + c * r * 0.6 + side_c, y + s * r * 0.6 + side_s),
         (x + c * r, y + s * r), (x + c * r * 0.6 - side_c, y + s * r * 0.6 - side_s)]
    )  # fmt: skip
