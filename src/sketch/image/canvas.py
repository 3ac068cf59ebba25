"""The canvas, and what every painter works with: colours, noise, masks and cut shapes.

Colours are mixed in OKLab, the space in which equal steps look equal (Bjoern Ottosson, 2020).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

Field: TypeAlias = npt.NDArray[np.floating[Any]]
"""Numbers over the picture, shape (height, width) in pixels, or (3, height, width) for a colour."""

Colour: TypeAlias = npt.NDArray[np.floating[Any]]
"""One colour, shape (3,): red, green, blue as sRGB shows them, each from 0 to 1."""

_TO_CONE = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
_FROM_CONE = np.linalg.inv(_TO_CONE)
_FROM_LAB = np.linalg.inv(_TO_LAB)
_SHOWN = 0.502  # from mid grey: what rounds to a colour of the screen
_GREY = 0.03  # chroma
_LINEAR_TOE = 0.04045
_LINEAR_TOE_INVERSE = 0.0031308


def lab_of(colour: Colour) -> Colour:
    """Give lightness, a and b of one sRGB colour, shape (3,)."""
    linear = np.where(
        colour <= _LINEAR_TOE, colour / 12.92, ((np.maximum(colour, 0) + 0.055) / 1.055) ** 2.4
    )
    lab: Colour = _TO_LAB @ np.cbrt(_TO_CONE @ linear)
    return lab


def _unclipped(lab: Colour) -> Colour:
    linear = _FROM_CONE @ (_FROM_LAB @ lab) ** 3
    bright = 1.055 * np.maximum(linear, _LINEAR_TOE_INVERSE) ** (1 / 2.4) - 0.055
    return np.where(linear <= _LINEAR_TOE_INVERSE, 12.92 * linear, bright)


def from_lab(lab: Colour) -> Colour:
    """Give the sRGB colour nearest to an OKLab one: chroma shrinks until a screen can show it."""
    lightness = min(max(float(lab[0]), 0.0), 1.0)
    colour = np.full(3, lightness)
    for chroma in np.linspace(1.0, 0.0, 21):
        colour = _unclipped(np.array([lightness, lab[1] * chroma, lab[2] * chroma]))
        if float(np.abs(colour - 0.5).max()) <= _SHOWN:
            break
    shown: Colour = np.clip(colour, 0.0, 1.0)
    return shown


def oklch(lightness: float, chroma: float, hue: float) -> Colour:
    """Give a colour by lightness (0..1), chroma (0..0.37) and hue (degrees)."""
    angle = math.radians(hue)
    return from_lab(np.array([lightness, chroma * math.cos(angle), chroma * math.sin(angle)]))


def from_hex(value: int) -> Colour:
    """Give the colour that 0xRRGGBB names."""
    return np.array([value >> 16 & 255, value >> 8 & 255, value & 255]) / 255


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """Mix two colours in OKLab; `share` (0..1) is how much of the other there is."""
    return from_lab(lab_of(one) * (1 - share) + lab_of(other) * share)


def shade(colour: Colour, lightness: float = 1.0, chroma: float = 1.0) -> Colour:
    """Multiply a colour's lightness and chroma, keeping its hue."""
    return from_lab(lab_of(colour) * np.array([lightness, chroma, chroma]))


def pull(colour: Colour, target: Colour, weight: float) -> Colour:
    """Draw a colour's hue to a target's by `weight` (0..1), keeping most of its own lightness.

    Black, white and grey have no hue: they take the chroma away and move the lightness instead.
    """
    lab, aim = lab_of(colour), lab_of(target)
    grey = math.hypot(float(aim[1]), float(aim[2])) < _GREY
    keep = 0.55 if grey else 0.8
    lightness = lab[0] + (aim[0] - lab[0]) * weight * (1 - keep)
    return from_lab(np.array([lightness, *(lab[1:] * (1 - weight) + aim[1:] * weight)]))


_SMOOTH = 12  # pixels: finer noise does not show how it was interpolated
_FINE = 4  # pixels: noise coarser than this is made at half size and enlarged


def enlarge(field: Field, height: int, width: int) -> Field:
    """Resize a field smoothly to (height, width) pixels."""
    picture = Image.fromarray(np.ascontiguousarray(field, dtype=np.float32))
    return np.asarray(picture.resize((width, height), Image.Resampling.BICUBIC))


