"""Abstract pictures: bars and wedges, circles, threads in a current, mandalas, spirals."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from sketch.image.canvas import Colour, Points, Stencil, fbm, mix, oklch, planes, shade, smoothstep

if TYPE_CHECKING:
    from sketch.image.scene import Scene


_NIGHT = 0.8  # darkness from which the paper is black


def _pigments(scene: Scene) -> tuple[Colour, list[Colour], Colour]:
    """Give paper, colours and ink: the named ones first, strongest."""
    palette, reading = scene.palette, scene.reading
    inks = [
        c
        for c, word in zip(palette.accents, reading.colours, strict=False)
        if word not in {"black", "white"}
    ]
    inks = inks or list(palette.accents)
    if len(inks) == 1:
        inks += [shade(inks[0], 0.66), shade(inks[0], 1.3, 0.7)]
    paper = mix(oklch(0.93, 0.025, 85), inks[0], 0.05)
    ink = oklch(0.17, 0.01, 60)
    if palette.darkness > _NIGHT:
        return mix(ink, palette.top, 0.5), inks, oklch(0.92, 0.02, 90)
    return paper, inks, ink


def _lay(scene: Scene, points: Points, tone: Colour, opacity: float = 1.0) -> None:
    stencil = Stencil(scene.canvas)
    stencil.polygon(points)
    scene.canvas.stamp(stencil.cut(), tone, opacity)


def _bar(x: float, y: float, length: float, width: float, turn: float) -> Points:
    c, s = math.cos(turn), math.sin(turn)
    return [
        (x + c * u * length - s * v * width, y + s * u * length + c * v * width)
        for u, v in ((-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5))
    ]


def _round(
    scene: Scene, x: float, y: float, radius: float, tone: Colour, ring: float = 0.0
) -> None:
    stencil = Stencil(scene.canvas, (x - radius, y - radius, x + radius, y + radius), scale=3)
    stencil.ellipse(x, y, radius, radius)
    if ring:
        stencil.ellipse(x, y, radius - ring, radius - ring, 0.0)
    scene.canvas.stamp(stencil.cut(), tone)


def paint_construction(scene: Scene) -> None:
    """Build wedges, bars and discs along one thrusting diagonal."""
    canvas, size = scene.canvas, scene.canvas.size
    paper, inks, ink = _pigments(scene)
    canvas.lay(1.0, paper)
    canvas.pixels += fbm(scene.rng, canvas.shape, size / 5, 5).astype(np.float32) * np.float32(
        0.012
    )
    turn = scene.between(-0.95, -0.45) * (1 if scene.chance(0.5) else -1)
    cx, cy = canvas.width * scene.between(0.45, 0.62), canvas.height * scene.between(0.42, 0.55)
    c, s = math.cos(turn), math.sin(turn)

    def at(u: float, v: float) -> tuple[float, float]:
        return cx + (c * u - s * v) * size, cy + (s * u + c * v) * size

    far = [at(-1.6, 0.30), at(1.6, 0.30), at(1.6, 1.9), at(-1.6, 1.9)]
    _lay(scene, far, mix(paper, inks[-1] if len(inks) > 1 else ink, 0.18))
    _round(scene, *at(0.10, -0.08), size * scene.between(0.23, 0.29), ink)
    _lay(scene, [at(-0.72, 0.26), at(0.16, -0.16), at(-0.50, -0.10)], inks[0])
    _round(scene, *at(0.10, -0.08), size * 0.40, ink, size * 0.008)
    for _ in range(3 if scene.sparse else 7):
        place = at(scene.between(-0.6, 0.6), scene.between(-0.45, 0.45))
        tone = (inks[0], ink, inks[1 % len(inks)])[int(scene.rng.integers(3))]
        quarter = math.pi / 2 if scene.chance(0.35) else 0.0
        _lay(
            scene,
            _bar(
                *place,
                size * scene.between(0.18, 0.7),
                size * scene.between(0.008, 0.05),
                turn + quarter,
            ),
            tone,
        )
    for k in range(6):
        _lay(
            scene,
            _bar(*at(0.34 + 0.035 * k, 0.33), size * 0.22, size * 0.010, turn + math.pi / 2),
            ink,
        )
    _round(scene, *at(-0.42, -0.36), size * 0.07, inks[0])
    _round(scene, *at(0.50, 0.16), size * 0.035, ink)
    _lay(scene, _bar(*at(0.0, 0.30), size * 2.4, size * 0.014, turn), inks[0])


def paint_circles(scene: Scene) -> None:
    """Let circles, arcs and lines sound together."""
    canvas, size = scene.canvas, scene.canvas.size
    paper, inks, ink = _pigments(scene)
    canvas.lay(1.0, paper)
    cloud = fbm(scene.rng, canvas.shape, size / 2, 4)
    for i, tone in enumerate(inks[:3]):
        canvas.lay(np.exp(-((cloud - 1.2 * (i - 1)) ** 2) * 2) * 0.22, tone)
    for _ in range(7 if scene.sparse else 15):
        x, y = scene.between(0.06, 0.94) * canvas.width, scene.between(0.08, 0.92) * canvas.height
        radius = size * scene.between(0.025, 0.20) * scene.between(0.5, 1.0)
        tones = [inks[int(k)] for k in scene.rng.integers(len(inks), size=4)]
        canvas.glow(x, y, radius * 1.1, tones[0], 0.25)
        for k, share in enumerate((1.0, 0.74, 0.5, 0.24)[: int(scene.rng.integers(2, 5))]):
            _round(scene, x, y, radius * share, shade(tones[k], scene.between(0.75, 1.2)))
        if scene.chance(0.5):
            _round(scene, x, y, radius * 1.12, ink, max(1.5, size * 0.003))
    _lines(scene, ink)
    for _ in range(4):
        x, y = scene.between(0.1, 0.9) * canvas.width, scene.between(0.1, 0.9) * canvas.height
        points = [
            (x + size * scene.between(-0.14, 0.14), y + size * scene.between(-0.14, 0.14))
            for _ in range(3)
        ]
        _lay(scene, points, inks[int(scene.rng.integers(len(inks)))], 0.75)


def _lines(scene: Scene, ink: Colour) -> None:
    canvas = scene.canvas
    stencil = Stencil(canvas, scale=3)
    for _ in range(6):
        x, y = scene.between(0, 1) * canvas.width, scene.between(0, 1) * canvas.height
        angle, length = scene.between(0, math.pi), canvas.size * scene.between(0.2, 0.8)
        end = (x + math.cos(angle) * length, y + math.sin(angle) * length)
        stencil.line([(x, y), end], canvas.size * scene.between(0.0015, 0.005))
    t = np.linspace(0, 1, 80)
    wave = canvas.height * (scene.between(0.3, 0.7) + 0.10 * np.sin(t * 17) * np.sin(t * 3.1))
    stencil.line(np.column_stack([t * canvas.width, wave]), canvas.size * 0.004)
    canvas.stamp(stencil.cut(), ink)


_DUSK = 0.3  # darkness from which the ground is the night's


def paint_flow(scene: Scene) -> None:
    """Comb thousands of threads through an unseen current."""
    canvas, size, palette = scene.canvas, scene.canvas.size, scene.palette
    deep = shade(palette.top, 0.35) if palette.darkness > _DUSK else shade(palette.near, 0.7)
    canvas.pixels[:] = planes(deep)
    current = fbm(scene.rng, canvas.shape, size / 1.3, 2) * 1.5
    tone_map = fbm(scene.rng, canvas.shape, size / 2.2, 2)
    hues = [*palette.accents, palette.glow]
    order = np.array([0, 1, 0, 3, 4])
    sheets = [Stencil(canvas, scale=2) for _ in hues]
    step = size * 0.014
    places = scene.rng.random((1900, 2)) * (canvas.width, canvas.height)
    angle0 = scene.between(-0.6, 0.6)
    paths = [places]
    for _ in range(22):
        at = paths[-1]
        rows = at[:, 1].astype(int).clip(0, canvas.height - 1)
        columns = at[:, 0].astype(int).clip(0, canvas.width - 1)
        angle = angle0 + current[rows, columns]
        paths.append(at + step * np.column_stack([np.cos(angle), np.sin(angle)]))
    trails = np.stack(paths, axis=1)
    middle = trails[:, 11].astype(int)
    tones = tone_map[
        middle[:, 1].clip(0, canvas.height - 1), middle[:, 0].clip(0, canvas.width - 1)
    ]
    layer = order[
        np.clip((tones * 0.9 + 2.5 + scene.rng.normal(0, 0.5, len(tones))).astype(int), 0, 4)
    ]
    for trail, k, part in zip(trails, layer, scene.rng.random(len(trails)), strict=True):
        sheets[int(k)].line(trail, size * (0.0010 + 0.0055 * part**3), 0.35 + 0.65 * part)
    for sheet, hue in zip(sheets, hues, strict=True):
        canvas.stamp(sheet.cut(), hue)


def paint_mandala(scene: Scene) -> None:
    """Fold noise and rings into a flower of many mirrors."""
    canvas, size, palette = scene.canvas, scene.canvas.size, scene.palette
    y, x = canvas.grid()
    dx, dy = x - canvas.width / 2, y - canvas.height / 2
    radius = np.hypot(dx, dy) / (size * 0.5)
    count = int(scene.rng.choice([6, 8, 10, 12]))
    angle = np.arctan2(dy, dx) + (0.5 * radius if scene.reading.has("spiral") else 0.0)
    fold = np.abs(((angle / math.tau * count) % 1) - 0.5) * 2
    canvas.pixels[:] = planes(shade(palette.top, 0.5))
    hues = [*palette.accents]
    for k in range(13):
        ring = 1.15 - 0.088 * k
        wave = ring - 0.16 * ring * (
            fold ** scene.between(0.6, 2.2) if k % 2 else 1 - fold ** scene.between(0.6, 2.2)
        )
        edge = size * 0.5 * (wave - radius)
        tone = shade(hues[k % 4], scene.between(0.6, 1.15))
        canvas.lay(np.clip(edge + 0.5, 0, 1), tone)
        canvas.lay(np.exp(-((edge / (size * 0.0035)) ** 2)) * 0.8, mix(tone, palette.glow, 0.7))
        beads = np.exp(
            -(((radius - wave + 0.03) / 0.011) ** 2) - (((fold - 0.5) * ring * 9 / count * 6) ** 2)
        )
        canvas.shine(np.clip(beads, 0, 1), palette.glow)
    canvas.glow(canvas.width / 2, canvas.height / 2, size * 0.2, palette.glow, 0.5)


def paint_spiral(scene: Scene) -> None:
    """Draw everything into one turning vortex."""
    canvas, size, palette = scene.canvas, scene.canvas.size, scene.palette
    y, x = canvas.grid()
    dx, dy = (
        x - canvas.width * scene.between(0.42, 0.58),
        y - canvas.height * scene.between(0.42, 0.58),
    )
    radius = np.hypot(dx, dy) / (size * 0.5) + 1e-3
    warp = fbm(scene.rng, canvas.shape, size / 4, 4)
    phase = (
        np.arctan2(dy, dx) * 3 + 9 * np.log(radius) * (1 if scene.chance(0.5) else -1) + 0.30 * warp
    )
    hues = [
        palette.accents[0],
        palette.accents[1],
        palette.glow,
        palette.accents[2],
        shade(palette.top, 0.4),
    ]
    at = (phase / math.tau) % 1 * len(hues)
    picture = np.zeros_like(canvas.pixels)
    for k, hue in enumerate(hues):
        near = np.abs((at - k + len(hues) / 2) % len(hues) - len(hues) / 2)
        picture += planes(hue) * np.clip(1 - near, 0, 1)
    streaks = 0.86 + 0.14 * np.sin(phase * 9 + warp * 2)
    canvas.pixels[:] = np.clip(picture * streaks * (0.35 + 0.65 * smoothstep(0, 0.5, radius)), 0, 1)
    canvas.glow(
        float(x[0, 0] - dx[0, 0]), float(y[0, 0] - dy[0, 0]), size * 0.12, palette.glow, 0.9
    )
