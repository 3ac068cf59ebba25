"""Landscapes: which sky, ground and foreground a reading asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.sketch import (
    image_blossom,
    image_city,
    image_clouds,
    image_dunes,
    image_flowers,
    image_land,
    image_sky,
    image_trees,
    image_water,
    image_weather,
)
from adapters.sketch.image_animals import paint_birds
from adapters.sketch.image_placing import paint_figures, paint_landmarks
from adapters.sketch.image_ways import draw_bridge, paint_road

if TYPE_CHECKING:
    from adapters.sketch.image_reading import Reading
    from adapters.sketch.image_scene import Painter

LANDS = ("mountain", "sea", "hill", "lake", "desert")
"""Grounds a landscape can stand on."""


def sky_painters(reading: Reading, *, clouds: bool = True) -> list[Painter]:
    """Give what stands in the sky, in painting order."""
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
        painters.append(image_dunes.paint_dunes)
    misty = "tranquil" in reading.moods and not reading.has("fog")
    if misty and reading.allows("fog") and {"mountain", "lake"} & set(lands):
        painters.append(image_weather.paint_mist)
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
