"""Buildings and ways: lighthouse, temple, castle and house; bridge, boat and road."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sketch.image.canvas import Colour, Points, Stencil, mix, oklch, shade

if TYPE_CHECKING:
    from sketch.image.scene import Scene


_LAMPS = 0.12  # darkness from which lamps are lit


def fill(scene: Scene, points: Points, tone: Colour, opacity: float = 1.0) -> None:
    """Fill one polygon on the canvas, points in pixels."""
    at = np.asarray(points, float)
    left, top = at.min(axis=0)
    right, bottom = at.max(axis=0)
    stencil = Stencil(scene.canvas, (left, top, right, bottom), scale=3)
    stencil.polygon(at)
    scene.canvas.stamp(stencil.cut(), tone, opacity)


def window(scene: Scene, x: float, y: float, across: float, up: float) -> None:
    """Set one window, half-sizes in pixels; in the dark it shines."""
    pane = [(x - across, y - up), (x + across, y - up), (x + across, y + up), (x - across, y + up)]
    dark = scene.palette.darkness
    warm = oklch(0.88, 0.13, 76)
    fill(scene, pane, mix(shade(scene.palette.near, 0.7), warm, min(1.0, 0.15 + 2 * dark)))
    if dark > _LAMPS:
        scene.canvas.glow(x, y, up * 4, warm, 0.4 * dark + 0.1)


def _walls(scene: Scene, base: Colour) -> tuple[Colour, Colour]:
    """Give a wall's lit and shaded tone at this hour."""
    dark = scene.palette.darkness
    lit = mix(shade(base, 1 - 0.5 * dark), scene.palette.glow, 0.18 * (1 - dark))
    return lit, mix(shade(base, 0.62 - 0.2 * dark), scene.palette.near, 0.4)


def draw_lighthouse(scene: Scene, x: float, foot: float, tall: float) -> None:
    """Stand a striped lighthouse at (x, foot) and swing its beam; sizes in pixels."""
    white = scene.colour_of("lighthouse", oklch(0.93, 0.015, 90))
    lit, dim = _walls(scene, white)
    red, red_dim = _walls(scene, oklch(0.55, 0.18, 27))
    leftward = scene.sun[0] < x
    for i in range(6):
        low, high = foot - tall * 0.78 * i / 6, foot - tall * 0.78 * (i + 1) / 6
        wide = [tall * (0.105 - 0.045 * k / 6) for k in (i, i + 1)]
        tones = (red, red_dim) if i % 2 else (lit, dim)
        fill(
            scene,
            [(x - wide[0], low), (x - wide[1], high), (x + wide[1], high), (x + wide[0], low)],
            tones[0],
        )
        side = 1 if leftward else -1
        fill(
            scene,
            [
                (x + side * wide[0] * 0.1, low),
                (x + side * wide[1] * 0.1, high),
                (x + side * wide[1], high),
                (x + side * wide[0], low),
            ],
            tones[1],
            0.8,
        )
    deck, lamp = foot - tall * 0.78, foot - tall * 0.86
    room = tall * 0.042
    fill(
        scene,
        [
            (x - room * 1.9, deck),
            (x - room * 1.9, deck - tall * 0.02),
            (x + room * 1.9, deck - tall * 0.02),
            (x + room * 1.9, deck),
        ],
        dim,
    )
    fill(
        scene,
        [(x - room, deck), (x - room, lamp - room), (x + room, lamp - room), (x + room, deck)],
        oklch(0.93, 0.1, 90),
    )
    fill(
        scene,
        [(x - room * 1.4, lamp - room), (x, lamp - room * 3.2), (x + room * 1.4, lamp - room)],
        red_dim,
    )
    _beam(scene, x, lamp, -1 if x > scene.canvas.width / 2 else 1)


def _beam(scene: Scene, x: float, y: float, side: int) -> None:
    canvas = scene.canvas
    strength = 0.12 + 0.75 * scene.palette.darkness
    rows, columns = canvas.grid()
    along = (columns - x) * side
    spread = np.abs((rows - y) + 0.10 * along) / np.maximum(np.abs(along) * 0.13 + 3, 1)
    light = np.clip(1 - spread, 0, 1) ** 1.3 * np.exp(-np.abs(along) / (0.62 * canvas.width))
    light = light * np.where(along > 0, 1.0, 0.35) * strength
    canvas.shine(np.clip(light, 0, 1), oklch(0.95, 0.07, 92))
    canvas.glow(x, y, canvas.size * 0.05, oklch(0.96, 0.08, 92), 0.5 + 0.5 * strength)


