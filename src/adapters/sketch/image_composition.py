"""Composition: which painters make each kind of picture, and in what order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters.sketch import (
    image_abstract,
    image_cosmos,
    image_fire,
    image_forest,
    image_patterns,
    image_portrait,
    image_sky,
    image_still_life,
    image_street,
    image_underwater,
    image_weather,
)
from adapters.sketch.image_landscape import landscape, sky_painters
from adapters.sketch.image_placing import paint_figures
from adapters.sketch.image_setting import setting_of

if TYPE_CHECKING:
    from adapters.sketch.image_reading import Reading
    from adapters.sketch.image_scene import Painter


@dataclass(frozen=True, slots=True)
class Composition:
    """The plan of a picture."""

    setting: str
    horizon: float
    """Row of the horizon as a share of the height."""
    painters: tuple[Painter, ...]


def compose(reading: Reading) -> Composition:
    """Plan the picture that a reading asks for."""
    setting = setting_of(reading)
    plans: dict[str, tuple[float, list[Painter]]] = {
        "portrait": (
            0.5,
            [image_sky.paint_sky, image_portrait.paint_smoke, image_portrait.paint_head],
        ),
        "still_life": (0.60, [image_still_life.paint_room, image_still_life.paint_things]),
        "cosmos": _cosmos(reading),
        "street": (
            0.52,
            [*sky_painters(reading, clouds=False), image_street.paint_street, paint_figures],
        ),
        "underwater": (
            0.9,
            [
                image_underwater.paint_depth,
                image_underwater.paint_reef,
                image_underwater.paint_shoal,
            ],
        ),
        "forest": (0.62, [image_sky.paint_sky, image_forest.paint_forest, paint_figures]),
        "fire": (0.86, [*sky_painters(reading, clouds=False), image_fire.paint_fire]),
        "abstract": (0.5, [_abstract(reading)]),
    }
    horizon, painters = plans[setting] if setting in plans else landscape(reading)
    return Composition(setting, horizon, (*painters, *_weather(reading, setting)))


def _abstract(reading: Reading) -> Painter:
    if reading.has("mandala"):
        return image_patterns.paint_mandala
    if "constructivism" in reading.styles:
        return image_abstract.paint_construction
    if reading.has("spiral"):
        return image_patterns.paint_spiral
    if reading.has("geometric"):
        options = (image_abstract.paint_circles, image_abstract.paint_construction)
        return options[reading.choice(2, salt=5)]
    if reading.has("flow"):
        return image_patterns.paint_flow
    every = (
        image_abstract.paint_circles,
        image_patterns.paint_flow,
        image_abstract.paint_construction,
    )
    return every[reading.choice(3, salt=5)]


def _cosmos(reading: Reading) -> tuple[float, list[Painter]]:
    painters: list[Painter] = [
        image_sky.paint_sky,
        image_cosmos.paint_nebula,
        image_sky.paint_stars,
    ]
    if reading.has("galaxy") and not reading.has("planet", "astronaut"):
        return 1.0, [*painters, image_cosmos.paint_galaxy]
    painters.append(image_cosmos.paint_planets)
    if reading.has("astronaut", "person", "desert", "mountain"):
        return 0.66, [*painters, image_cosmos.paint_ground, paint_figures]
    return 1.0, painters


def _weather(reading: Reading, setting: str) -> list[Painter]:
    if setting in {"portrait", "still_life", "cosmos", "underwater", "abstract"}:
        return []
    painters: list[Painter] = []
    if reading.has("fog"):
        painters.append(image_weather.paint_mist)
    if reading.has("rain") or (reading.has("storm") and reading.allows("rain")):
        painters.append(image_weather.paint_rain)
    if reading.has("snow"):
        painters.append(image_weather.paint_snowfall)
    return painters
