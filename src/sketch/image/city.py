"""The city: towers on the horizon, and a street between houses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sketch.image.canvas import Colour, Field, fbm, mix, oklch, planes, profile, shade, smoothstep

if TYPE_CHECKING:
    from sketch.image.scene import Scene


_DIM = 0.3  # darkness from which lamps are lit


def paint_skyline(scene: Scene) -> None:
    """Raise towers row before row."""
    canvas, palette = scene.canvas, scene.palette
    rows = 2 if scene.sparse else 4
    for i in range(rows):
        near = i / (rows - 1)
        tone = mix(mix(palette.low, palette.far, 0.6), palette.near, 0.15 + 0.75 * near)
        heights = profile(scene.rng, 200, 4, 3)
        heights = (heights - heights.min()) / max(1e-6, float(np.ptp(heights)))
        x = -scene.between(0, 0.04) * canvas.width
        while x < canvas.width:
            width = canvas.size * scene.between(0.025, 0.075) * (0.75 + 0.4 * near)
            there = heights[int(np.clip(x / canvas.width, 0, 1) * 199)]
            tall = min(scene.horizon * 0.85, canvas.size * 0.50)
            tall *= (0.16 + 0.84 * there**1.4) * scene.between(0.6, 1.05) * (1 - 0.38 * near)
            _tower(scene, (x, width, tall), shade(tone, scene.between(0.9, 1.1)), near)
            x += width * scene.between(0.92, 1.25)


def _tower(scene: Scene, body: tuple[float, float, float], tone: Colour, near: float) -> None:
    canvas = scene.canvas
    x, width, tall = body
    foot = int(scene.horizon) + 2
    top = max(0, int(scene.horizon - tall))
    kind = scene.rng.integers(4)
    steps = ((0.0, 1.0),) if kind in {0, 1} else ((0.0, 0.55), (0.16, 1.0))
    for down, share in steps:
        left = int(max(0, x + width * (1 - share) / 2))
        right = int(min(canvas.width, x + width * (1 + share) / 2))
        start = int(top + down * tall)
        if right - left > 1 and foot - start > 1:
            _block(scene, (slice(start, foot), slice(left, right)), tone, near)
    middle = int(x + width / 2)
    if kind in {1, 3} and 0 < middle < canvas.width - 1:
        mast = slice(max(0, int(top - tall * 0.16)), top)
        canvas.lay(0.9, tone, mast, slice(middle, middle + max(1, int(canvas.size / 700))))
        if scene.palette.darkness > _DIM:
            canvas.glow(middle, mast.start, canvas.size * 0.006, oklch(0.65, 0.22, 25), 0.9)


def _block(scene: Scene, part: tuple[slice, slice], tone: Colour, near: float) -> None:
    canvas, palette = scene.canvas, scene.palette
    rows, columns = part
    height, width = rows.stop - rows.start, columns.stop - columns.start
    haze = np.linspace(0, 0.5 - 0.3 * near, height, dtype=np.float32)[:, None]
    far = mix(palette.low, palette.glow, 0.2)[:, None, None]
    canvas.lay(1.0, tone[:, None, None] + (far - tone[:, None, None]) * haze, rows, columns)
    sunward = slice(columns.start, columns.start + max(1, width // 3))
    canvas.lay(0.10 * (1 - palette.darkness), palette.glow, rows, sunward)
    cell = max(3.0, canvas.size * (0.006 + 0.004 * near))
    v = np.arange(height, dtype=np.float32)[:, None] / (cell * 1.35)
    u = np.arange(width, dtype=np.float32)[None, :] / cell
    pane = np.floor(v % 1 + 0.65) * np.floor(u % 1 + 0.6)
    share = 0.12 + 0.42 * palette.darkness
    lit = scene.rng.random((int(v[-1, 0]) + 1, int(u[0, -1]) + 1), dtype=np.float32)
    lamps = np.clip((share - lit) * 6, 0, 1)[v.astype(int), u.astype(int)] * pane
    if palette.darkness > _DIM:
        warm = oklch(0.88, 0.10, 78) if scene.chance(0.75) else oklch(0.86, 0.07, 220)
        canvas.lay(lamps * (0.35 + 0.6 * near), scene.colour_of("light", warm), rows, columns)
    else:
        canvas.lay(pane * 0.22, mix(palette.top, tone, 0.4), rows, columns)


_EYE = 0.62  # height of the eye over the ground, where half the street's width is 1
_NEAR, _LIT = 0.35, 0.3
_LEGIBLE = 4  # pixels


@dataclass(frozen=True, slots=True)
class Rays:
    """Where each pixel looks, shape (height, width): how far along the street, how high."""

    depth: Field
    height: Field
    side: npt.NDArray[np.bool_]


def _hash(a: Field, b: Field, salt: float) -> Field:
    """Give a number 0..1 for each pair of whole numbers."""
    value = np.sin(a * np.float32(12.9898) + b * np.float32(78.233) + np.float32(salt)) * 43758.547
    return value - np.floor(value)


def paint_street(scene: Scene) -> None:
    """Build the walls, their windows and signs, and the ground that mirrors them."""
    canvas, rng = scene.canvas, scene.rng
    y, x = canvas.grid()
    vanish = (canvas.width * scene.between(0.40, 0.60), scene.horizon)
    unit = min(canvas.width, canvas.height * 1.1) * 0.5
    dx, dy = (x - vanish[0]) / unit, (y - vanish[1]) / unit
    depth = 1.0 / np.maximum(np.abs(dx), 1e-3) + 0.0 * dy
    height = -dy * depth
    ground = np.where(dy > 0, _EYE / np.maximum(dy, 1e-3), 1e9)
    floor = ground < depth
    salt = float(rng.uniform(0, 99))
    mirrored = np.where(floor, -height - 2 * _EYE, height)
    wet = scene.reading.has("rain") or bool({"cyberpunk", "noir"} & set(scene.reading.styles))
    if wet:
        wobble = fbm(rng, canvas.shape, canvas.size / 40, 4, stretch=5)
        mirrored = mirrored + np.where(floor, wobble * 0.10, 0) * depth * 0.5
    rays = Rays(depth, mirrored, np.broadcast_to(dx > 0, depth.shape))
    sky = canvas.pixels.copy()
    walls, light, open_sky = _walls(scene, rays, salt)
    fog = 1 - np.exp(-depth / (5.5 if scene.reading.has("fog") else 9.0))
    haze = mix(scene.palette.low, scene.palette.accents[0], 0.45 * scene.palette.darkness)
    walls += (planes(haze) - walls) * fog * 0.8
    picture = np.where(open_sky, sky, walls + light * (1 - fog * 0.35))
    if floor.any():
        picture = _ground(scene, picture, floor, np.minimum(ground, depth), wet=wet)
    canvas.pixels[:] = np.clip(picture, 0, 1)
    canvas.glow(*vanish, canvas.size * 0.16, mix(scene.palette.low, scene.palette.glow, 0.6), 0.55)
    _signs(scene, vanish, unit, wet=wet)


def _walls(scene: Scene, rays: Rays, salt: float) -> tuple[Field, Field, npt.NDArray[np.bool_]]:
    """Give wall colour and window light, shape (3, height, width), and where the sky shows."""
    palette = scene.palette
    side = rays.side.astype(np.float32)
    plot = np.floor(rays.depth / 1.25 + 0.4 * side)
    number = _hash(plot, side, salt)
    roof = 1.3 + 2.6 * _hash(plot, side + 5, salt)
    level = (rays.height + _EYE) * 3.1
    along = rays.depth * 4.2
    pane = smoothstep(0.28, 0.33, level % 1) * smoothstep(0.86, 0.80, level % 1)
    pane = pane * smoothstep(0.24, 0.29, along % 1) * smoothstep(0.80, 0.74, along % 1)
    pane = pane * (rays.depth > _NEAR)
    chance = _hash(np.floor(level), np.floor(along) + 17 * side, salt + 3)
    lit = smoothstep(0.62 - 0.27 * palette.darkness, 0.58 - 0.30 * palette.darkness, chance)
    brick = 0.9 + 0.1 * smoothstep(0.05, 0.2, (level * 9) % 1) * smoothstep(
        0.03, 0.15, (along * 5 + np.floor(level * 9) * 0.5) % 1
    )
    stone = mix(palette.near, palette.ground, 0.55)
    if palette.darkness > _LIT:
        stone = mix(shade(stone, 1.35), palette.accents[0], 0.30)
    wall = planes(stone) * (0.65 + 0.75 * number) * brick
    warm, cool = oklch(0.84, 0.12, 72), palette.accents[1]
    tone = np.where(chance < 0.2 * palette.darkness, planes(cool), planes(warm))
    glass = planes(mix(palette.near, palette.middle, 0.5))
    walls = wall + (glass - wall) * pane * 0.8
    flicker = 0.35 + 0.75 * _hash(np.floor(along * 2.0), np.floor(level), salt + 9)
    light = tone * pane * lit * flicker * (0.20 + 0.75 * palette.darkness)
    return walls.astype(np.float32), light.astype(np.float32), rays.height > roof


def _ground(
    scene: Scene, picture: Field, floor: npt.NDArray[np.bool_], depth: Field, *, wet: bool
) -> Field:
    palette = scene.palette
    rough = fbm(scene.rng, scene.canvas.shape, scene.canvas.size / 16, 5, stretch=4)
    asphalt = shade(mix(palette.near, palette.ground, 0.3), 0.8 if wet else 1.15)
    puddle = smoothstep(-0.6, 0.7, rough) if wet else np.float32(0.0)
    mirror = (0.30 + 0.58 * puddle) if wet else np.float32(0.10)
    asphalt = planes(asphalt)
    surface = asphalt * (1 + 0.10 * rough) + (picture - asphalt) * mirror
    far = 1 - np.exp(-depth / 9.0)
    surface = surface + (planes(palette.low) - surface) * far * 0.4
    return np.where(floor, surface, picture)


def _signs(scene: Scene, vanish: tuple[float, float], unit: float, *, wet: bool) -> None:
    """Hang lit signs over the pavement, far ones first, and their light on a wet ground."""
    palette = scene.palette
    if palette.darkness < _LIT:
        return
    neon = "cyberpunk" in scene.reading.styles
    hues = [
        oklch(0.70, 0.27, 350),
        oklch(0.82, 0.16, 200),
        oklch(0.80, 0.2, 140),
        oklch(0.78, 0.18, 70),
    ]
    if scene.reading.colours:
        hues = [shade(c, 1.2, 1.2) for c in palette.accents]
    for depth in np.sort(scene.rng.uniform(1.0, 5.5, 16 if neon else 6))[::-1]:
        side = 1 if scene.chance(0.5) else -1
        x = vanish[0] + side * unit / depth * scene.between(0.70, 0.92)
        y = vanish[1] - unit / depth * scene.between(0.0, 1.1)
        wide, tall = (
            unit / depth * scene.between(0.07, 0.13),
            unit / depth * scene.between(0.16, 0.48),
        )
        hue = hues[int(scene.rng.integers(len(hues)))]
        if wet:
            _streak(
                scene, (x, vanish[1] + 2 * _EYE * unit / depth - (y - vanish[1])), (wide, tall), hue
            )
        _sign(scene, (x - wide, y - tall, x + wide, y + tall), hue)


def _streak(scene: Scene, at: tuple[float, float], size: tuple[float, float], tone: Colour) -> None:
    """Draw a sign's light down the wet ground, broken by its ripples; all in pixels."""
    canvas = scene.canvas
    y, x = canvas.grid()
    top = int(min(max(0.0, scene.horizon), canvas.height - 1))
    rows = slice(top, None)
    left, right = int(max(0, at[0] - 5 * size[0])), int(min(canvas.width, at[0] + 5 * size[0]))
    if left >= right:
        return
    along, down = x[:, left:right] - at[0], y[rows] - at[1]
    ripple = fbm(scene.rng, (canvas.height - top, right - left), canvas.size / 55, 3, stretch=4)
    light = np.exp(-((along / (1.3 * size[0])) ** 2) - np.abs(down) / (2.0 * size[1]))
    light = light * smoothstep(-1.2, 0.9, ripple)
    canvas.shine(np.clip(light * 0.85, 0, 1), tone, rows, slice(left, right))


