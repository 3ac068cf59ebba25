"""Composition: which painters make each kind of picture, and in what order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sketch.image import abstract, city, land, plants, portrait, sky, still_life, worlds
from sketch.image.buildings import draw_bridge, paint_road
from sketch.image.figures import paint_birds, paint_figures, paint_landmarks
from sketch.image.reading import setting_of

if TYPE_CHECKING:
    from sketch.image.reading import Reading
    from sketch.image.scene import Painter


LANDS = ("mountain", "sea", "hill", "lake", "desert")
"""Grounds a landscape can stand on."""


def sky_painters(reading: Reading, *, clouds: bool = True) -> list[Painter]:
    """Give what stands in the sky, in painting order."""
    night = "night" in reading.hours or reading.has("moon", "star", "aurora")
    painters: list[Painter] = [sky.paint_sky, sky.paint_stars]
    if reading.has("galaxy") or (night and reading.has("star")):
        painters.append(sky.paint_band)
    if reading.has("aurora"):
        painters.append(sky.paint_aurora)
    hidden = reading.has("storm", "rain", "fog") or not clouds
    if night and reading.allows("moon") and not hidden:
        painters.append(sky.paint_moon)
    elif not night and reading.allows("sun") and not hidden:
        painters.append(sky.paint_sun)
    if clouds and reading.allows("cloud") and "clear" not in reading.weathers:
        painters.append(sky.paint_clouds)
    if reading.has("storm"):
        painters.append(sky.paint_storm)
    if reading.has("rainbow"):
        painters.append(sky.paint_rainbow)
    return painters


def _lands(reading: Reading) -> list[str]:
    """Give the grounds that a landscape stands on, filling in what the words leave open."""
    named = [name for name in LANDS if reading.has(name)]
    if reading.has("lighthouse", "boat", "cliff", "palm", "whale") and not {"lake", "desert"} & set(
        named
    ):
        named.append("sea")
    if reading.has("bridge", "waterfall"):
        named.append("lake")
    if reading.has("volcano"):
        named.append("mountain")
    if reading.has("cactus"):
        named.append("desert")
    if reading.has("city") and not {"sea", "lake"} & set(named):
        named.append("lake")
    if reading.has(
        "flower",
        "sunflower",
        "tree",
        "house",
        "castle",
        "temple",
        "road",
        "deer",
        "wolf",
        "cat",
        "blossom",
    ):
        named += ["hill"] if not {"sea", "lake", "desert"} & set(named) else []
    if not named:
        pick = LANDS[reading.choice(len(LANDS), salt=11)]
        named = ["mountain", "lake"] if pick in {"mountain", "lake"} else [pick]
    allowed = [name for name in dict.fromkeys(named) if reading.allows(name)]
    return allowed or [name for name in LANDS if reading.allows(name)][:1]


def landscape(reading: Reading) -> tuple[float, list[Painter]]:
    """Plan a landscape: its horizon as a share of the height, and its painters in order."""
    lands = _lands(reading)
    painters = sky_painters(reading)
    if "mountain" in lands:
        painters.append(land.paint_mountains)
    if reading.has("city"):
        painters.append(city.paint_skyline)
    if reading.has("bridge"):
        painters.append(draw_bridge)
    wet = [name for name in ("lake", "sea") if name in lands]
    if wet == ["lake"] and reading.allows("tree") and not reading.has("city", "bridge"):
        painters.append(plants.paint_pines)
    painters += [{"lake": land.paint_lake, "sea": land.paint_sea}[name] for name in wet[-1:]]
    if "hill" in lands and not wet:
        painters.append(land.paint_hills)
    if "desert" in lands:
        painters.append(land.paint_dunes)
    misty = "tranquil" in reading.moods and not reading.has("fog")
    if misty and reading.allows("fog") and {"mountain", "lake"} & set(lands):
        painters.append(sky.paint_mist)
    return (0.58 if wet else 0.46), [*painters, *_foreground(reading, lands)]


def _foreground(reading: Reading, lands: list[str]) -> list[Painter]:
    dry = "lake" not in lands and "sea" not in lands
    painters: list[Painter] = []
    if reading.has("road") and dry:
        painters.append(paint_road)
    if reading.has("cliff", "lighthouse"):
        painters.append(land.paint_cliff)
    if reading.has("flower", "sunflower") and dry:
        painters.append(plants.paint_flower_field)
    if reading.has("tree") and dry:
        painters.append(plants.paint_trees)
    painters.append(paint_landmarks)
    if reading.has("pine") or (
        lands == ["mountain", "lake"] and reading.allows("pine") and reading.allows("tree")
    ):
        painters.append(plants.paint_framing_pines)
    if reading.has("palm"):
        painters.append(plants.paint_palms)
    painters.append(paint_figures)
    if reading.has("bird") or (
        "sea" in lands and reading.allows("bird") and not reading.has("storm")
    ):
        painters.append(paint_birds)
    if reading.has("blossom"):
        painters += [plants.paint_branch, plants.paint_petals]
    return painters


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
            [sky.paint_sky, portrait.paint_smoke, portrait.paint_head],
        ),
        "still_life": (0.60, [still_life.paint_room, still_life.paint_things]),
        "cosmos": _cosmos(reading),
        "street": (
            0.52,
            [*sky_painters(reading, clouds=False), city.paint_street, paint_figures],
        ),
        "underwater": (
            0.9,
            [
                worlds.paint_depth,
                worlds.paint_reef,
                worlds.paint_shoal,
            ],
        ),
        "forest": (0.62, [sky.paint_sky, plants.paint_forest, paint_figures]),
        "fire": (0.86, [*sky_painters(reading, clouds=False), worlds.paint_fire]),
        "abstract": (0.5, [_abstract(reading)]),
    }
    horizon, painters = plans[setting] if setting in plans else landscape(reading)
    return Composition(setting, horizon, (*painters, *_weather(reading, setting)))


def _abstract(reading: Reading) -> Painter:
    if reading.has("mandala"):
        return abstract.paint_mandala
    if "constructivism" in reading.styles:
        return abstract.paint_construction
    if reading.has("spiral"):
        return abstract.paint_spiral
    if reading.has("geometric"):
        options = (abstract.paint_circles, abstract.paint_construction)
        return options[reading.choice(2, salt=5)]
    if reading.has("flow"):
        return abstract.paint_flow
    every = (
        abstract.paint_circles,
        abstract.paint_flow,
        abstract.paint_construction,
    )
    return every[reading.choice(3, salt=5)]


def _cosmos(reading: Reading) -> tuple[float, list[Painter]]:
    painters: list[Painter] = [
        sky.paint_sky,
        worlds.paint_nebula,
        sky.paint_stars,
    ]
    if reading.has("galaxy") and not reading.has("planet", "astronaut"):
        return 1.0, [*painters, worlds.paint_galaxy]
    painters.append(worlds.paint_planets)
    if reading.has("astronaut", "person", "desert", "mountain"):
        return 0.66, [*painters, worlds.paint_ground, paint_figures]
    return 1.0, painters


def _weather(reading: Reading, setting: str) -> list[Painter]:
    if setting in {"portrait", "still_life", "cosmos", "underwater", "abstract"}:
        return []
    painters: list[Painter] = []
    if reading.has("fog"):
        painters.append(sky.paint_mist)
    if reading.has("rain") or (reading.has("storm") and reading.allows("rain")):
        painters.append(sky.paint_rain)
    if reading.has("snow"):
        painters.append(sky.paint_snowfall)
    return painters
