"""A portrait: a head in profile, lit at its edge, with a world inside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sketch.image.canvas import (
    Field,
    Stencil,
    blur_mask,
    curve,
    fbm,
    mix,
    oklch,
    shade,
    smoothstep,
    soften,
)

if TYPE_CHECKING:
    from sketch.image.scene import Scene


# Facing left; x runs right from the line of the eyes, y down; the head is 1 high.
_FACE = (
    (-0.30, 1.72), (-0.06, 1.48), (0.02, 1.28), (0.03, 1.12), (0.00, 1.035), (-0.10, 1.005),
    (-0.175, 0.975), (-0.205, 0.925), (-0.185, 0.870), (-0.190, 0.850), (-0.222, 0.825),
    (-0.200, 0.797), (-0.232, 0.768), (-0.215, 0.722), (-0.262, 0.708), (-0.300, 0.672),
    (-0.262, 0.600), (-0.215, 0.505), (-0.222, 0.455), (-0.235, 0.400), (-0.222, 0.300),
    (-0.165, 0.165), (-0.05, 0.055), (0.14, -0.005), (0.38, 0.025), (0.57, 0.17), (0.655, 0.40),
    (0.61, 0.66), (0.50, 0.86), (0.455, 1.06), (0.50, 1.26), (0.78, 1.42), (1.12, 1.62),
    (1.32, 2.3), (-0.62, 2.3), (-0.52, 1.92),
)  # fmt: skip


class _Head:
    """Where the head stands: its top left corner and its height in pixels."""

    def __init__(self, scene: Scene) -> None:
        canvas = scene.canvas
        self.tall = min(canvas.height * 0.56, canvas.width * 0.62)
        self.top = canvas.height * 0.12
        self.mirror = -1.0 if scene.chance(0.5) else 1.0
        self.left = canvas.width * 0.5 - self.mirror * 0.17 * self.tall

    def at(self, *points: tuple[float, float]) -> list[tuple[float, float]]:
        return [
            (self.left + self.mirror * x * self.tall, self.top + y * self.tall) for x, y in points
        ]


def paint_smoke(scene: Scene) -> None:
    """Fill the ground behind a head with smoke and two lights."""
    canvas, palette = scene.canvas, scene.palette
    dark = shade(palette.top, 0.42)
    canvas.lay(0.84, dark)
    light = scene.colour_of("light", palette.accents[0])
    canvas.glow(canvas.width * 0.22, canvas.height * 0.25, canvas.size * 0.55, light, 0.62)
    canvas.glow(
        canvas.width * 0.85, canvas.height * 0.6, canvas.size * 0.5, palette.accents[1], 0.40
    )
    base = fbm(scene.rng, canvas.shape, canvas.size / 2.2, 4)
    smoke = fbm(scene.rng, canvas.shape, canvas.size / 3, 5, stretch=1.7)
    wisps = np.exp(-((smoke + 0.5 * base) ** 2) * 5)
    canvas.shine(np.clip(wisps * 0.28, 0, 1), mix(light, palette.glow, 0.25))
    canvas.lay(smoothstep(0.2, 2.2, base) * 0.45, dark)


def paint_head(scene: Scene) -> None:
    """Cut the head, model it with light, and draw its few lines."""
    canvas = scene.canvas
    head = _Head(scene)
    face = Stencil(canvas)
    face.polygon(curve(head.at(*_FACE), 6))
    hair = Stencil(canvas)
    _hair(scene, hair, head)
    mask, locks = face.cut().mask, hair.cut().mask
    both = np.maximum(mask, locks)
    key, rim = _light(both, head)
    _flesh(scene, mask, key, head)
    _strands(scene, locks, head)
    light = scene.colour_of("light", scene.palette.accents[0])
    canvas.shine(np.clip(rim * 0.95, 0, 1), mix(light, scene.palette.glow, 0.45))
    _features(scene, head)
    if scene.reading.has("music"):
        _microphone(scene, head)


def _light(mask: Field, head: _Head) -> tuple[Field, Field]:
    """Give soft modelling (-1..1) and a bright rim (0..1) from the blurred silhouette."""
    key = np.zeros_like(mask)
    for part, share in ((0.03, 0.5), (0.09, 0.9), (0.2, 1.4)):
        blurred = soften(mask, head.tall * part)
        down, right = np.gradient(blurred)
        key = key + (head.mirror * right + 0.45 * down) * (head.tall * part * share)
    narrow = blur_mask(mask, head.tall * 0.007)
    down, right = np.gradient(narrow)
    edge = np.clip((head.mirror * right + 0.3 * down) * head.tall * 0.022, 0, 1)
    return np.clip(key * 1.25, -1, 1), np.clip(edge * mask * 2.2, 0, 1)


def _flesh(scene: Scene, mask: Field, key: Field, head: _Head) -> None:
    canvas, palette = scene.canvas, scene.palette
    y, x = canvas.grid()
    dark = shade(palette.top, 0.38)
    light = mix(scene.colour_of("light", palette.accents[0]), palette.glow, 0.3)
    tone = fbm(scene.rng, canvas.shape, head.tall / 3, 5)
    swirl = np.sin(tone * 2.4 + (x - y * 0.6) / (head.tall * 0.045))
    body = smoothstep(-0.25, 0.85, key)
    dim, lit = (c.astype(np.float32)[:, None, None] for c in (dark, light))
    picture = dim + (lit - dim) * body * 0.92
    second = palette.accents[1].astype(np.float32)[:, None, None]
    inner = smoothstep(0.3, -0.5, key) * 0.30 * (0.6 + 0.4 * tone)
    picture = picture + (second - picture) * np.clip(inner, 0, 1)
    cloth = smoothstep(head.top + 1.28 * head.tall, head.top + 1.55 * head.tall, y + x * 0)
    picture = picture * (1 - 0.5 * cloth)
    picture = picture + np.clip(swirl * cloth * 0.05, -0.1, 0.1)
    canvas.lay(mask, np.clip(picture, 0, 1))


def _hair(scene: Scene, stencil: Stencil, head: _Head) -> None:
    cap = [
        (-0.20, 0.30),
        (-0.165, 0.13),
        (-0.03, -0.02),
        (0.16, -0.065),
        (0.42, -0.04),
        (0.62, 0.12),
        (0.71, 0.38),
    ]
    kind = scene.rng.integers(3)
    if kind == 0:
        cap += [(0.72, 0.7), (0.66, 1.0), (0.74, 1.35), (0.55, 1.5), (0.40, 1.25), (0.34, 0.85)]
    else:
        cap += [(0.66, 0.66), (0.54, 0.86), (0.42, 0.84)]
    cap += [(0.27, 0.72), (0.22, 0.52), (0.12, 0.40), (-0.02, 0.30), (-0.12, 0.27)]
    stencil.polygon(curve(head.at(*cap), 6))
    if kind == 1:
        bx, by = head.at((0.72, 0.14))[0]
        stencil.ellipse(bx, by, head.tall * 0.17, head.tall * 0.16)


def _strands(scene: Scene, mask: Field, head: _Head) -> None:
    canvas, palette = scene.canvas, scene.palette
    y, x = canvas.grid()
    cx, cy = head.at((0.16, 0.52))[0]
    away = np.hypot(x - cx, y - cy) / head.tall
    drift = fbm(scene.rng, canvas.shape, head.tall / 4, 3)
    angle = np.arctan2(y - cy, (x - cx) * head.mirror)
    lines = np.sin(away * 95 + drift * 4 + angle * 3)
    shine = np.exp(-(((angle + 2.0) / 0.55) ** 2))
    tone = scene.colour_of("hair", shade(palette.top, 0.26)).astype(np.float32)[:, None, None]
    glow = mix(palette.accents[0], palette.glow, 0.2).astype(np.float32)[:, None, None]
    level = np.clip(0.10 + 0.10 * lines + shine * (0.26 + 0.26 * lines), 0, 1)
    canvas.lay(mask, tone + (glow - tone) * level)


def _features(scene: Scene, head: _Head) -> None:
    canvas, palette = scene.canvas, scene.palette
    ink = shade(palette.top, 0.18)
    lines = Stencil(canvas, scale=3)
    fine = head.tall * 0.008
    lid = curve(
        head.at((-0.165, 0.535), (-0.135, 0.556), (-0.09, 0.556), (-0.045, 0.532)), closed=False
    )
    lines.line(lid, fine * 1.3)
    for t in (0.0, 0.3, 0.6):
        lines.line(
            head.at((-0.165 + 0.05 * t, 0.537 + 0.02 * t), (-0.20 + 0.06 * t, 0.560 + 0.025 * t)),
            fine * 0.7,
        )
    brow = head.at((-0.195, 0.452), (-0.14, 0.425), (-0.06, 0.432), (0.0, 0.462))
    lines.line(curve(brow, closed=False), fine * 2.2)
    lines.line(curve(head.at((-0.20, 0.797), (-0.15, 0.803), (-0.115, 0.795)), closed=False), fine)
    lines.line(
        curve(head.at((-0.22, 0.715), (-0.185, 0.700), (-0.175, 0.675)), closed=False), fine * 0.8
    )
    ear = head.at(
        (0.25, 0.52), (0.31, 0.50), (0.34, 0.56), (0.31, 0.65), (0.265, 0.71), (0.25, 0.68)
    )
    lines.line(curve(ear, closed=False), fine)
    canvas.stamp(lines.cut(), ink, 0.82)
    jaw = Stencil(canvas, scale=3)
    jaw.line(
        curve(head.at((-0.06, 0.985), (0.10, 0.93), (0.21, 0.83), (0.25, 0.72)), closed=False), fine
    )
    canvas.stamp(jaw.cut(), ink, 0.35)
    mouth = Stencil(canvas, scale=3)
    mouth.polygon(
        curve(
            head.at(
                (-0.226, 0.775), (-0.205, 0.762), (-0.12, 0.795), (-0.205, 0.842), (-0.222, 0.825)
            )
        )
    )
    canvas.stamp(mouth.cut(), oklch(0.45, 0.15, 20), 0.35)


def _microphone(scene: Scene, head: _Head) -> None:
    canvas, palette = scene.canvas, scene.palette
    (cx, cy), (sx, sy) = head.at((-0.43, 0.86), (-0.47, 2.2))
    size = head.tall * 0.115
    stand = Stencil(canvas, scale=3)
    stand.line([(cx, cy + size), (sx, sy)], size * 0.14)
    canvas.stamp(stand.cut(), shade(palette.top, 0.3))
    body = Stencil(canvas, scale=3)
    body.ellipse(cx, cy, size * 0.74, size)
    steel = mix(oklch(0.80, 0.01, 250), palette.accents[0], 0.25)
    cut = body.cut()
    y, x = canvas.grid()
    across = (x - cx) / (size * 0.74)
    ribs = 0.62 + 0.38 * smoothstep(-0.2, 0.5, np.sin((y - cy) / size * 19))
    level = np.clip(1.0 - 0.62 * np.abs(across + 0.35 * head.mirror), 0.12, 1) * ribs
    canvas.stamp(cut, steel[:, None, None] * level)
    band = Stencil(canvas, scale=3)
    band.line([(cx - size * 0.78, cy), (cx + size * 0.78, cy)], size * 0.16)
    canvas.stamp(band.cut(), shade(steel, 0.5))
    canvas.glow(cx - head.mirror * size * 0.3, cy - size * 0.5, size * 0.6, palette.glow, 0.45)
