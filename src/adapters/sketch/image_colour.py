"""Colour in OKLab: the space in which equal steps look equal (Bjoern Ottosson, 2020)."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

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
