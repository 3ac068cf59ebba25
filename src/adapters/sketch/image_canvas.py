"""The canvas: colour laid through masks, and light added."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from adapters.sketch.image_colour import Colour, Field


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
