"""The scene that every painter is given: its light, its palette, its canvas and its randomness."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from sketch.image.canvas import Colour, from_hex, lab_of, mix, oklch, pull, shade
from sketch.image.reading import PIGMENTS

if TYPE_CHECKING:
    from sketch.image.canvas import Canvas
    from sketch.image.reading import Reading


Lch = tuple[float, float, float]
"""Lightness 0..1, chroma, hue in degrees."""


@dataclass(frozen=True, slots=True)
class Hour:
    """The light of one time of day."""

    top: Lch
    middle: Lch
    low: Lch
    glow: Lch
    near: Lch
    """The land closest to us."""
    darkness: float
    """0 at noon, 1 at midnight: how brightly windows and stars show."""
    height: float
    """Of the sun or moon over the horizon, as a share of the sky."""


HOURS: dict[str, Hour] = {
    "dawn": Hour(
        (0.60, 0.080, 275), (0.80, 0.085, 25), (0.92, 0.085, 75), (0.98, 0.06, 88),
        (0.30, 0.055, 280), 0.15, 0.14,
    ),
    "day": Hour(
        (0.50, 0.125, 254), (0.68, 0.105, 240), (0.87, 0.050, 215), (0.99, 0.03, 98),
        (0.36, 0.060, 165), 0.0, 0.68,
    ),
    "golden_hour": Hour(
        (0.62, 0.075, 255), (0.82, 0.075, 80), (0.92, 0.105, 82), (0.98, 0.08, 88),
        (0.30, 0.060, 60), 0.05, 0.24,
    ),
    "sunset": Hour(
        (0.38, 0.110, 295), (0.64, 0.165, 22), (0.86, 0.140, 68), (0.97, 0.10, 85),
        (0.19, 0.055, 305), 0.35, 0.10,
    ),
    "dusk": Hour(
        (0.25, 0.085, 278), (0.46, 0.120, 325), (0.74, 0.125, 42), (0.93, 0.08, 70),
        (0.14, 0.045, 285), 0.65, 0.10,
    ),
    "night": Hour(
        (0.13, 0.050, 268), (0.22, 0.070, 262), (0.36, 0.070, 248), (0.95, 0.025, 235),
        (0.10, 0.030, 262), 1.0, 0.66,
    ),
}  # fmt: skip
_FALLBACK_HOURS = ("day", "golden_hour", "sunset", "dawn", "dusk", "golden_hour")


@dataclass(frozen=True, slots=True)
class Shift:
    """A change of colour: lightness and chroma are multiplied, the hue is drawn to `hue`."""

    lightness: float = 1.0
    chroma: float = 1.0
    hue: float = 0.0
    weight: float = 0.0


SHIFTS: dict[str, Shift] = {
    "tranquil": Shift(1.02, 0.9),
    "joyful": Shift(1.05, 1.22),
    "melancholic": Shift(0.9, 0.66, 250, 0.25),
    "ominous": Shift(0.70, 0.72, 285, 0.2),
    "mysterious": Shift(0.86, 0.95, 300, 0.3),
    "romantic": Shift(1.0, 1.08, 5, 0.25),
    "energetic": Shift(0.98, 1.3),
    "storm": Shift(0.86, 0.45, 235, 0.4),
    "rain": Shift(0.82, 0.62, 245, 0.25),
    "fog": Shift(1.0, 0.62),
    "snow": Shift(1.02, 0.62, 245, 0.15),
    "spring": Shift(1.02, 1.0),
    "summer": Shift(1.02, 1.12),
    "autumn": Shift(0.98, 1.02, 60, 0.22),
    "winter": Shift(1.0, 0.65, 250, 0.2),
}


def hour_of(reading: Reading) -> str:
    """Choose the time of day: the one named, one that the scene implies, or one by the words."""
    allowed = [hour for hour in reading.hours if hour not in reading.banned]
    if allowed:
        return "golden_hour" if allowed[:2] == ["day", "golden_hour"] else allowed[0]
    implied = (
        ("night", reading.has("aurora", "star", "moon", "galaxy")),
        ("dusk", reading.has("storm")),
        ("day", reading.has("rain", "snow", "fog", "rainbow") or "summer" in reading.seasons),
        ("dawn", "spring" in reading.seasons),
        ("dusk", bool({"ominous", "melancholic"} & set(reading.moods))),
    )
    fallback = _FALLBACK_HOURS[reading.choice(len(_FALLBACK_HOURS))]
    return next((hour for hour, holds in implied if holds), fallback)


def shifts_of(reading: Reading) -> list[Shift]:
    """Give the colour changes that moods, weather and season ask for, strongest first."""
    names = (*reading.moods[:2], *reading.weathers, *reading.seasons[:1])
    return [SHIFTS[name] for name in names if name in SHIFTS]


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
