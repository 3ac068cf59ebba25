"""What hour, weather, season and mood do to light and colour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from adapters.sketch.image_reading import Reading

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
    """Give the colour changes that moods, weather and season ask for, strongest wishes first."""
    names = (*reading.moods[:2], *reading.weathers, *reading.seasons[:1])
    return [SHIFTS[name] for name in names if name in SHIFTS]
