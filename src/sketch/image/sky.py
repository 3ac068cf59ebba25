"""The sky: its gradient, sun, moons, stars, aurora and rainbow; clouds, rain, snow and mist."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from sketch.image.canvas import (
    Colour,
    Field,
    Stencil,
    enlarge,
    fbm,
    folded,
    from_lab,
    lab_of,
    mix,
    oklch,
    pull,
    shade,
    smoothstep,
)

if TYPE_CHECKING:
    from sketch.image.scene import Scene


_STARS_FROM, _MOON_FROM = 0.5, 0.6  # darkness


def gradient(stops: list[tuple[float, Colour]], height: int) -> Field:
    """Blend colour stops (place 0..1, colour) down a column, shape (3, height, 1)."""
    labs = np.array([lab_of(colour) for _, colour in stops])
    places = [place for place, _ in stops]
    steps = np.linspace(0, 1, 64)
    column = np.array(
        [from_lab(np.array([np.interp(t, places, labs[:, i]) for i in range(3)])) for t in steps]
    )
    at = np.linspace(0, 1, height)
    rows = [np.interp(at, steps, column[:, i]) for i in range(3)]
    return np.array(rows, np.float32)[:, :, None]


def paint_sky(scene: Scene) -> None:
    """Fill the canvas with the hour's gradient and the light around sun or moon."""
    canvas, palette = scene.canvas, scene.palette
    share = min(1.0, max(0.2, scene.horizon / canvas.height))
    stops = [(0.0, palette.top), (0.55 * share, palette.middle), (share, palette.low)]
    canvas.pixels[:] = gradient([*stops, (1.0001, palette.low)], canvas.height)
    y, x = canvas.grid()
    wide = np.exp(-(((x - scene.sun[0]) / (0.55 * canvas.width)) ** 2))
    low = np.exp(-(((y - scene.horizon) / (0.3 * canvas.height)) ** 2))
    canvas.shine(0.30 * (1 - 0.6 * palette.darkness) * wide * low, palette.glow)
    haze = fbm(scene.rng, canvas.shape, canvas.size / 2, 3, stretch=4) * np.float32(0.02)
    canvas.pixels += haze


