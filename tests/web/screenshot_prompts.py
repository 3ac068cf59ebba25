"""Prompts for the sketch renderer, for the screenshots."""

from __future__ import annotations

import json
from typing import Final

# Prompt, tags, mood, aspect ratio.
_PICTURES: Final = (
    ("Aurora over a frozen fjord, pines in deep snow", "watercolor", "serene", "16:9"),
    ("A lighthouse on a cliff above a stormy sea", "oil painting", "dramatic", "4:5"),
    ("Sunflowers in a blue vase by a window", "impressionism", "joyful", "1:1"),
    ("A wolf on a hill under a full moon", "ink, noir", "mysterious", "3:4"),
    ("Desert dunes at sunset with a line of camels", "minimalism", "tranquil", "16:9"),
    ("A paper boat on a quiet river in autumn mist", "watercolor", "melancholy", "4:3"),
    ("Spiral galaxy above an alien planet", "retro science fiction", "awe", "1:1"),
    ("Coral reef with jellyfish, light from above", "vivid", "dreamy", "3:4"),
    ("Portrait of a poet with closed eyes", "art deco", "thoughtful", "4:5"),
    ("Mount Fuji behind a red bridge in spring", "ukiyo-e, woodblock print", "calm", "16:9"),
    ("A bowl of lemons and a candle on a dark table", "chiaroscuro", "quiet", "4:3"),
    ("A cup of coffee on a windowsill while it rains", "cozy illustration", "warm", "1:1"),
    ("Mandala of leaves and gold", "ornament", "meditative", "1:1"),
)
_SONGS: Final = (
    ("Harbour Lights", "sea shanty", "hopeful", "The boats are home, the nets are dry"),
    ("Letters I Never Sent", "jazz ballad", "wistful", "I kept your name between the pages"),
    ("Static Bloom", "synthwave", "dreamy", "Neon petals on the motorway"),
)
_WAITING_PICTURES: Final = (
    ("A stag in a birch forest at first snow", "woodcut", "solemn", "3:4"),
    ("Paris rooftops in the evening, windows aglow", "impressionism", "nostalgic", "16:9"),
    ("A sailing boat under heavy clouds", "oil painting", "restless", "4:3"),
    ("Wheat fields, a lone oak, geese in the sky", "realism", "peaceful", "16:9"),
    ("A campfire by a lake under the milky way", "cinematic", "adventurous", "4:5"),
)
_WAITING_SONGS: Final = (
    ("Lamplight Waltz", "chamber folk", "tender", "The lamps come on along the quay"),
    ("Paper Planets", "dream pop", "weightless", "I folded you a moon to keep"),
    ("Seven Miles of Rain", "delta blues", "weary", "Seven miles and no umbrella"),
)


def rendered_prompts() -> list[tuple[str, str, str]]:
    """The prompt's type, its text, and the writing of each; songs are among the pictures."""
    made = [("image_prompt", asked[0], _picture(*asked)) for asked in _PICTURES]
    for position, asked in zip((4, 9, 13), _SONGS, strict=True):
        made.insert(position, ("lyrics_prompt", asked[0], _song(*asked)))
    return made


def queued_prompts() -> list[tuple[str, str, str]]:
    """The same for the queue: the first one renders long enough to be photographed."""
    return [
        *(("lyrics_prompt", asked[0], _song(*asked)) for asked in _WAITING_SONGS),
        *(("image_prompt", asked[0], _picture(*asked)) for asked in _WAITING_PICTURES),
    ]


def _picture(prompt: str, tags: str, mood: str, ratio: str) -> str:
    brief = {
        "prompt": prompt,
        "negative_prompt": "text, watermark",
        "style_tags": tags.split(", "),
        "technical_params": {"aspect_ratio": ratio, "mood": mood},
    }
    return json.dumps(brief)


def _song(title: str, genre: str, mood: str, line: str) -> str:
    sections = [
        {"type": "verse", "number": 1, "lyrics": f"{line}\nAnd no one asks me why"},
        {"type": "chorus", "lyrics": "Stay a little, stay a while\nWe have all the night"},
    ]
    brief = {"title": title, "genre": genre, "mood": mood, "tempo": "96 BPM", "structure": sections}
    return json.dumps(brief)