def _sign(scene: Scene, box: tuple[float, float, float, float], tone: Colour) -> None:
    canvas = scene.canvas
    left, top, right, bottom = (int(v) for v in box)
    rows = slice(max(0, top), min(canvas.height, bottom))
    columns = slice(max(0, left), min(canvas.width, right))
    height, width = rows.stop - rows.start, columns.stop - columns.start
    if min(height, width) < _LEGIBLE:
        return
    canvas.glow((left + right) / 2, (top + bottom) / 2, (bottom - top) * 0.75, tone, 0.5)
    canvas.lay(0.85, shade(tone, 0.22), rows, columns)
    v = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    u = np.linspace(0, 1, width, dtype=np.float32)[None, :]
    edge = np.minimum(
        np.minimum(v * height, (1 - v) * height), np.minimum(u * width, (1 - u) * width)
    )
    glyphs = max(2, round(height / width * 1.1))
    strokes = np.minimum(scene.rng.integers(4, size=(glyphs * 4, 5)) // 2 + 0.12, 1).astype(
        np.float32
    )
    inner = strokes[(v * (glyphs * 4 - 1)).astype(int), (u * 4.99).astype(int)]
    gap = smoothstep(0.0, 0.12, np.abs((v * glyphs) % 1 - 0.0)) * smoothstep(
        1.0, 0.88, (v * glyphs) % 1
    )
    margin = smoothstep(0.32, 0.28, np.abs(u - 0.5)) * smoothstep(0.46, 0.44, np.abs(v - 0.5))
    frame = np.exp(-(((edge - 2.0) / 1.2) ** 2))
    light = np.clip(inner * gap * margin + frame, 0, 1)
    canvas.lay(light, mix(tone, oklch(0.98, 0.02, 90), 0.35), rows, columns)
