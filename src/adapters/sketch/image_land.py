"""Land: ridges in the distance, hills and cliffs, all with air between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from adapters.sketch.image_colour import Colour, Field, mix, oklch, shade
from adapters.sketch.image_noise import enlarge, fbm, profile, smoothstep

if TYPE_CHECKING:
    from adapters.sketch.image_scene import Scene


@dataclass(frozen=True, slots=True)
class Ridge:
    """One layer of land: its skyline in pixel rows, shape (width,), and its colours."""

    line: Field
    colour: Colour
    haze: Colour
    haze_depth: float
    """Pixels below the skyline in which the haze has swallowed the layer."""
    relief: float = 0.0
    """How strongly slopes turn to and from the light."""
    snow: float = 0.0
    """Pixels of snow below the peaks; 0 for none."""
    foot: float | None = None
    """Row below which something else will cover it; none for the canvas's edge."""


def _slopes(scene: Scene, ridge: Ridge, rows: int) -> Field:
    """Light on the faces below a skyline: 1 to the sun, -1 away from it."""
    width = scene.canvas.width
    reach = max(2, width // 60)
    padded = np.pad(ridge.line, reach, mode="edge")
    slope = (padded[2 * reach :] - padded[: -2 * reach]) / (2 * reach)
    half = (max(4, rows // 2), max(4, width // 2))
    warp = enlarge(fbm(scene.rng, half, width / 22, 4, stretch=0.8), rows, width)
    y, x = scene.canvas.grid()
    below = np.maximum(y[_rows(scene, ridge)] - ridge.line.astype(np.float32)[None, :], 0)
    facing = -1.0 if scene.sun[0] < width / 2 else 1.0
    leaned = x + facing * below * 0.45 + warp * (scene.canvas.size * 0.022)
    at = leaned.astype(np.intp).clip(0, width - 1)
    lit: Field = np.tanh(slope.astype(np.float32)[at] * np.float32(facing * 3.0) + 0.5 * warp)
    return lit


def _rows(scene: Scene, ridge: Ridge) -> slice:
    """Give the rows that a ridge touches."""
    height = scene.canvas.height
    top = int(np.clip(ridge.line.min() - 2, 0, height - 2))
    bottom = height if ridge.foot is None else int(np.clip(ridge.foot, top + 2, height))
    return slice(top, bottom)


def lay_ridge(scene: Scene, ridge: Ridge) -> None:
    """Lay a layer of land over everything behind it."""
    canvas = scene.canvas
    rows = _rows(scene, ridge)
    y, _ = canvas.grid()
    below = y[rows] - ridge.line.astype(np.float32)[None, :]
    steep = np.sqrt(1 + np.gradient(ridge.line) ** 2).astype(np.float32)[None, :]
    mask = np.clip(below / steep + 0.5, 0, 1)
    haze = smoothstep(0, ridge.haze_depth, below)[None]
    body, far = (np.asarray(c, np.float32)[:, None, None] for c in (ridge.colour, ridge.haze))
    picture: Field = np.broadcast_to(body, (3, *below.shape))
    if ridge.relief:
        facing = _slopes(scene, ridge, below.shape[0])
        glow = np.asarray(scene.palette.glow, np.float32)[:, None, None]
        if ridge.snow:
            picture = _snowed(scene, ridge, y[rows], facing, picture)
        lit = np.clip(facing, 0, 1) * ridge.relief
        picture = picture + (glow - picture) * (lit * 0.42)
        picture = picture * (1 + np.clip(facing, -1, 0) * 0.42 * ridge.relief)
    canvas.lay(mask, picture + (far - picture) * haze * 0.88, rows)


def _snowed(scene: Scene, ridge: Ridge, y: Field, facing: Field, picture: Field) -> Field:
    """Lay snow above a ragged line of equal height, longer on the faces out of the wind."""
    rows, columns = facing.shape
    half = (max(4, rows // 2), max(4, columns // 2))
    ragged = enlarge(fbm(scene.rng, half, scene.canvas.size / 36, 4), rows, columns)
    lowest = float(ridge.line.min()) + ridge.snow
    edge = y - lowest + ridge.snow * (0.35 * ragged - 0.4 * facing)
    cover = smoothstep(0.14 * ridge.snow, -0.14 * ridge.snow, edge)
    white = mix(oklch(0.95, 0.015, 240), scene.palette.low, 0.35)
    white = shade(white, 1 - 0.5 * scene.palette.darkness)
    return picture + (white.astype(np.float32)[:, None, None] - picture) * cover * 0.9


def paint_mountains(scene: Scene) -> None:
    """Layer ridge behind ridge, each paler and bluer than the one before it."""
    canvas, palette, reading = scene.canvas, scene.palette, scene.reading
    count = 2 if scene.sparse else 4
    winter = "winter" in reading.seasons or reading.has("snow")
    tall = min(scene.horizon * 0.66, canvas.size * 0.52)
    for i in range(count):
        near = i / max(1, count - 1)
        lift = tall * (1.0 - 0.62 * near) * scene.between(0.85, 1.08)
        line = profile(scene.rng, canvas.width, 2.2 + 1.6 * near, 7, jagged=True)
        line = (line - line.min()) / max(1e-6, float(np.ptp(line)))
        colour = mix(palette.far, palette.near, 0.16 + 0.72 * near)
        haze = mix(palette.low, colour, 0.12 + 0.35 * near)
        lay_ridge(
            scene,
            Ridge(
                scene.horizon - lift * (0.22 + 0.78 * line**1.15),
                colour,
                haze,
                lift * (0.95 + 0.2 * near),
                0.0 if scene.sparse else 0.9 - 0.35 * near,
                (0.9 if winter else 0.5) * lift * (1 - near) + (lift if winter else 0),
                scene.horizon + 0.2 * (canvas.height - scene.horizon),
            ),
        )


def paint_hills(scene: Scene) -> None:
    """Roll soft hills toward the viewer, from the haze to grass with light on it."""
    canvas, palette = scene.canvas, scene.palette
    count = 2 if scene.sparse else 4
    rest = canvas.height - scene.horizon
    winter = "winter" in scene.reading.seasons or scene.reading.has("snow")
    grass = oklch(0.90 - 0.45 * palette.darkness, 0.02, 245) if winter else palette.foliage
    for i in range(count):
        near = i / max(1, count - 1)
        foot = scene.horizon + rest * (0.02 + 0.62 * near**1.5)
        line = profile(scene.rng, canvas.width, 1.6 + 0.6 * (1 - near), 3)
        swing = canvas.size * (0.10 + 0.03 * near)
        colour = mix(palette.far, shade(grass, 1 - 0.28 * near), 0.38 + 0.6 * near)
        line = foot - swing * (line - 0.35)
        lay_ridge(
            scene, Ridge(line, colour, mix(colour, palette.low, 0.5 - 0.4 * near), rest, 0.45)
        )
        _grass(scene, line, near)


def _grass(scene: Scene, line: Field, near: float) -> None:
    """Give a slope its blades and furrows."""
    canvas = scene.canvas
    top = int(np.clip(line.min(), 0, canvas.height - 2))
    y, _ = canvas.grid()
    below = y[top:] - line.astype(np.float32)[None, :]
    blades = fbm(scene.rng, (below.shape[0], canvas.width), 5 + 9 * near, 2, stretch=0.35)
    patches = fbm(scene.rng, (below.shape[0], canvas.width), canvas.size / 24, 2, stretch=9)
    tone = 1 + np.clip(0.035 * blades + 0.07 * patches, -0.2, 0.2) * np.clip(below / 6, 0, 1)
    canvas.pixels[:, top:] *= tone.astype(np.float32)


def cliff_height(scene: Scene) -> float:
    """Give how far a headland rises over the horizon, in pixels."""
    return min(scene.horizon * 0.30, scene.canvas.size * 0.20)


def paint_cliff(scene: Scene) -> None:
    """Raise a headland on one side, falling steeply to the water."""
    canvas, palette = scene.canvas, scene.palette
    x = np.linspace(0, 1, canvas.width)
    if scene.sun[0] < canvas.width / 2:
        x = 1 - x
    rough = profile(scene.rng, canvas.width, 9, 6, jagged=True) - 0.5
    edge = smoothstep(0.50, 0.40, x + 0.05 * rough) + 0.10 * smoothstep(0.62, 0.52, x + 0.1 * rough)
    tall = cliff_height(scene)
    foot = canvas.height * 1.02
    line = (
        foot
        - (foot - scene.horizon + tall * (0.55 + 0.45 * np.clip((0.52 - x) / 0.52, 0, 1) ** 0.5))
        * edge
        - canvas.size * 0.03 * rough * edge
    )
    rock = mix(mix(palette.near, palette.ground, 0.5), palette.far, 0.25)
    lay_ridge(scene, Ridge(line, rock, shade(rock, 0.55), canvas.height * 0.8, 1.1))
    turf = line + canvas.size * 0.02 * (0.6 + rough)
    y, _ = canvas.grid()
    on = np.clip(y - line[None, :] + 0.5, 0, 1) * np.clip(turf[None, :] - y, 0, 1)
    canvas.lay(
        on * smoothstep(0.5, 0.42, x)[None, :] * 0.8, mix(palette.foliage, palette.near, 0.35)
    )
