"""How an aspect ratio becomes a width and a height."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

_NAMED = {
    "square": 1.0,
    "landscape": 4 / 3,
    "portrait": 3 / 4,
    "widescreen": 16 / 9,
    "wide": 16 / 9,
}
_NUMBER = re.compile(r"\d{1,5}(?:\.\d{1,4})?")
_PAIR = re.compile(rf"({_NUMBER.pattern})\s*(?:[:x×/]|to|by)\s*({_NUMBER.pattern})")
_STEEPEST = 4.0
_LARGEST_NUMBER = 10.0  # a lone number beyond it is no ratio


@dataclass(frozen=True, slots=True)
class PictureSize:
    """A width and a height, in pixels."""

    width: int
    height: int


@dataclass(frozen=True, slots=True)
class SizeRule:
    """The rule: about so many megapixels, both sides multiples of a number of pixels.

    Diffusion models are trained around one megapixel (1024 x 1024) and want sides that are
    multiples of 64.

    Attributes:
        megapixels: of 1024 x 1024 pixels.
        multiple: in pixels.
        width: of every picture whose brief names no width itself, in pixels.
        height: likewise.
        smallest: bound of a side, in pixels.
        largest: bound of a side, in pixels.
    """

    megapixels: float = 1.0
    multiple: int = 64
    width: int | None = None
    height: int | None = None
    smallest: int = 256
    largest: int = 4096

    def size(
        self, aspect_ratio: str, width: int | None = None, height: int | None = None
    ) -> PictureSize:
        """The size for an aspect ratio, or for the sides that are named.

        Args:
            aspect_ratio: "16:9", "3x4", "1920x1080", "1.78", "portrait"; anything that cannot
                be read counts as a square. Ratios beyond 4:1 are taken as 4:1.
            width: that the brief names, in pixels; rounded to the multiple and bounded.
            height: likewise.
        """
        ratio = ratio_of(aspect_ratio)
        across, down = width or self.width, height or self.height
        pixels = self.megapixels * 1024 * 1024
        if across is None:
            across_pixels = down * ratio if down else math.sqrt(pixels * ratio)
        else:
            across_pixels = across
        if down is None:
            down_pixels = across / ratio if across else math.sqrt(pixels / ratio)
        else:
            down_pixels = down
        return PictureSize(self._side(across_pixels), self._side(down_pixels))

    def _side(self, pixels: float) -> int:
        least = math.ceil(self.smallest / self.multiple)
        most = max(least, self.largest // self.multiple)
        return min(max(round(pixels / self.multiple), least), most) * self.multiple


def ratio_of(aspect_ratio: str) -> float:
    """Width over height, between 1/4 and 4; 1 when nothing can be read."""
    text = aspect_ratio.strip().lower()
    return min(max(_read(text), 1 / _STEEPEST), _STEEPEST)


def _read(text: str) -> float:
    if pair := _PAIR.search(text):
        across, down = float(pair[1]), float(pair[2])
        return across / down if across and down else 1.0
    if _NUMBER.fullmatch(text):
        number = float(text)
        return number if 0 < number <= _LARGEST_NUMBER else 1.0
    for word in text.split():
        if word in _NAMED:
            return _NAMED[word]
    return 1.0