def draw_temple(scene: Scene, x: float, foot: float, tall: float) -> None:
    """Build a pagoda of five roofs at (x, foot), sizes in pixels."""
    lit, dim = _walls(scene, scene.colour_of("temple", oklch(0.60, 0.15, 32)))
    roof = mix(scene.palette.near, oklch(0.35, 0.04, 230), 0.5)
    tiers = 5
    for i in range(tiers):
        share = 1 - 0.13 * i
        base = foot - tall * 0.86 * i / tiers
        body, eave = tall * 0.15 * share, tall * 0.27 * share
        top, high = base - tall * 0.11, base - tall * 0.18
        fill(scene, [(x - body, base), (x - body, top), (x + body, top), (x + body, base)], lit)
        fill(
            scene,
            [(x + body * 0.2, base), (x + body * 0.2, top), (x + body, top), (x + body, base)],
            dim,
            0.7,
        )
        for k in (-0.55, 0.0, 0.55):
            window(scene, x + k * body, (base + top) / 2 + tall * 0.01, body * 0.11, tall * 0.022)
        t = np.linspace(-1, 1, 25)
        edge = top - tall * 0.045 * np.abs(t) ** 3 + tall * 0.012
        ridge = np.array([(x + eave * 0.42, high), (x - eave * 0.42, high)])
        fill(scene, np.vstack([np.column_stack([x + eave * t, edge]), ridge]), roof)
        under = np.column_stack([x + eave * t, edge])
        fill(
            scene,
            np.vstack([under, under[::-1] + np.array([0.0, tall * 0.012])]),
            mix(roof, scene.palette.glow, 0.35),
        )
    fill(
        scene,
        [
            (x - tall * 0.008, foot - tall * 0.86),
            (x, foot - tall * 1.08),
            (x + tall * 0.008, foot - tall * 0.86),
        ],
        roof,
    )


def draw_castle(scene: Scene, x: float, foot: float, tall: float) -> None:
    """Build a castle with pointed towers at (x, foot), sizes in pixels."""
    lit, dim = _walls(
        scene, scene.colour_of("castle", mix(scene.palette.ground, scene.palette.paper, 0.35))
    )
    roof = mix(scene.palette.near, scene.palette.accents[0], 0.35)
    for at, wide, high in (
        (-0.45, 0.085, 0.55),
        (0.42, 0.09, 0.62),
        (-0.2, 0.07, 0.78),
        (0.18, 0.075, 0.70),
        (0.0, 0.10, 1.0),
    ):
        cx, half, top = x + at * tall, wide * tall, foot - high * tall * 0.78
        fill(scene, [(cx - half, foot), (cx - half, top), (cx + half, top), (cx + half, foot)], lit)
        fill(scene, [(cx, foot), (cx, top), (cx + half, top), (cx + half, foot)], dim, 0.75)
        fill(scene, [(cx - half * 1.3, top), (cx, top - half * 3.1), (cx + half * 1.3, top)], roof)
        window(scene, cx - half * 0.2, top + half * 1.4, half * 0.15, half * 0.36)
    wall = foot - tall * 0.26
    fill(
        scene,
        [
            (x - tall * 0.5, foot),
            (x - tall * 0.5, wall),
            (x + tall * 0.5, wall),
            (x + tall * 0.5, foot),
        ],
        mix(lit, dim, 0.45),
    )
    for k in np.linspace(-0.49, 0.46, 15):
        left = x + float(k) * tall
        fill(
            scene,
            [
                (left, wall),
                (left, wall - tall * 0.025),
                (left + tall * 0.034, wall - tall * 0.025),
                (left + tall * 0.034, wall),
            ],
            mix(lit, dim, 0.45),
        )
    gate = [
        (x - tall * 0.05, foot),
        (x - tall * 0.05, foot - tall * 0.1),
        (x, foot - tall * 0.15),
        (x + tall * 0.05, foot - tall * 0.1),
        (x + tall * 0.05, foot),
    ]
    fill(scene, gate, scene.palette.ink)


def draw_house(scene: Scene, x: float, foot: float, tall: float) -> None:
    """Build a gabled house with a chimney at (x, foot), sizes in pixels."""
    lit, dim = _walls(
        scene, scene.colour_of("house", mix(scene.palette.ground, scene.palette.paper, 0.55))
    )
    roof = mix(
        shade(oklch(0.48, 0.12, 32), 1 - 0.4 * scene.palette.darkness), scene.palette.near, 0.3
    )
    wide, eave = tall * 0.75, foot - tall * 0.5
    fill(scene, [(x - wide, foot), (x - wide, eave), (x + wide, eave), (x + wide, foot)], lit)
    gable = [
        (x - wide, foot),
        (x - wide, eave),
        (x - wide * 0.5, foot - tall),
        (x, eave),
        (x, foot),
    ]
    fill(scene, gable, dim if scene.sun[0] > x else mix(lit, scene.palette.glow, 0.2))
    fill(
        scene,
        [
            (x - wide * 0.55, foot - tall * 1.02),
            (x + wide * 0.6, foot - tall * 1.02),
            (x + wide * 1.08, eave),
            (x - wide * 0.04, eave),
        ],
        roof,
    )
    fill(
        scene,
        [
            (x + wide * 0.3, foot - tall),
            (x + wide * 0.3, foot - tall * 1.25),
            (x + wide * 0.45, foot - tall * 1.25),
            (x + wide * 0.45, foot - tall),
        ],
        dim,
    )
    fill(
        scene,
        [
            (x - wide * 0.62, foot),
            (x - wide * 0.62, foot - tall * 0.3),
            (x - wide * 0.4, foot - tall * 0.3),
            (x - wide * 0.4, foot),
        ],
        scene.palette.ink,
    )
    for k in (0.3, 0.72):
        window(scene, x + k * wide, foot - tall * 0.27, tall * 0.07, tall * 0.09)


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
