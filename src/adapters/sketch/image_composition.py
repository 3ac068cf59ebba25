"""Composition: which subjects a reading asks for, and in what order they are painted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from adapters.sketch import (
    image_abstract,
    image_blossom,
    image_city,
    image_clouds,
    image_cosmos,
    image_elements,
    image_flowers,
    image_land,
    image_portrait,
    image_sky,
    image_still_life,
    image_street,
    image_trees,
    image_water,
    image_weather,
)
from adapters.sketch.image_placing import paint_figures, paint_landmarks
from adapters.sketch.image_figures import paint_birds
from adapters.sketch.image_landmarks import draw_bridge, paint_road
from adapters.sketch.image_reading import Reading
from adapters.sketch.image_scene import Painter

_WEIGHTS: Mapping[str, Mapping[str, float]] = {
    "portrait": {"portrait": 6, "music": 1.5, "person": 1},
    "still_life": {"cup": 3, "table": 3, "vase": 3, "fruit": 2, "candle": 2, "book": 2},
    "cosmos": {"planet": 4, "galaxy": 4, "space": 3, "astronaut": 3},
    "street": {"street": 4},
    "underwater": {"underwater": 5, "fish": 3, "jellyfish": 4, "whale": 2.5},
    "forest": {"forest": 3.2},
    "fire": {"fire": 2.6},
    "landscape": dict.fromkeys(
        "mountain volcano hill sea lake waterfall cliff tree pine palm city house castle lighthouse temple "
        "bridge boat road desert cactus sunflower flower blossom bird deer wolf aurora rainbow sun moon star".split(),
        2.0,
    ),
    "abstract": {"abstract": 7, "geometric": 2.5, "spiral": 2.2, "mandala": 4, "flow": 1.2},
}
_FALLBACKS = ("landscape", "landscape", "abstract", "landscape", "cosmos", "landscape", "forest")
_LANDS = ("mountain", "sea", "hill", "lake", "desert")


@dataclass(frozen=True, slots=True)
class Composition:
    """The plan of a picture."""

    setting: str
    horizon: float
    """Row of the horizon as a share of the height."""
    painters: tuple[Painter, ...]


def setting_of(reading: Reading) -> str:
    """Choose the kind of picture: the one that most of the named things belong to."""
    scores = dict.fromkeys(_WEIGHTS, 0.0)
    for place, thing in enumerate(reading.things):
        for setting, weights in _WEIGHTS.items():
            scores[setting] += weights.get(thing, 0.0) * (1.35 if place == 0 else 1.0)
    if "constructivism" in reading.styles:
        scores["abstract"] += 3
    best = max(scores, key=lambda name: scores[name])
    if scores[best] > 0:
        return best
    return (
        "portrait"
        if reading.has("person", "music")
        else _FALLBACKS[reading.choice(len(_FALLBACKS), salt=7)]
    )


def compose(reading: Reading) -> Composition:
    """Plan the picture that a reading asks for."""
    setting = setting_of(reading)
    plans = {
        "portrait": (
            0.5,
            [image_sky.paint_sky, image_portrait.paint_smoke, image_portrait.paint_head],
        ),
        "still_life": (0.60, [image_still_life.paint_room, image_still_life.paint_things]),
        "cosmos": _cosmos(reading),
        "street": (0.52, [*_sky(reading, clouds=False), image_street.paint_street, paint_figures]),
        "underwater": (
            0.9,
            [image_elements.paint_depth, image_elements.paint_reef, image_elements.paint_shoal],
        ),
        "forest": (0.62, [image_sky.paint_sky, image_trees.paint_forest, paint_figures]),
        "fire": (0.86, [*_sky(reading, clouds=False), image_elements.paint_fire]),
        "abstract": (0.5, [_abstract(reading)]),
    }
    horizon, painters = plans[setting] if setting in plans else _landscape(reading)
    return Composition(setting, horizon, (*painters, *_weather(reading, setting)))


def _abstract(reading: Reading) -> Painter:
    if reading.has("mandala"):
        return image_abstract.paint_mandala
    if "constructivism" in reading.styles:
        return image_abstract.paint_construction
    if reading.has("spiral"):
        return image_abstract.paint_spiral
    if reading.has("geometric"):
        options = (image_abstract.paint_circles, image_abstract.paint_construction)
        return options[reading.choice(2, salt=5)]
    if reading.has("flow"):
        return image_abstract.paint_flow
    every = (
        image_abstract.paint_circles,
        image_abstract.paint_flow,
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


def _sky(reading: Reading, *, clouds: bool = True) -> list[Painter]:
    night = "night" in reading.hours or reading.has("moon", "star", "aurora")
    painters: list[Painter] = [image_sky.paint_sky, image_sky.paint_stars]
    if reading.has("galaxy") or (night and reading.has("star")):
        painters.append(image_sky.paint_band)
    if reading.has("aurora"):
        painters.append(image_sky.paint_aurora)
    hidden = reading.has("storm", "rain", "fog") or not clouds
    if night and reading.allows("moon") and not hidden:
        painters.append(image_sky.paint_moon)
    elif not night and reading.allows("sun") and not hidden:
        painters.append(image_sky.paint_sun)
    if clouds and reading.allows("cloud") and "clear" not in reading.weathers:
        painters.append(image_clouds.paint_clouds)
    if reading.has("storm"):
        painters.append(image_weather.paint_storm)
    if reading.has("rainbow"):
        painters.append(image_sky.paint_rainbow)
    return painters


def _weather(reading: Reading, setting: str) -> list[Painter]:
    if setting in {"portrait", "still_life", "cosmos", "underwater", "abstract"}:
        return []
    painters: list[Painter] = []
    misty = (
        setting == "landscape" and reading.has("mountain", "lake") and "tranquil" in reading.moods
    )
    if reading.has("fog") or (misty and reading.allows("fog")):
        painters.append(image_weather.paint_mist)
    if reading.has("rain") or (reading.has("storm") and reading.allows("rain")):
        painters.append(image_weather.paint_rain)
    if reading.has("snow"):
        painters.append(image_weather.paint_snowfall)
    return painters


def _lands(reading: Reading) -> list[str]:
    """Give the grounds that a landscape stands on, filling in what the words leave open."""
    named = [name for name in _LANDS if reading.has(name)]
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
        pick = _LANDS[reading.choice(len(_LANDS), salt=11)]
        named = ["mountain", "lake"] if pick in {"mountain", "lake"} else [pick]
    allowed = [name for name in dict.fromkeys(named) if reading.allows(name)]
    return allowed or [name for name in _LANDS if reading.allows(name)][:1]


def _landscape(reading: Reading) -> tuple[float, list[Painter]]:
    lands = _lands(reading)
    painters = _sky(reading)
    if "mountain" in lands:
        painters.append(image_land.paint_mountains)
    if reading.has("city"):
        painters.append(image_city.paint_skyline)
    if reading.has("bridge"):
        painters.append(draw_bridge)
    wet = [name for name in ("lake", "sea") if name in lands]
    if wet == ["lake"] and reading.allows("tree") and not reading.has("city", "bridge"):
        painters.append(image_trees.paint_pines)
    painters += [
        {"lake": image_water.paint_lake, "sea": image_water.paint_sea}[name] for name in wet[-1:]
    ]
    if "hill" in lands and not wet:
        painters.append(image_land.paint_hills)
    if "desert" in lands:
        painters.append(image_land.paint_dunes)
    return (0.58 if wet else 0.46), [*painters, *_foreground(reading, lands)]


def _foreground(reading: Reading, lands: list[str]) -> list[Painter]:
    dry = "lake" not in lands and "sea" not in lands
    painters: list[Painter] = []
    if reading.has("road") and dry:
        painters.append(paint_road)
    if reading.has("cliff", "lighthouse"):
        painters.append(image_land.paint_cliff)
    if reading.has("flower", "sunflower") and dry:
        painters.append(image_flowers.paint_flower_field)
    if reading.has("tree") and dry:
        painters.append(image_trees.paint_trees)
    painters.append(paint_landmarks)
    if reading.has("pine") or (
        lands == ["mountain", "lake"] and reading.allows("pine") and reading.allows("tree")
    ):
        painters.append(image_trees.paint_framing_pines)
    if reading.has("palm"):
        painters.append(image_trees.paint_palms)
    painters.append(paint_figures)
    if reading.has("bird") or (
        "sea" in lands and reading.allows("bird") and not reading.has("storm")
    ):
        painters.append(paint_birds)
    if reading.has("blossom"):
        painters += [image_blossom.paint_branch, image_blossom.paint_petals]
    return painters
