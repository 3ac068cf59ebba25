"""Land and water: ridges, hills, cliffs and dunes; mirrors, swell and foam."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sketch.image.canvas import (
    Colour,
    Field,
    enlarge,
    fbm,
    folded,
    mix,
    oklch,
    profile,
    shade,
    smoothstep,
)

if TYPE_CHECKING:
    from sketch.image.scene import Scene


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


def paint_dunes(scene: Scene) -> None:
    """Sweep dunes with a bright windward side and a sharp shadowed crest."""
    canvas, palette = scene.canvas, scene.palette
    sand = mix(oklch(0.76 - 0.42 * palette.darkness, 0.10, 70), palette.ground, 0.35)
    rest = canvas.height - scene.horizon
    left = scene.sun[0] < canvas.width / 2
    for i in range(2 if scene.sparse else 5):
        near = i / 4
        line = profile(scene.rng, canvas.width, 1.3 + 1.2 * (1 - near), 3)
        line = scene.horizon + rest * (0.03 + 0.66 * near**1.3) - canvas.size * 0.17 * (line - 0.3)
        lit = mix(palette.far, mix(sand, palette.glow, 0.22), 0.4 + 0.55 * near)
        lay_ridge(scene, Ridge(line, lit, mix(lit, palette.low, 0.3), rest * 0.9))
        _slip_face(scene, line, mix(shade(lit, 0.58), palette.near, 0.2), mirrored=left)
        _ripples(scene, line, near)


def _slip_face(scene: Scene, line: Field, colour: Colour, *, mirrored: bool) -> None:
    """Shade the lee of a crest: the face between the skyline and a curve below its peaks."""
    canvas = scene.canvas
    away = 1.0 if mirrored else -1.0
    lee = smoothstep(0.0, 0.07, np.gradient(line) * away).astype(np.float32)
    drop = canvas.size * (0.1 + 0.3 * profile(scene.rng, canvas.width, 3, 3)).astype(np.float32)
    y, x = canvas.grid()
    below = y - line.astype(np.float32)[None, :]
    leaned = x - away * np.maximum(below, 0) * 1.7
    at = leaned.astype(np.intp).clip(0, canvas.width - 1)
    mask = np.clip(below + 0.5, 0, 1) * smoothstep(1.0, 0.3, below / drop[None, :])
    canvas.lay(mask * lee[at] * 0.85, colour)


def _ripples(scene: Scene, line: Field, near: float) -> None:
    canvas = scene.canvas
    y, x = canvas.grid()
    below = y - line.astype(np.float32)[None, :]
    bend = fbm(scene.rng, canvas.shape, canvas.size / 5, 3)
    period = canvas.size * (0.006 + 0.012 * near)
    wave = np.sin((below * 1.6 + x * 0.22) / period + bend * 3.0)
    strength = np.clip(below / (canvas.size * 0.05), 0, 1) * (0.012 + 0.03 * near)
    canvas.pixels *= (1 + wave * strength).astype(np.float32)


def _perspective(scene: Scene, top: int, *, cell: float, stretch: float) -> Field:
    """Look along a surface of ripples: fine and dense at the shore, broad at our feet."""
    canvas = scene.canvas
    rows = canvas.height - top
    size = 512
    sheet = fbm(scene.rng, (size, size), cell, 4, stretch=stretch)
    down = (np.arange(rows, dtype=np.float32)[:, None] + 1.5) / max(1, rows)
    depth = 1.0 / (down + 0.06)
    _, x = canvas.grid()
    u = (x - canvas.width / 2) / canvas.size * 0.32 * depth * size + size / 2
    return sheet[folded(depth * size * 0.55, size), folded(u, size)]


def paint_lake(scene: Scene) -> None:
    """Mirror everything above the horizon in still water."""
    calm = scene.reading.has("lake") or "tranquil" in scene.reading.moods
    _mirror(scene, ripple=0.35 if calm else 1.0, tint=0.20)
    _light_path(scene, 0.6)


def paint_sea(scene: Scene) -> None:
    """Roll the sea to the horizon: a broken mirror, swell, and foam when it storms."""
    rough = 1.8 if scene.reading.has("storm", "wind") else 1.0
    if "tranquil" in scene.reading.moods:
        rough = 0.6
    _mirror(scene, ripple=1.5 * rough, tint=0.46)
    _swell(scene, rough)
    _light_path(scene, 1.0)


def _mirror(scene: Scene, *, ripple: float, tint: float) -> None:
    canvas, palette = scene.canvas, scene.palette
    top = int(np.clip(scene.horizon, 1, canvas.height - 2))
    rows = canvas.height - top
    waves = _perspective(scene, top, cell=26, stretch=5.0)
    down = np.arange(rows, dtype=np.float32)[:, None]
    reach = waves * ripple * (1.5 + down * 0.055)
    source = np.clip(top - 1 - down * min(1.0, 0.97 * top / rows) + reach, 0, top - 1)
    _, x = canvas.grid()
    across = np.clip(x + reach * 0.35, 0, canvas.width - 1).astype(np.intp)
    at = source.astype(np.intp) * canvas.width + across
    colour = np.asarray(scene.colour_of("lake", palette.water), np.float32)[:, None]
    share = np.float32(tint) * (0.55 + 0.45 * down / rows) + np.clip(
        waves * 0.035 * ripple, -0.1, 0.1
    )
    for channel in range(3):
        mirrored = canvas.pixels[channel, :top].ravel().take(at)
        canvas.pixels[channel, top:] = mirrored * 0.94 + (colour[channel] - mirrored) * share
    shore = np.exp(-down / (canvas.size * 0.006))
    canvas.lay(shore * 0.4, mix(palette.low, palette.glow, 0.3), slice(top, None))


def _swell(scene: Scene, rough: float) -> None:
    canvas, palette = scene.canvas, scene.palette
    top = int(np.clip(scene.horizon, 1, canvas.height - 2))
    big = _perspective(scene, top, cell=70, stretch=4.5)
    fine = _perspective(scene, top, cell=15, stretch=3.5)
    wave = (0.62 * big + 0.38 * fine).astype(np.float32)
    deep, crest = shade(palette.water, 0.62), mix(palette.water, palette.low, 0.55)
    down = np.linspace(0, 1, canvas.height - top, dtype=np.float32)[:, None]
    strength = np.float32(min(1.0, 0.42 * rough)) * (0.35 + 0.65 * down)
    rows = slice(top, None)
    canvas.lay(smoothstep(0.0, -1.5, wave) * strength, deep, rows)
    canvas.lay(smoothstep(0.1, 1.6, wave) * strength * 0.8, crest, rows)
    foam = smoothstep(1.75 - 0.45 * rough, 2.4 - 0.35 * rough, wave + 0.35 * fine)
    white = shade(oklch(0.97, 0.01, 220), 1 - 0.45 * palette.darkness)
    canvas.lay(foam * min(0.9, 0.5 * rough) * (0.3 + 0.7 * down), white, rows)


def _light_path(scene: Scene, strength: float) -> None:
    """Scatter glints below the sun or moon."""
    canvas, palette = scene.canvas, scene.palette
    if scene.reading.has("storm", "rain", "fog"):
        return
    top = int(np.clip(scene.horizon, 1, canvas.height - 2))
    glitter = _perspective(scene, top, cell=9, stretch=6.0)
    _, x = canvas.grid()
    down = np.linspace(0, 1, canvas.height - top, dtype=np.float32)[:, None]
    width = canvas.size * (0.03 + 0.13 * down)
    near = np.exp(-(((x - scene.sun[0]) / width) ** 2))
    low = 1.0 - 0.75 * min(1.0, (scene.horizon - scene.sun[1]) / max(1.0, scene.horizon))
    light = smoothstep(0.75 - 0.5 * near, 2.0, glitter + near * 0.7)
    canvas.shine(np.clip(light * near * strength * low, 0, 1), palette.glow, slice(top, None))
