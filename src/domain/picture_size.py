"""Width and height of a picture, from its aspect ratio."""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

# Width divided by height. A picture that is only called vertical has the format of "portrait".
_WORDS = {
    "square": 1.0,
    "landscape": 4 / 3,
    "horizontal": 4 / 3,
    "portrait": 3 / 4,
    "vertical": 3 / 4,
    "upright": 3 / 4,
    "widescreen": 16 / 9,
    "wide": 16 / 9,
    "tall": 9 / 16,
    "panoramic": 21 / 9,
    "panorama": 21 / 9,
    "ultrawide": 21 / 9,
    "cinemascope": 2.39,
    "anamorphic": 2.39,
}
_NEGATIONS = frozenset({"no", "not", "non"})
_NUMBER = re.compile(r"\d{1,5}(?:\.\d{1,4})?")
_PAIR = re.compile(
    rf"(?<![\d.])({_NUMBER.pattern})\s*(?:[:x×*/|]|to|by)\s*({_NUMBER.pattern})(?![\d.]*\d|\s*[:x×*/]\s*\d)"
)
# These signs stand between the numbers of a ratio only where there are no others.
_LONE_PAIR = re.compile(
    rf"[\[(\s]*({_NUMBER.pattern})\s*(?:[-–—_;]|,\s+|,(?=[^\[(]*[\])]))\s*({_NUMBER.pattern})[^\d]*"
)
_OTHER_COLONS = str.maketrans({"\u2236": ":", "\ua789": ":", "÷": "/"})
_TOLERANCE = 1.05  # of two ratios that mean the same: 16:9 is often drawn as 1344 x 768
_MAX_PLAIN = 100  # greater numbers are sides in pixels
_MAX_RATIO = 4.0
_MAX_NUMBER = 10.0  # a larger number on its own is no ratio
_MAX_CACHED = 100  # characters of a text whose ratio is kept in memory


@dataclass(frozen=True, slots=True)
class PictureSize:
    """A width and a height, in pixels."""

    width: int
    height: int


@dataclass(frozen=True, slots=True)
class SizeRule:
    """The rule for sizes: a number of megapixels, with sides that are multiples of some pixels.

    Diffusion models are trained at about one megapixel (1024 x 1024) and need sides that are
    multiples of 64.

    Attributes:
        megapixels: the area, in units of 1024 x 1024 pixels.
        multiple: the number of pixels that both sides are multiples of.
        width: default for briefs without a width, in pixels.
        height: default for briefs without a height, in pixels.
        smallest: lower bound of a side, in pixels.
        largest: upper bound of a side, in pixels.
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
        """The size for an aspect ratio, or for explicit sides.

        Args:
            aspect_ratio: such as "16:9", "3x4", "1920x1080", "1.78" or "portrait"; anything
                unreadable counts as square, and ratios beyond 4:1 as 4:1.
            width: of the brief, in pixels; rounded to the multiple and bounded.
            height: of the brief, in pixels; rounded to the multiple and bounded.
        """
        ratio = min(max(read_ratio(aspect_ratio) or 1.0, 1 / _MAX_RATIO), _MAX_RATIO)
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
        lower = math.ceil(self.smallest / self.multiple)
        upper = max(lower, self.largest // self.multiple)
        width, height = (
            min(max(round(pixels / self.multiple), lower), upper) * self.multiple
            for pixels in (across_pixels, down_pixels)
        )
        return PictureSize(width, height)


def read_ratio(text: str) -> float | None:
    """Width divided by height, from numbers or words; None for text that is no ratio.

    Text with two readings is none: "16:9 or 4:3", "portrait 16:9", "not square".
    """
    return _cached_ratio(text) if len(text) <= _MAX_CACHED else _ratio(text)


def _ratio(text: str) -> float | None:
    text = _normalised(text)
    words = re.sub(r"\bultra[ -]wide", "ultrawide", text)
    named = [_WORDS[word] for word in re.findall(r"[a-z]+", words) if word in _WORDS]
    if not _NEGATIONS.isdisjoint(re.findall(r"[a-z]+", words)):
        return None
    pairs = _PAIR.findall(text) or _LONE_PAIR.findall(text)
    if pairs:
        ratios = [float(across) / float(down) if float(down) else 0.0 for across, down in pairs]
        agree = min(ratios) > 0 and max(ratios) <= min(ratios) * _TOLERANCE
        return ratios[0] if agree and (not named or _same_way(ratios[0], named)) else None
    if _NUMBER.fullmatch(text):
        return float(text) if 0 < float(text) <= _MAX_NUMBER else None
    # The word that says most: "wide landscape", "tall portrait".
    named.sort(key=lambda ratio: -abs(math.log(ratio)))
    return named[0] if named and all(_same_way(named[0], [ratio]) for ratio in named) else None


_cached_ratio = lru_cache(maxsize=256)(_ratio)  # briefs use the same few formats


def plain_ratio(text: str) -> str:
    """A ratio of two small numbers in its usual form: "16:9" for "16 : 9", "16-9" or "16x9"."""
    normalised = _normalised(text)
    pair = _PAIR.fullmatch(normalised) or _LONE_PAIR.fullmatch(normalised)
    bare = pair and normalised.strip("[]() ")[-1:].isdigit()
    if pair and bare and max(float(pair[1]), float(pair[2])) < _MAX_PLAIN:
        return f"{pair[1]}:{pair[2]}"
    return text


def _normalised(text: str) -> str:
    return unicodedata.normalize("NFKC", text).translate(_OTHER_COLONS).strip().lower()


def _same_way(ratio: float, named: list[float]) -> bool:
    """Whether a ratio is upright or level like those; "1:1 portrait" is a square portrait."""
    if ratio == 1:
        return len(set(named)) <= 1
    return all((other > 1) == (ratio > 1) and other != 1 for other in named)