def soften(field: Field, radius: float) -> Field:
    """Blur a field by about `radius` pixels."""
    height, width = field.shape
    factor = max(1, round(radius))
    picture = Image.fromarray(np.ascontiguousarray(field, dtype=np.float32))
    small = picture.resize(
        (max(1, width // factor), max(1, height // factor)), Image.Resampling.BOX
    )
    return np.asarray(small.resize((width, height), Image.Resampling.BICUBIC))


def blur_mask(mask: Field, radius: float) -> Field:
    """Blur a mask (0..1) evenly, without the grid that `soften` may leave; radius in pixels."""
    sheet = Image.fromarray((mask * 255).astype(np.uint8))
    return np.asarray(sheet.filter(ImageFilter.GaussianBlur(radius)), np.float32) / np.float32(255)


def smoothstep(low: float | Field, high: float | Field, field: Field) -> Field:
    """Rise from 0 at `low` to 1 at `high`, without corners."""
    t: Field = np.clip((field - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def _octave(rng: np.random.Generator, shape: tuple[int, int], cell: tuple[float, float]) -> Field:
    rows = max(1.0, shape[0] / cell[0])
    columns = max(1.0, shape[1] / cell[1])
    grid = rng.standard_normal((int(rows) + 4, int(columns) + 4), dtype=np.float32)
    left, top = rng.random(2)
    return np.asarray(
        Image.fromarray(grid).resize(
            (shape[1], shape[0]),
            Image.Resampling.BICUBIC if cell[0] > _SMOOTH else Image.Resampling.BILINEAR,
            box=(1 + left, 1 + top, 1 + left + columns, 1 + top + rows),
        )
    )


def fbm(
    rng: np.random.Generator,
    shape: tuple[int, int],
    cell: float,
    octaves: int = 4,
    *,
    stretch: float = 1.0,
    gain: float = 0.5,
) -> Field:
    """Make cloudy noise of `shape` (height, width), mean 0 and deviation about 1.

    `cell` is the size in pixels of its largest lumps, `stretch` how much wider than high they are.
    """
    fine = 2 if cell > _FINE else 1
    small = (max(1, -(-shape[0] // fine)), max(1, -(-shape[1] // fine)))
    total = np.zeros(small, np.float32)
    size, weight, power = cell / fine, 1.0, 0.0
    for _ in range(octaves):
        total += np.float32(weight) * _octave(rng, small, (size, size * stretch))
        power += weight * weight
        size, weight = max(1.0, size / 2), weight * gain
    total *= np.float32(1.35 / np.sqrt(power))
    if small == shape:
        return total
    picture = Image.fromarray(total)
    return np.asarray(picture.resize((shape[1], shape[0]), Image.Resampling.BILINEAR))


def folded(at: Field, size: int) -> npt.NDArray[np.intp]:
    """Turn places into indices 0..size-1, back and forth, so that a sheet repeats unseen."""
    index = at.astype(np.intp) % (2 * size)
    return np.where(index < size, index, 2 * size - 1 - index)


def profile(
    rng: np.random.Generator, width: int, lumps: float, octaves: int = 6, *, jagged: bool = False
) -> Field:
    """Make a skyline, shape (width,), values about 0..1: rolling, or with peaks when `jagged`."""
    x = np.linspace(0.0, 1.0, width)
    total = np.zeros(width)
    weight, power = 1.0, 0.0
    for _ in range(octaves):
        count = int(lumps) + 4
        at = x * lumps + rng.random()
        knots = rng.random(count)
        left = np.minimum(at.astype(int), count - 2)
        part = at - left
        if not jagged:
            part = part * part * (3 - 2 * part)
        total += weight * (knots[left] * (1 - part) + knots[left + 1] * part)
        power += weight
        lumps, weight = lumps * 2.1, weight * (0.46 if jagged else 0.34)
    return total / power


@dataclass(frozen=True, slots=True)
class Cut:
    """A mask (0..1) and the part of the canvas that it covers."""

    mask: Field
    rows: slice
    columns: slice


def planes(colour: Colour | Field) -> Field:
    """Give a colour as float32 of shape (3, 1, 1), or a colour field as it is."""
    value = np.asarray(colour, np.float32)
    return value[:, None, None] if value.ndim == 1 else value


class Canvas:
    """Pixels under the brush: `pixels` has shape (3, height, width), sRGB from 0 to 1."""

    def __init__(self, width: int, height: int) -> None:
        """Take a black canvas of the given size in pixels."""
        self.width = width
        self.height = height
        self.pixels: Field = np.zeros((3, height, width), np.float32)

    @property
    def size(self) -> float:
        """The side of a square of about the canvas's area, held to its shape, in pixels."""
        area = float(np.sqrt(self.width * self.height))
        return min(area, 1.5 * min(self.width, self.height))

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return (self.height, self.width)

    def grid(self) -> tuple[Field, Field]:
        """Give the pixel centres as y, shape (height, 1), and x, shape (1, width)."""
        y = np.arange(self.height, dtype=np.float32)[:, None]
        return y, np.arange(self.width, dtype=np.float32)[None, :]

    def lay(
        self,
        mask: Field | float,
        colour: Colour | Field,
        rows: slice = slice(None),
        columns: slice = slice(None),
    ) -> None:
        """Cover the canvas with a colour (or a picture of the region's size) through a mask."""
        region = self.pixels[:, rows, columns]
        region += (planes(colour) - region) * np.asarray(mask, np.float32)

    def shine(
        self,
        light: Field,
        colour: Colour | Field,
        rows: slice = slice(None),
        columns: slice = slice(None),
    ) -> None:
        """Add light of a colour: bright stays below white."""
        region = self.pixels[:, rows, columns]
        region += (1 - region) * planes(colour) * np.asarray(light, np.float32)

    def stamp(self, cut: Cut, colour: Colour | Field, opacity: float = 1.0) -> None:
        """Lay a colour through a cut shape."""
        mask = cut.mask if opacity == 1.0 else cut.mask * np.float32(opacity)
        self.lay(mask, colour, cut.rows, cut.columns)

    def glow(self, x: float, y: float, radius: float, colour: Colour, strength: float) -> None:
        """Add a round light that fades over `radius` pixels."""
        reach = int(radius * 3)
        top, bottom = max(0, int(y) - reach), min(self.height, int(y) + reach + 1)
        left, right = max(0, int(x) - reach), min(self.width, int(x) + reach + 1)
        if top >= bottom or left >= right:
            return
        up = np.arange(top, bottom, dtype=np.float32)[:, None] - np.float32(y)
        along = np.arange(left, right, dtype=np.float32)[None, :] - np.float32(x)
        near = np.exp(-np.sqrt(up * up + along * along) * np.float32(2.0 / radius))
        edge = np.float32(np.exp(-6.0))
        light = np.maximum(near - edge, 0) * np.float32(strength)
        self.shine(light, colour, slice(top, bottom), slice(left, right))


Points: TypeAlias = Sequence[tuple[float, float]] | Field
"""Places on the canvas in pixels, x before y."""


class Stencil:
    """A shape being cut, in the canvas's pixel coordinates; edges are smooth."""

    def __init__(
        self, canvas: Canvas, box: tuple[float, float, float, float] | None = None, scale: int = 2
    ) -> None:
        """Work inside `box` (left, top, right, bottom) in pixels, or on the whole canvas."""
        left, top, right, bottom = box or (0, 0, canvas.width, canvas.height)
        self._left = min(max(0, int(left) - 1), canvas.width - 1)
        self._top = min(max(0, int(top) - 1), canvas.height - 1)
        self._width = max(1, min(canvas.width, int(right) + 2) - self._left)
        self._height = max(1, min(canvas.height, int(bottom) + 2) - self._top)
        self._scale = scale
        self._sheet = Image.new("L", (self._width * scale, self._height * scale))
        self._draw = ImageDraw.Draw(self._sheet)

    def _at(self, points: Points) -> list[tuple[float, float]]:
        moved = (np.asarray(points, float) - (self._left, self._top)) * self._scale
        return [(float(x), float(y)) for x, y in moved]

    def polygon(self, points: Points, value: float = 1.0) -> None:
        """Fill a polygon; a value of 0 cuts a hole."""
        self._draw.polygon(self._at(points), fill=round(255 * value))

    def line(self, points: Points, width: float, value: float = 1.0) -> None:
        """Draw a line of `width` pixels through points."""
        thick = max(1, round(width * self._scale))
        self._draw.line(self._at(points), fill=round(255 * value), width=thick, joint="curve")

    def ellipse(self, x: float, y: float, across: float, up: float, value: float = 1.0) -> None:
        """Fill an ellipse with half-axes `across` and `up` pixels."""
        corners = self._at([(x - abs(across), y - abs(up)), (x + abs(across), y + abs(up))])
        self._draw.ellipse((*corners[0], *corners[1]), fill=round(255 * value))

    def cut(self) -> Cut:
        """Give what was drawn."""
        sheet = self._sheet.reduce(self._scale) if self._scale > 1 else self._sheet
        mask = np.asarray(sheet, np.float32) / np.float32(255)
        rows = slice(self._top, self._top + self._height)
        return Cut(mask, rows, slice(self._left, self._left + self._width))


def curve(points: Points, steps: int = 8, *, closed: bool = True) -> Field:
    """Give a smooth outline through points (Catmull-Rom), shape (n, 2)."""
    knots = np.asarray(points, float)
    if closed:
        knots = np.vstack([knots[-1], knots, knots[:2]])
    else:
        knots = np.vstack([knots[:1], knots, knots[-1:]])
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    parts = []
    for i in range(len(knots) - 3):
        a, b, c, d = knots[i : i + 4]
        parts.append(
            0.5
            * (
                2 * b
                + (c - a) * t
                + (2 * a - 5 * b + 4 * c - d) * t**2
                + (3 * b - a - 3 * c + d) * t**3
            )
        )
    return np.vstack([*parts, knots[-2:-1]])
