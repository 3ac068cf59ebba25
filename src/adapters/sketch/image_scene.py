"""A scene: what every painter is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from adapters.sketch.image_palette import Palette, pigment

if TYPE_CHECKING:
    import numpy as np

    from adapters.sketch.image_canvas import Canvas
    from adapters.sketch.image_colour import Colour
    from adapters.sketch.image_reading import Reading


@dataclass(slots=True)
class Scene:
    """The canvas being painted, and all that a painter may ask."""

    canvas: Canvas
    palette: Palette
    reading: Reading
    rng: np.random.Generator
    horizon: float
    """Row of the horizon in pixels."""
    sun: tuple[float, float]
    """Where the light stands, x and y in pixels."""

    @property
    def sparse(self) -> bool:
        """Whether the style asks for few elements."""
        return "minimal" in self.reading.styles

    def chance(self, share: float) -> bool:
        """Say yes in `share` (0..1) of all seeds."""
        return bool(self.rng.random() < share)

    def between(self, low: float, high: float) -> float:
        """Give a number of this seed between two bounds."""
        return float(self.rng.uniform(low, high))

    def colour_of(self, thing: str, otherwise: Colour) -> Colour:
        """Give the colour that the prompt puts before a thing, or another."""
        word = self.reading.bound.get(thing)
        return pigment(word) if word else otherwise


Painter: TypeAlias = Callable[[Scene], None]
"""Adds one subject to the scene's canvas."""
