"""Trees: conifers along a shore, broad crowns, palms."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from adapters.sketch.image_colour import Colour, mix, shade
from adapters.sketch.image_noise import profile
from adapters.sketch.image_stencil import Stencil

if TYPE_CHECKING:
    from adapters.sketch.image_scene import Scene

_LEAFY = 3  # forks from the tip


def _conifer(
    stencil: Stencil, rng: np.random.Generator, x: float, foot: float, tall: float
) -> None:
    tiers = 9
    wide = tall * rng.uniform(0.17, 0.24)
    lean = rng.normal(0, 0.012) * tall
    stencil.polygon([(x - tall * 0.012, foot), (x + lean, foot - tall), (x + tall * 0.012, foot)])
    for tier in range(tiers):
        top = foot - tall * (1 - 0.92 * tier / tiers)
        base = top + tall * 0.19
        half = wide * (0.14 + 0.86 * (tier + 1) / tiers) * rng.uniform(0.82, 1.12, 2)
        middle = x + lean * (1 - tier / tiers)
        droop = base + tall * 0.025
        stencil.polygon(
            [
                (middle, top - tall * 0.02),
                (middle - half[0] * 0.4, base - tall * 0.08),
                (middle - half[0], droop),
                (middle - half[0] * 0.3, base - tall * 0.025),
                (middle + half[1] * 0.3, base - tall * 0.025),
                (middle + half[1], droop),
                (middle + half[1] * 0.4, base - tall * 0.08),
            ]
        )


def paint_pines(scene: Scene) -> None:
    """Stand rows of conifers on the far shore, the nearer the darker."""
    canvas, palette = scene.canvas, scene.palette
    for near in (0.35, 0.7) if scene.sparse else (0.2, 0.45, 0.75):
        tall = canvas.size * (0.05 + 0.09 * near)
        stencil = Stencil(canvas, (0, scene.horizon - 2.4 * tall, canvas.width, scene.horizon + 8))
        stand = profile(scene.rng, 400, 5, 3)
        stand = (stand - stand.min()) / max(1e-6, float(np.ptp(stand)))
        for x in np.sort(scene.rng.random(int(canvas.width / tall * 4))):
            there = stand[int(x * 399)]
            if scene.chance(0.15 + there):
                height = tall * (0.45 + 0.75 * there) * scene.between(0.7, 1.2)
                _conifer(stencil, scene.rng, x * canvas.width, scene.horizon + 3, height)
        green = mix(palette.near, palette.foliage, 0.25)
        canvas.stamp(stencil.cut(), mix(palette.far, green, 0.35 + 0.65 * near))


def paint_framing_pines(scene: Scene) -> None:
    """Let a few tall conifers frame the picture from its sides."""
    canvas = scene.canvas
    stencil = Stencil(canvas)
    left = scene.sun[0] > canvas.width / 2
    for i in range(4):
        x = (0.02 + 0.065 * i + scene.between(-0.02, 0.02)) * canvas.width
        tall = canvas.size * scene.between(0.5, 0.8) * (1 - 0.16 * i)
        foot = canvas.height * 1.03
        _conifer(stencil, scene.rng, x if left else canvas.width - x, foot, tall)
    canvas.stamp(stencil.cut(), mix(scene.palette.ink, scene.palette.foliage, 0.12))


def draw_limb(
    scene: Scene,
    stencil: Stencil,
    start: tuple[float, float],
    aim: tuple[float, float, float],
    depth: int,
) -> list[tuple[float, float]]:
    """Grow a branch from `start`; `aim` is angle (radians), length and width in pixels.

    Gives the places of its twigs, where leaves belong.
    """
    angle, length, width = aim
    end = (start[0] + math.cos(angle) * length, start[1] + math.sin(angle) * length)
    bend = ((start[0] + end[0]) / 2 + scene.between(-0.08, 0.08) * length, (start[1] + end[1]) / 2)
    stencil.line([start, bend, end], max(0.8, width))
    if depth == 0:
        return [end]
    tips = [bend, end] if depth < _LEAFY else []
    for turn in (-1, 1) if scene.chance(0.75) else (-1, 0.1, 1):
        swing = angle + turn * scene.between(0.25, 0.62)
        tips += draw_limb(
            scene,
            stencil,
            end,
            (swing, length * scene.between(0.60, 0.90), width * 0.64),
            depth - 1,
        )
    return tips


def draw_tree(
    scene: Scene, x: float, foot: float, tall: float, leaf: Colour, *, bare: bool
) -> None:
    """Draw one broad tree standing at (x, foot), `tall` pixels high."""
    canvas, palette = scene.canvas, scene.palette
    box = (x - tall, foot - tall * 1.5, x + tall, foot + 4)
    wood = Stencil(canvas, box)
    aim = (-math.pi / 2 + scene.between(-0.08, 0.08), tall * 0.28, tall * 0.055)
    tips = draw_limb(scene, wood, (x, foot), aim, 5)
    canvas.stamp(wood.cut(), mix(palette.ink, palette.ground, 0.2))
    if bare:
        return
    toward = -1 if scene.sun[0] < x else 1
    bright = mix(leaf, palette.glow, 0.22 * (1 - palette.darkness))
    for tone, reach, lift in (
        (shade(leaf, 0.58), 1.0, 0.02),
        (leaf, 0.72, -0.015),
        (bright, 0.42, -0.04),
    ):
        crown = Stencil(canvas, box)
        for tx, ty in tips:
            for _ in range(2):
                radius = tall * scene.between(0.020, 0.046) * reach
                jx, jy = scene.rng.normal(0, 0.034, 2) * tall
                crown.ellipse(
                    tx + jx + toward * (1 - reach) * tall * 0.04,
                    ty + jy + lift * tall,
                    radius * 1.2,
                    radius,
                )
        canvas.stamp(crown.cut(), tone)


def paint_trees(scene: Scene) -> None:
    """Plant broad trees on the land, one of them near."""
    canvas, palette, reading = scene.canvas, scene.palette, scene.reading
    bare = "winter" in reading.seasons or (reading.has("storm") and scene.chance(0.5))
    leaf = scene.colour_of("tree", palette.foliage)
    if reading.has("blossom"):
        leaf = mix(scene.colour_of("blossom", palette.accents[0]), palette.paper, 0.2)
    spots = sorted(scene.rng.uniform(0.08, 0.75, 1 if scene.sparse else 4))
    for i, near in enumerate(spots):
        foot = scene.horizon + (canvas.height - scene.horizon) * near
        x = canvas.width * ((0.13 + 0.24 * i + scene.between(-0.06, 0.06)) % 1)
        tone = mix(palette.far, shade(leaf, 1.0 - 0.1 * near), 0.45 + 0.55 * near)
        draw_tree(scene, x, foot, canvas.size * (0.07 + 0.36 * near), tone, bare=bare)


def paint_palms(scene: Scene) -> None:
    """Lean palms into the picture."""
    canvas = scene.canvas
    stencil = Stencil(canvas)
    for side in (0.08, 0.17, 0.9)[: 1 + int(scene.rng.integers(3))]:
        foot = (side * canvas.width, canvas.height * 1.02)
        tall = canvas.size * scene.between(0.5, 0.75)
        lean = scene.between(0.05, 0.2) * tall * math.copysign(1, 0.5 - side)
        top = (foot[0] + lean, foot[1] - tall)
        stencil.line([foot, (foot[0] + lean * 0.3, foot[1] - tall * 0.55), top], tall * 0.025)
        for i in range(11):
            angle = math.pi * (1.15 + 0.7 * i / 5) + scene.between(-0.15, 0.15)
            _frond(stencil, top, angle, tall * scene.between(0.28, 0.4))
    canvas.stamp(stencil.cut(), scene.palette.ink)


def _frond(stencil: Stencil, root: tuple[float, float], angle: float, length: float) -> None:
    t = np.linspace(0, 1, 14)
    xs = root[0] + np.cos(angle) * length * t
    ys = root[1] + np.sin(angle) * length * t * 0.8 + length * 0.75 * t**2.2
    stencil.line(np.column_stack([xs, ys]), length * 0.016)
    for i in range(2, 14):
        leaf = length * 0.24 * math.sin(math.pi * t[i] * 0.9)
        for side in (-0.4, 0.4):
            tip = (xs[i] + math.cos(angle) * leaf * 0.5 + side * leaf * 0.3, ys[i] + leaf)
            stencil.polygon([(xs[i - 1], ys[i - 1]), (xs[i], ys[i]), tip])
