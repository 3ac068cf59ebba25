"""The setting: what kind of picture a prompt asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.sketch.image_reading import Reading

_FIRST = 1.35  # how much more the first thing named counts
_WEIGHTS: Mapping[str, Mapping[str, float]] = {
    "portrait": {"portrait": 6, "music": 1.5, "person": 1},
    "still_life": {"cup": 3, "table": 3, "vase": 3, "fruit": 2, "candle": 2, "book": 2},
    "cosmos": {"planet": 4, "galaxy": 4, "space": 3, "astronaut": 3},
    "street": {"street": 4},
    "underwater": {"underwater": 5, "fish": 3, "jellyfish": 4, "whale": 2.5},
    "forest": {"forest": 3.2},
    "fire": {"fire": 2.6},
    "landscape": dict.fromkeys(
        [
            "mountain",
            "volcano",
            "hill",
            "sea",
            "lake",
            "waterfall",
            "cliff",
            "tree",
            "pine",
            "palm",
            "city",
            "house",
            "castle",
            "lighthouse",
            "temple",
            "bridge",
            "boat",
            "road",
            "desert",
            "cactus",
            "sunflower",
            "flower",
            "blossom",
            "bird",
            "deer",
            "wolf",
            "aurora",
            "rainbow",
            "sun",
            "moon",
            "star",
        ],
        2.0,
    ),
    "abstract": {"abstract": 7, "geometric": 2.5, "spiral": 2.2, "mandala": 4, "flow": 1.2},
}
_FALLBACKS = ("landscape", "landscape", "abstract", "landscape", "cosmos", "landscape", "forest")


def setting_of(reading: Reading) -> str:
    """Choose the kind of picture: the one that most of the named things belong to."""
    scores = dict.fromkeys(_WEIGHTS, 0.0)
    for place, thing in enumerate(reading.things):
        for setting, weights in _WEIGHTS.items():
            scores[setting] += weights.get(thing, 0.0) * (_FIRST if place == 0 else 1.0)
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
