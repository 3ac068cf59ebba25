"""Shapes with soft edges: polygons, lines and curves cut into masks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from PIL import Image, ImageDraw

from adapters.sketch.image_canvas import Canvas, Cut
from adapters.sketch.image_colour import Field

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
