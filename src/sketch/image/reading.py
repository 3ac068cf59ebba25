"""Reading a prompt: which things, light, weather, colours, moods and styles its words name.

The tables of words stand first; a setting (landscape, portrait, street ...) is chosen from them.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


def _by_word(groups: Mapping[str, str]) -> dict[str, str]:
    return {word: name for name, words in groups.items() for word in (name, *words.split())}


THINGS = _by_word(
    {
        "mountain": "peak summit alps alpine ridge himalaya fuji everest cliffside range 🏔 ⛰ 🗻",
        "volcano": "lava eruption magma crater 🌋",
        "hill": "meadow valley countryside pasture prairie field farm grass grassland plain "
        "steppe wheat vineyard moor tuscany barley hillside",
        "sea": "ocean wave coast coastal shore shoreline beach surf tide harbor harbour marine bay "
        "seascape island seaside 🌊 🏖",
        "lake": "pond river stream lagoon fjord canal reservoir loch water riverside",
        "waterfall": "cascade falls",
        "cliff": "crag bluff headland",
        "forest": "woods woodland jungle grove rainforest thicket 🌲🌳",
        "tree": "oak willow birch maple elm trees 🌳",
        "pine": "fir spruce conifer evergreen cedar redwood 🌲",
        "palm": "tropical oasis 🌴",
        "city": "skyline skyscraper metropolis downtown urban tokyo manhattan new_york london "
        "paris hong_kong shanghai cityscape town buildings rooftop 🏙 🌃 🌆",
        "street": "alley alleyway avenue boulevard lane sidewalk crosswalk market noodle_bar shop",
        "house": "cottage cabin hut home farmhouse barn village chalet 🏠 🏡",
        "castle": "fortress citadel palace tower ruins 🏰",
        "lighthouse": "beacon",
        "temple": "shrine pagoda kyoto torii japan japanese monastery ⛩ 🏯",
        "bridge": "viaduct aqueduct",
        "boat": "ship sail sailboat sailing fishing_boat vessel schooner regatta ⛵ 🚢 ⛵️",
        "road": "path trail highway route track footpath",
        "desert": "dune sahara sand mesa canyon camel 🏜 🐪",
        "cactus": "saguaro 🌵",
        "sunflower": "🌻",
        "flower": "rose tulip poppy daisy wildflower lavender lily peony bloom bouquet lotus iris "
        "orchid garden petal 🌷 🌹 🌺 🌼 💐",
        "blossom": "sakura cherry_blossom cherry_blossoms 🌸",
        "portrait": "face headshot visage bust self-portrait 👤 🧑",
        "person": "man woman girl boy child singer musician dancer figure traveler traveller "
        "wanderer poet king queen knight monk samurai warrior lady stranger lover couple people "
        "crowd human hiker fisherman old_man mother father hero wizard witch philosopher 🧍 🚶",
        "music": "jazz guitar piano violin saxophone microphone singer vocalist band trumpet 🎷 🎤",
        "astronaut": "cosmonaut spaceman 👩‍🚀 🧑‍🚀",
        "cat": "kitten feline 🐈 🐱",
        "bird": "crow raven seagull gull swallow eagle hawk owl dove flock sparrow geese 🐦",
        "whale": "orca dolphin 🐋 🐳",
        "fish": "koi shark school goldfish 🐟 🐠",
        "jellyfish": "medusa",
        "deer": "stag elk moose doe 🦌",
        "wolf": "dog fox hound 🐺 🐕 🦊",
        "underwater": "reef coral seabed undersea aquarium submerged submarine",
        "planet": "mars jupiter saturn exoplanet world 🪐 🌍",
        "galaxy": "nebula cosmos cosmic universe milky_way supernova black_hole interstellar 🌌",
        "space": "spaceship spacecraft rocket starship outer_space orbit 🚀",
        "sun": "sunshine sunlight sunny solar ☀ 🌞",
        "moon": "lunar moonlit moonlight crescent 🌙 🌕",
        "star": "starry stars constellation stargazing ⭐ ✨ 🌟",
        "aurora": "northern_lights borealis",
        "rainbow": "🌈",
        "cup": "coffee tea mug espresso latte teacup teapot cappuccino ☕ 🍵",
        "vase": "pottery jug bottle pitcher wine 🍷 🏺",
        "fruit": "apple pear peach lemon plum cherry cherries still_life pomegranate 🍎 🍐 🍊 🍋",
        "candle": "candlelight lantern 🕯",
        "table": "desk tabletop windowsill breakfast kitchen",
        "book": "library books letter notebook 📖 📚",
        "fire": "flame campfire bonfire burning inferno blaze ember hearth phoenix 🔥",
        "abstract": "abstraction composition_in suprematism kandinsky mondrian",
        "geometric": "geometry triangle square circle polygon tessellation bauhaus shapes",
        "spiral": "vortex swirl whirlpool helix 🌀",
        "mandala": "kaleidoscope fractal ornament sacred_geometry arabesque",
        "flow": "flowing dream dreams dreamlike emotion thought silence memory time soul music_of",
    }
)

HOURS = _by_word(
    {
        "dawn": "sunrise daybreak morning early 🌅",
        "day": "noon midday daylight afternoon sunny summer_sky blue_sky ☀",
        "golden_hour": "golden_light sunlit evening_light",
        "sunset": "sundown evening 🌇",
        "dusk": "twilight nightfall gloaming blue_hour",
        "night": "midnight moonlit moonlight starry nocturnal dark nocturne neon cyberpunk 🌙 🌃",
    }
)

WEATHERS = _by_word(
    {
        "rain": "rainy drizzle downpour wet raining 🌧 ☔",
        "snow": "snowy blizzard snowfall snowflake frozen frost ice icy ❄ ☃",
        "fog": "foggy mist misty haze hazy smoke smoky steam 🌫",
        "storm": "stormy thunder thunderstorm lightning tempest hurricane ⛈ ⚡",
        "cloud": "cloudy overcast clouds ☁ ⛅",
        "wind": "windy breeze gale",
        "clear": "cloudless",
    }
)

SEASONS = _by_word(
    {
        "spring": "springtime april may_day",
        "summer": "july august summertime",
        "autumn": "fall october november autumnal harvest 🍂 🍁",
        "winter": "december january wintry christmas ☃",
    }
)

MOODS = _by_word(
    {
        "tranquil": "serene calm peaceful quiet still gentle soft restful contemplative silent zen",
        "joyful": "happy cheerful bright playful vibrant lively festive whimsical hopeful",
        "melancholic": "melancholy sad lonely sorrowful wistful nostalgic longing solitary "
        "reflective somber sombre bittersweet grief",
        "ominous": "dark eerie sinister menacing foreboding gothic horror haunting grim dread",
        "mysterious": "mystical enigmatic magical enchanted surreal dreamy ethereal occult",
        "romantic": "love tender warm intimate cozy cosy",
        "energetic": "dynamic intense electric explosive powerful dramatic epic wild",
    }
)

STYLES = _by_word(
    {
        "watercolor": "watercolour aquarelle gouache wash",
        "oil": "oil_painting impasto van_gogh expressionist expressionism painterly brushstrokes",
        "impressionism": "impressionist monet pointillism pointillist seurat renoir",
        "pencil": "sketch drawing graphite charcoal crosshatch",
        "ink": "engraving etching line_art woodcut pen_and_ink linocut sumi-e calligraphic",
        "pixel": "pixel_art 8-bit 8bit 16-bit retro_game voxel",
        "cyberpunk": "neon vaporwave synthwave retrowave outrun",
        "noir": "black_and_white monochrome film_noir grayscale greyscale monochromatic",
        "ukiyo": "ukiyo-e ukiyo_e hokusai hiroshige woodblock japonisme",
        "minimal": "minimalism minimalist minimalistic simple",
        "poster": "flat vector travel_poster art_deco screenprint silkscreen pop_art comic anime "
        "illustration cartoon",
        "lowpoly": "low_poly low-poly polygonal origami cubism cubist picasso facets",
        "vintage": "sepia retro antique daguerreotype faded old_photograph",
        "constructivism": "constructivist suprematist propaganda",
        "realism": "photorealistic realistic photograph photo photography cinematic hyperrealism",
    }
)


PIGMENTS: Mapping[str, int] = {
    "red": 0xD62828,
    "crimson": 0xC4122F,
    "scarlet": 0xE3241B,
    "ruby": 0xA50E3A,
    "burgundy": 0x6D1A36,
    "vermilion": 0xE34A27,
    "rust": 0xA6502B,
    "terracotta": 0xC4694A,
    "coral": 0xF57C63,
    "salmon": 0xF59A86,
    "orange": 0xF28A1C,
    "tangerine": 0xF58A2B,
    "amber": 0xF2A71B,
    "copper": 0xB86A3C,
    "bronze": 0x9C6B30,
    "gold": 0xE6B422,
    "golden": 0xF0BC42,
    "honey": 0xE5A832,
    "yellow": 0xF4D23C,
    "ochre": 0xC98F2B,
    "mustard": 0xD0A02C,
    "lemon": 0xF3E04B,
    "cream": 0xF3E7C9,
    "ivory": 0xF2ECD8,
    "beige": 0xDCCBA8,
    "sand": 0xDDC08B,
    "brown": 0x7A4B2A,
    "chocolate": 0x5A3420,
    "sepia": 0x7B5A36,
    "lime": 0x9BD42F,
    "green": 0x3C9A4A,
    "emerald": 0x149A63,
    "jade": 0x2FA37A,
    "olive": 0x7C7F35,
    "moss": 0x6A7B3A,
    "sage": 0x9BAE8C,
    "mint": 0x93DBB8,
    "teal": 0x0F8A8A,
    "turquoise": 0x2BC0BC,
    "cyan": 0x23C4DE,
    "aqua": 0x3FCBD0,
    "azure": 0x2F8FE5,
    "cerulean": 0x2A7FB8,
    "sky-blue": 0x7FBFEA,
    "blue": 0x2A5FD0,
    "cobalt": 0x1F48B0,
    "sapphire": 0x1B3FA0,
    "navy": 0x1B2A5C,
    "indigo": 0x3D2F9A,
    "violet": 0x7F3FC4,
    "purple": 0x7A35A8,
    "lavender": 0xAE98DE,
    "lilac": 0xC3A4DC,
    "mauve": 0xB48AB8,
    "plum": 0x74305F,
    "magenta": 0xD4279A,
    "fuchsia": 0xE02F9E,
    "pink": 0xF08DB2,
    "rosy": 0xE89AA5,
    "blush": 0xF0B7B5,
    "black": 0x14141A,
    "obsidian": 0x15151F,
    "charcoal": 0x33353B,
    "grey": 0x83868C,
    "gray": 0x83868C,
    "silver": 0xB9BFC8,
    "pearl": 0xE6E2DC,
    "white": 0xF4F3EF,
    "pastel": 0xE9C6D6,
    "electric-blue": 0x2A6BFF,
}
"""Word to 0xRRGGBB, chosen by eye."""


_READ = 20_000  # characters: what stands further back changes the seed, not the scene
_TOKEN = re.compile(r"[^\W_]+(?:[-'’][^\W_]+)*|[^\w\s]")
_DENIALS = frozenset({"no", "without", "never", "not"})
_LIGHT = frozenset({"light", "lights", "glow", "sky", "skies"})
_ENDS = frozenset(".,;:!?()")
_DENIAL_REACHES = 4  # words
_BOUND_WITHIN = 2  # words between a colour and the thing that it colours
_LEXICA = {
    "thing": THINGS,
    "hour": HOURS,
    "weather": WEATHERS,
    "season": SEASONS,
    "mood": MOODS,
    "style": STYLES,
    "colour": {word: word for word in PIGMENTS},
}


@dataclass(frozen=True, slots=True)
class Reading:
    """What a prompt was understood to say; every tuple is in the order of first mention."""

    things: tuple[str, ...] = ()
    hours: tuple[str, ...] = ()
    weathers: tuple[str, ...] = ()
    seasons: tuple[str, ...] = ()
    moods: tuple[str, ...] = ()
    styles: tuple[str, ...] = ()
    colours: tuple[str, ...] = ()
    bound: Mapping[str, str] = field(default_factory=dict)
    """Thing (or `light`, the sky included) to the colour word that stands before it."""
    banned: frozenset[str] = frozenset()
    """Names that must not appear, whatever the scene would like."""
    fingerprint: int = 0
    """A number from the words alone, for choices that they leave open."""

    def has(self, *names: str) -> bool:
        """Say whether any of these things or weathers is asked for."""
        return any(name in self.things or name in self.weathers for name in names)

    def allows(self, name: str) -> bool:
        """Say whether a scene may add this of its own accord."""
        return name not in self.banned

    def choice(self, options: int, salt: int = 0) -> int:
        """Pick one of `options` from the words alone: the same for every seed."""
        mixed = hashlib.sha256(f"{self.fingerprint}/{salt}".encode()).digest()
        return int.from_bytes(mixed[:4], "big") % options


def _tokens(text: str) -> list[str]:
    plain = unicodedata.normalize("NFC", text[:_READ]).casefold().replace("\ufe0f", "")
    return _TOKEN.findall(plain)


def _forms(word: str) -> Iterator[str]:
    yield word
    if word.endswith("'s"):
        yield word[:-2]
    for ending, instead in (("ies", "y"), ("es", ""), ("s", ""), ("y", ""), ("ish", "")):
        if word.endswith(ending) and len(word) > len(ending) + 2:
            yield word[: -len(ending)] + instead
    if "-" in word:
        for part in word.split("-"):
            yield from _forms(part)


def _meanings(tokens: list[str], place: int) -> set[tuple[str, str]]:
    """Give every (lexicon, name) that the word at `place`, or the pair begun there, stands for."""
    pair = "_".join(tokens[place : place + 2])
    triple = "_".join(tokens[place : place + 3])
    meanings: set[tuple[str, str]] = set()
    for form in (triple, pair, *_forms(tokens[place])):
        meanings.update((kind, words[form]) for kind, words in _LEXICA.items() if form in words)
    return meanings


def _denied(tokens: list[str], seen: list[set[tuple[str, str]]]) -> set[str]:
    """Give the names that a 'no' or 'without' takes back: the first meaning close behind it."""
    denied: set[str] = set()
    reach = 0
    for word, meanings in zip(tokens, seen, strict=True):
        reach = 0 if word in _ENDS else _DENIAL_REACHES if word in _DENIALS else reach - 1
        if reach > 0 and meanings and word not in _DENIALS:
            denied.update(name for _, name in meanings)
            reach = 0
    return denied


def _bindings(tokens: list[str], seen: list[set[tuple[str, str]]]) -> dict[str, str]:
    bound: dict[str, str] = {}
    for place, meanings in enumerate(seen):
        colours = sorted(name for kind, name in meanings if kind == "colour")
        for later in range(place + 1, min(place + 1 + _BOUND_WITHIN, len(tokens))):
            things = {name for kind, name in seen[later] if kind == "thing"}
            if tokens[later] in _LIGHT:
                things.add("light")
            if colours and things:
                bound.update(dict.fromkeys(sorted(things - bound.keys()), colours[0]))
                break
            if tokens[later] in _ENDS or things:
                break
    return bound


def _banned(text: str) -> frozenset[str]:
    tokens = _tokens(text)
    return frozenset(
        name
        for place in range(len(tokens))
        for kind, name in _meanings(tokens, place)
        if kind != "mood"
    )


def _named(kind: str, seen: Iterable[set[tuple[str, str]]], banned: frozenset[str]) -> list[str]:
    ordered = [name for one in seen for other, name in sorted(one) if other == kind]
    return [name for name in dict.fromkeys(ordered) if name not in banned]


def _fingerprint(*texts: str) -> int:
    whole = "\x1f".join(texts).encode("utf-8", "replace")
    return int.from_bytes(hashlib.sha256(whole).digest()[:8], "big")


def read(prompt: str, negative: str = "", style_tags: str = "", mood: str = "") -> Reading:
    """Understand a prompt with its companions; any text can be read, and most say something."""
    tokens = _tokens(f"{prompt} . {style_tags} . {mood}")
    seen = [_meanings(tokens, place) for place in range(len(tokens))]
    banned = _banned(negative) | _denied(tokens, seen)
    bound = _bindings(tokens, seen)
    return Reading(
        things=tuple(_named("thing", seen, banned)),
        hours=tuple(_named("hour", seen, banned)),
        weathers=tuple(_named("weather", seen, banned)),
        seasons=tuple(_named("season", seen, banned)),
        moods=tuple(_named("mood", seen, banned)),
        styles=tuple(_named("style", seen, banned)),
        colours=tuple(_named("colour", seen, banned)),
        bound={thing: name for thing, name in bound.items() if name not in banned},
        banned=banned,
        fingerprint=_fingerprint(prompt, negative, style_tags, mood),
    )


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
