"""The palette: every colour of a picture, chosen from the words before anything is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from adapters.sketch.image_colour import Colour, from_hex, lab_of, mix, oklch, pull, shade
from adapters.sketch.image_mood import HOURS, Hour, Lch, Shift, hour_of, shifts_of
from adapters.sketch.image_pigments import PIGMENTS

if TYPE_CHECKING:
    from adapters.sketch.image_reading import Reading

_HARMONIES = ((0, 30, 180, 210), (0, 120, 240, 60), (0, 150, 210, 30), (0, 40, 80, 200))
_NEUTRAL = frozenset(
    [
        "black",
        "white",
        "grey",
        "gray",
        "silver",
        "pearl",
        "ivory",
        "cream",
        "charcoal",
        "obsidian",
        "beige",
    ]
)
_ROCK, _GREEN = ("mountain", "volcano", "cliff"), ("hill", "forest", "tree", "pine")
_SAND, _WET = ("desert", "table"), ("sea", "lake", "waterfall")
_OWN = 0.85
_AMBIENT, _LESSER, _BOUND, _LIT = 0.72, 0.60, 0.22, 0.08


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of one picture, all sRGB of shape (3,)."""

    hour: str
    darkness: float
    """0 by day, 1 by night."""
    sun_height: float
    """Of sun or moon, as a share of the sky above the horizon."""
    top: Colour
    middle: Colour
    low: Colour
    glow: Colour
    near: Colour
    far: Colour
    foliage: Colour
    ground: Colour
    water: Colour
    ink: Colour
    paper: Colour
    accents: tuple[Colour, Colour, Colour, Colour]


def pigment(word: str) -> Colour:
    """Give the colour that a word of the pigment table names."""
    return from_hex(PIGMENTS[word])


def _shifted(colour: Colour, shifts: list[Shift]) -> Colour:
    for shift in shifts:
        colour = shade(colour, shift.lightness, shift.chroma)
        if shift.weight:
            lab = lab_of(colour)
            chroma = max(0.05, float(np.hypot(lab[1], lab[2])))
            colour = pull(colour, oklch(float(lab[0]), chroma, shift.hue), shift.weight)
    return colour


def _accents(reading: Reading, hue: float) -> tuple[Colour, Colour, Colour, Colour]:
    offsets = _HARMONIES[reading.choice(len(_HARMONIES), salt=3)]
    levels = ((0.66, 0.17), (0.74, 0.14), (0.58, 0.16), (0.82, 0.12))
    fallback = [oklch(*levels[i], hue + offset) for i, offset in enumerate(offsets)]
    named = [pigment(word) for word in reading.colours[:4]]
    if len(named) == 1:
        named += [shade(named[0], 0.62), shade(named[0], 1.25, 0.8)]
    elif named:
        named += [mix(named[0], named[1], 0.5), shade(named[0], 1.25, 0.7)]
    first, second, third, fourth = (*named, *fallback)[:4]
    return first, second, third, fourth


class _Tint:
    """How the prompt's colour words and moods change a colour of the hour."""

    def __init__(self, reading: Reading) -> None:
        self._shifts = shifts_of(reading)
        bound = set(reading.bound.values())
        light = reading.bound.get("light")
        free = [word for word in reading.colours if word not in bound]
        words = ([light] if light else []) + free + [w for w in reading.colours if w in bound]
        words = list(dict.fromkeys(words))
        chosen = next((word for word in words if word not in _NEUTRAL), words[0] if words else None)
        self._main = pigment(chosen) if chosen else None
        self._weight = _AMBIENT if chosen in free else _BOUND if chosen in bound else _LESSER
        self._lit_only = chosen is not None and chosen == light
        self._turn = (reading.choice(1000) / 1000 - 0.5) * 24

    def __call__(self, lch: Lch, share: float = 1.0, *, sky: bool = False) -> Colour:
        """Tint one colour; a colour that belongs to the light alone barely touches the rest."""
        colour = _shifted(oklch(lch[0], lch[1], lch[2] + self._turn), self._shifts)
        if self._main is None:
            return colour
        weight = _LIT if self._lit_only and not sky else self._weight
        return pull(colour, self._main, weight * share)


def _foliage(reading: Reading, darkness: float) -> Lch:
    season = reading.seasons[0] if reading.seasons else "summer"
    level = 0.52 - 0.26 * darkness
    table: dict[str, Lch] = {
        "spring": (level + 0.08, 0.12, 128),
        "summer": (level, 0.11, 140),
        "autumn": (level + 0.06, 0.13, 52),
        "winter": (level - 0.02, 0.03, 200),
    }
    return table[season]


def _owned(reading: Reading, things: tuple[str, ...], colour: Colour) -> Colour:
    """Give a ground the colour word that stands before it: green hills, a black sea."""
    words = [reading.bound[thing] for thing in things if thing in reading.bound]
    return pull(colour, pigment(words[0]), _OWN) if words else colour


def mix_palette(reading: Reading) -> Palette:
    """Choose every colour of the picture that a reading asks for."""
    name = hour_of(reading)
    hour: Hour = HOURS[name]
    tint = _Tint(reading)
    low = tint(hour.low, sky=True)
    near = _owned(reading, _ROCK, tint(hour.near, 0.8))
    main_hue = reading.choice(360, salt=1)
    return Palette(
        hour=name,
        darkness=min(1.0, hour.darkness + (0.25 if reading.has("storm") else 0.0)),
        sun_height=hour.height,
        top=tint(hour.top),
        middle=tint(hour.middle, 0.8, sky=True),
        low=low,
        glow=tint(hour.glow, 0.6, sky=True),
        near=near,
        far=_owned(reading, _ROCK, mix(low, tint(hour.middle), 0.45)),
        foliage=_owned(reading, _GREEN, tint(_foliage(reading, hour.darkness), 0.45)),
        ground=_owned(reading, _SAND, tint((0.55 - 0.3 * hour.darkness, 0.07, 75), 0.5)),
        water=_owned(reading, _WET, tint((0.42 - 0.22 * hour.darkness, 0.07, 230), 0.8)),
        ink=shade(near, 0.55),
        paper=tint((0.95, 0.02, 85), 0.3),
        accents=_accents(reading, float(main_hue)),
    )
