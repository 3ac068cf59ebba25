"""Plants: trees, a wood seen from inside, fields of flowers, blossom."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from sketch.image.canvas import Colour, Stencil, fbm, mix, oklch, profile, shade, smoothstep

if TYPE_CHECKING:
    from sketch.image.scene import Scene


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


def paint_forest(scene: Scene) -> None:
    """Stand inside a wood: trunks behind trunks in the haze, and light falling through."""
    canvas, palette, rng = scene.canvas, scene.palette, scene.rng
    ground = mix(palette.foliage, palette.near, 0.4)
    layers = 3 if scene.sparse else 6
    for i in range(layers):
        near = (i + 1) / layers
        stencil = Stencil(canvas)
        foot = scene.horizon + (canvas.height - scene.horizon) * near**1.6 * 0.85
        width = canvas.size * (0.008 + 0.058 * near**2)
        for x in rng.uniform(-0.02, 1.02, int((4 + 16 * (1 - near)) * canvas.width / canvas.size)):
            _trunk(scene, stencil, (x * canvas.width, foot + rng.normal(0, 3)), width)
        tone = mix(mix(palette.low, palette.foliage, 0.3), palette.ink, near**1.2)
        _floor(scene, foot, mix(mix(palette.low, ground, 0.5), shade(ground, 0.55), near))
        canvas.stamp(stencil.cut(), tone)
        _leaves(
            scene,
            near,
            mix(mix(palette.low, palette.foliage, 0.6), shade(palette.foliage, 0.55), near),
        )
        if i < layers - 1:
            veil = fbm(rng, canvas.shape, canvas.size / 3, 3, stretch=3)
            canvas.lay(smoothstep(-1.5, 2.5, veil) * 0.16, mix(palette.low, palette.glow, 0.4))
    _shafts(scene)


def _trunk(scene: Scene, stencil: Stencil, foot: tuple[float, float], width: float) -> None:
    x, y = foot
    width *= scene.between(0.6, 1.3)
    lean = scene.between(-0.03, 0.03) * y
    left = [(-0.95, y + width * 0.4), (-0.5, y - width * 2.5)]
    top, right = [(-0.36, 0.0), (0.36, 0.0)], [(-part, row) for part, row in reversed(left)]
    outline = [(x + part * width, row) for part, row in left]
    outline += [(x + lean + part * width, row) for part, row in top]
    stencil.polygon([*outline, *((x + part * width, row) for part, row in right)])
    for _ in range(3):
        at = scene.between(0.05, 0.7)
        side = 1 if scene.chance(0.5) else -1
        start = (x + lean * (1 - at), y * at)
        reach = width * scene.between(2, 5)
        bend = (start[0] + side * reach * 0.5, start[1] - reach * 0.25)
        stencil.line([start, bend, (start[0] + side * reach, start[1] - reach * 0.8)], width * 0.16)


def _floor(scene: Scene, foot: float, colour: Colour) -> None:
    canvas = scene.canvas
    line = foot + canvas.size * 0.02 * (profile(scene.rng, canvas.width, 12, 4) - 0.5)
    y, _ = canvas.grid()
    canvas.lay(np.clip((y - line.astype(np.float32)[None, :]) / 3, 0, 1), colour)


def _leaves(scene: Scene, near: float, colour: Colour) -> None:
    canvas = scene.canvas
    if "winter" in scene.reading.seasons:
        return
    y, _ = canvas.grid()
    lumps = fbm(scene.rng, canvas.shape, canvas.size * (0.05 + 0.11 * near), 5, gain=0.72)
    high = y / canvas.height / (0.62 - 0.22 * near)
    canvas.lay(smoothstep(0.15, 0.5, lumps + 1.0 - 1.9 * high) * 0.85, colour)


def _shafts(scene: Scene) -> None:
    canvas = scene.canvas
    y, x = canvas.grid()
    sx, sy = scene.sun[0], -0.15 * canvas.height
    angle = np.arctan2(x - sx, y - sy)
    rays = profile(scene.rng, 900, 26, 3).astype(np.float32)
    beam = rays[((angle / np.pi + 0.5) * 899).astype(np.intp).clip(0, 899)]
    fade = np.exp(-np.hypot(x - sx, y - sy) / (0.75 * canvas.size))
    light = smoothstep(0.5, 0.85, beam) * fade * (1 - 0.6 * scene.palette.darkness)
    canvas.shine(np.clip(light, 0, 1), scene.palette.glow)


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
