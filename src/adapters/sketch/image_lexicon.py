"""Which words stand for what: things, hours, weather, seasons, moods and styles of painting."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


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