def paint_stars(scene: Scene) -> None:
    """Scatter stars, few of them bright, thicker along a faint band."""
    canvas, rng = scene.canvas, scene.rng
    is_requested = scene.reading.has("star", "galaxy", "space")
    if not scene.reading.allows("star") or (
        scene.palette.darkness < _STARS_FROM and not is_requested
    ):
        return
    count = int(canvas.width * scene.horizon / 1500 * (2.2 if is_requested else 1.0))
    xs = rng.integers(0, canvas.width, count)
    ys = (rng.random(count) ** 1.35 * scene.horizon).astype(int).clip(0, canvas.height - 1)
    power = rng.random(count) ** 5
    warm = oklch(0.95, 0.04, 80)
    yellow = rng.integers(3, size=count) == 0
    for channel in range(3):
        plane = canvas.pixels[channel]
        tone = np.where(yellow, warm[channel], 1.0)
        lit = np.clip(0.25 + power, 0, 1) * np.clip(1.15 - ys / max(1.0, scene.horizon), 0, 1)
        plane[ys, xs] += (tone - plane[ys, xs]) * lit
    for i in np.argsort(power)[-max(6, count // 45) :]:
        canvas.glow(float(xs[i]), float(ys[i]), canvas.size * 0.006, warm, 0.75)


def paint_band(scene: Scene) -> None:
    """Draw the Milky Way across the sky."""
    canvas = scene.canvas
    y, x = canvas.grid()
    slope = scene.between(-0.9, 0.9)
    across = (y - scene.horizon * 0.45) - slope * (x - canvas.width / 2)
    lumps = fbm(scene.rng, canvas.shape, canvas.size / 5, 5)
    dust = fbm(scene.rng, canvas.shape, canvas.size / 7, 5)
    width = canvas.size * (0.13 + 0.03 * lumps)
    band = np.exp(-((across / width) ** 2)) * (1 - 0.75 * smoothstep(0.1, 1.6, dust))
    canvas.shine(0.42 * band, pull(scene.palette.low, oklch(0.8, 0.09, 320), 0.4))
    canvas.shine(0.22 * band**3 * smoothstep(-1, 2, lumps), oklch(0.95, 0.04, 80))


def paint_sun(scene: Scene) -> None:
    """Set the sun's disc and its halo into the sky."""
    canvas, palette = scene.canvas, scene.palette
    x, y = scene.sun
    radius = canvas.size * (0.030 + 0.030 * palette.darkness)
    tone = scene.colour_of("sun", palette.glow)
    canvas.glow(x, y, canvas.size * 0.30, tone, 0.55)
    canvas.glow(x, y, canvas.size * 0.10, tone, 0.8)
    disc(scene, x, y, radius, shade(tone, 0.98, 1.5))


def disc(scene: Scene, x: float, y: float, radius: float, colour: Colour) -> None:
    """Lay a flat round disc, radius in pixels."""
    stencil = Stencil(scene.canvas, (x - radius, y - radius, x + radius, y + radius), scale=4)
    stencil.ellipse(x, y, radius, radius)
    scene.canvas.stamp(stencil.cut(), colour)


def paint_moon(scene: Scene) -> None:
    """Hang one moon, with seas and a shadowed limb, in the sky."""
    tone = scene.colour_of("moon", oklch(0.95, 0.025, 95))
    radius = scene.canvas.size * scene.between(0.045, 0.065)
    scene.canvas.glow(*scene.sun, scene.canvas.size * 0.22, tone, 0.42)
    draw_moon(scene, *scene.sun, radius, tone)


def draw_moon(scene: Scene, x: float, y: float, radius: float, tone: Colour) -> None:
    """Draw a cratered globe lit from one side; radius in pixels."""
    canvas = scene.canvas
    stencil = Stencil(canvas, (x - radius, y - radius, x + radius, y + radius), scale=4)
    stencil.ellipse(x, y, radius, radius)
    cut = stencil.cut()
    rows, columns = cut.mask.shape
    seas = fbm(scene.rng, (rows, columns), max(3.0, radius * 0.7), 4)
    across = (np.arange(columns, dtype=np.float32)[None, :] + cut.columns.start - x) / radius
    lit = smoothstep(1.25, -0.2, across + 0.25) if scene.chance(0.4) else np.float32(1)
    up = (np.arange(rows, dtype=np.float32)[:, None] + cut.rows.start - y) / radius
    limb = np.sqrt(np.clip(1 - across**2 - up**2, 0, 1))
    level = (1 - 0.24 * smoothstep(-0.4, 1.2, seas)) * (0.72 + 0.28 * limb) * lit
    picture = tone[:, None, None] * level + canvas.pixels[:, cut.rows, cut.columns] * (1 - lit)
    canvas.stamp(cut, np.clip(picture, 0, 1))


def paint_aurora(scene: Scene) -> None:
    """Let curtains of green and violet light hang in the sky."""
    canvas = scene.canvas
    small = (max(8, canvas.height // 2), max(8, canvas.width // 2))
    y = np.linspace(0, 1, small[0], dtype=np.float32)[:, None]
    for i in range(3):
        base = fbm(scene.rng, (1, small[1]), small[1] / 2.5, 3)[0] * 0.10
        foot = (0.30 + 0.09 * i + base) * scene.horizon / canvas.height * 1.3
        rays = 0.55 + 0.45 * fbm(scene.rng, (1, small[1]), small[1] / 24, 3)
        above = foot[None, :] - y
        veil = smoothstep(-0.02, 0.015, above) * np.exp(-np.maximum(above, 0) * (7 - i))
        veil = enlarge(np.clip(veil * rays, 0, 1), *canvas.shape)
        canvas.shine(np.clip(veil, 0, 1) * 0.7, oklch(0.82, 0.19, 155 - 10 * i))
        upper = enlarge(smoothstep(0.1, 0.34, above) * np.exp(-above * 5), *canvas.shape)
        canvas.shine(np.clip(upper, 0, 1) * 0.35, oklch(0.62, 0.2, 310 + 15 * i))


def paint_rainbow(scene: Scene) -> None:
    """Set a rainbow opposite the light."""
    canvas = scene.canvas
    y, x = canvas.grid()
    centre = canvas.width * (0.62 if scene.sun[0] < canvas.width / 2 else 0.38)
    distance = np.sqrt((x - centre) ** 2 + (y - scene.horizon - canvas.size * 0.12) ** 2)
    for i in range(7):
        radius = canvas.size * (0.62 - 0.013 * i)
        band = np.exp(-(((distance - radius) / (canvas.size * 0.011)) ** 2))
        canvas.shine(0.34 * band, mix(oklch(0.78, 0.16, 25 + 42 * i), scene.palette.low, 0.15))


def draw_bolt(scene: Scene, x: float, length: float) -> None:
    """Draw a forked lightning bolt from the top; x and length in pixels."""
    canvas, rng = scene.canvas, scene.rng
    stencil = Stencil(canvas)
    points = [(x, 0.0)]
    while points[-1][1] < length:
        step = length / 16
        points.append((points[-1][0] + float(rng.normal(0, 0.9)) * step, points[-1][1] + step))
        if scene.chance(0.25):
            end = points[-1]
            side = math.copysign(1, float(rng.normal()))
            fork = [
                end,
                (end[0] + side * step, end[1] + step),
                (end[0] + side * 1.4 * step, end[1] + 2.4 * step),
            ]
            stencil.line(fork, canvas.size * 0.0015, 0.7)
    stencil.line(points, canvas.size * 0.0035)
    for px, py in points[::3]:
        canvas.glow(px, py, canvas.size * 0.14, oklch(0.85, 0.06, 270), 0.22)
    canvas.stamp(stencil.cut(), oklch(0.97, 0.03, 280))


_SMALL = 260  # columns at half size
_STREAKED = frozenset({"dawn", "sunset", "dusk", "golden_hour"})


def _density(scene: Scene, rows: int, columns: int) -> Field:
    """Look up at a flat layer of cloud: its lumps shrink and flatten to the horizon."""
    streaked = scene.palette.hour in _STREAKED and not scene.reading.has("storm")
    size = 1024 if columns > _SMALL else 512
    unit = size / 4.6
    sheet = fbm(scene.rng, (size, size), unit * 0.42, 6, stretch=2.4 if streaked else 1.25)
    up = np.linspace(1.0, 0.0, rows, dtype=np.float32)[:, None]
    depth = 1.0 / (0.20 + up)
    along = np.linspace(-0.5, 0.5, columns, dtype=np.float32)[None, :] * (columns / rows) * 0.6
    return sheet[folded(depth * unit, size), folded(along * depth * unit + size / 2, size)]


def paint_clouds(scene: Scene) -> None:
    """Drift clouds across the sky, lit on the side of the sun."""
    canvas, reading = scene.canvas, scene.reading
    if not reading.allows("cloud"):
        return
    bottom = max(8, min(canvas.height, int(scene.horizon)))
    rows, columns = max(6, bottom // 2), max(6, canvas.width // 2)
    density = _density(scene, rows, columns)
    cover = 1.3 if reading.has("storm") else 0.55 if reading.has("cloud", "rain") else -0.15
    cover += scene.between(-0.25, 0.2) - (0.7 if scene.sparse else 0.0)
    body = smoothstep(0.35 - cover, 1.5 - cover, density)
    step = max(2, rows // 26)
    padded = np.pad(density, ((step, 0), (step, step)), mode="edge")
    above = padded[:rows, step:-step]
    beside = (
        padded[:rows, :columns] if scene.sun[0] < canvas.width / 2 else padded[:rows, 2 * step :]
    )
    lit = smoothstep(-0.5, 0.7, density - 0.5 * above - 0.5 * beside)
    lit *= 0.55 if reading.has("storm") else 1.0
    _lay(scene, enlarge(body, bottom, canvas.width), enlarge(lit, bottom, canvas.width))


def _lay(scene: Scene, body: Field, lit: Field) -> None:
    canvas, palette = scene.canvas, scene.palette
    rows = slice(0, body.shape[0])
    storm = scene.reading.has("storm")
    bright = mix(palette.glow, palette.low, 0.45 * palette.darkness + (0.5 if storm else 0.1))
    dim = mix(shade(palette.top, 0.62 if storm else 1.04, 0.7), palette.middle, 0.45)
    dim, bright = (np.asarray(c, np.float32)[:, None, None] for c in (dim, bright))
    up = np.linspace(1, 0, body.shape[0], dtype=np.float32)[:, None]
    y, x = canvas.grid()
    near = np.exp(-np.hypot(x - scene.sun[0], (y[rows] - scene.sun[1]) * 1.4) / (0.5 * canvas.size))
    light = np.clip(lit * (0.55 + 0.75 * near), 0, 1)
    picture = dim + (bright - dim) * light
    opacity = 0.92 if storm else 0.86 - 0.4 * palette.darkness
    canvas.lay(
        np.clip(body, 0, 1) * opacity * (0.35 + 0.65 * smoothstep(0, 0.25, up)), picture, rows
    )
    rim = np.clip(body * (1 - body) * 4, 0, 1) * near**2
    canvas.shine(np.clip(rim, 0, 1) * 0.35, palette.glow, rows)


def paint_rain(scene: Scene) -> None:
    """Drive slanting rain through the picture."""
    canvas, rng = scene.canvas, scene.rng
    stencil = Stencil(canvas, scale=1)
    slant = scene.between(-0.22, 0.22) * (2.2 if scene.reading.has("storm", "wind") else 1.0)
    for value, count, length in ((0.34, 420, 0.022), (0.55, 260, 0.045), (0.85, 70, 0.085)):
        total = int(count * canvas.width * canvas.height / canvas.size**2)
        for x, y, part in rng.random((total, 3)):
            reach = canvas.size * length * (0.6 + 0.8 * part)
            at = (x * 1.2 - 0.1) * canvas.width, (y * 1.1 - 0.1) * canvas.height
            stencil.line([at, (at[0] + slant * reach, at[1] + reach)], 1, value)
    veil = mix(scene.palette.low, oklch(0.85, 0.02, 240), 0.5)
    canvas.lay(0.10, mix(veil, scene.palette.middle, 0.5))
    canvas.stamp(stencil.cut(), veil, 0.30)


def paint_snowfall(scene: Scene) -> None:
    """Let flakes fall, soft and large when they are near."""
    canvas, rng = scene.canvas, scene.rng
    white = oklch(0.97, 0.01, 240)
    for share, radius, count in ((0.55, 0.0012, 500), (0.75, 0.0022, 220), (0.55, 0.0050, 45)):
        stencil = Stencil(canvas)
        for x, y, part in rng.random((count, 3)):
            size = canvas.size * radius * (0.6 + part)
            stencil.ellipse(
                x * canvas.width, y * canvas.height, size, size * 1.15, 0.5 + 0.5 * part
            )
        canvas.stamp(stencil.cut(), white, share)


def paint_mist(scene: Scene) -> None:
    """Lay banks of mist about the horizon."""
    canvas, palette = scene.canvas, scene.palette
    y, _ = canvas.grid()
    banks = fbm(scene.rng, canvas.shape, canvas.size / 2.5, 4, stretch=4)
    deep = 0.32 if scene.reading.has("fog") else 0.13
    at = scene.horizon + canvas.size * 0.02
    height = np.exp(-(((y - at) / (canvas.height * deep)) ** 2))
    strength = 0.85 if scene.reading.has("fog") else 0.4
    veil = height * smoothstep(-1.8, 1.4, banks) * strength
    canvas.lay(np.clip(veil, 0, 1), mix(palette.low, palette.middle, 0.15))


def paint_storm(scene: Scene) -> None:
    """Strike lightning and darken the edges of the sky."""
    bolts = 1 + int(scene.chance(0.5))
    for _ in range(bolts):
        side = (
            scene.between(0.52, 0.92)
            if scene.sun[0] < scene.canvas.width / 2
            else scene.between(0.08, 0.48)
        )
        draw_bolt(scene, side * scene.canvas.width, scene.horizon)
