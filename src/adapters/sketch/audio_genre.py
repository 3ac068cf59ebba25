"""Genres: which band plays, and in which manner."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Band:
    """The players (names of voices, "" for none) and their manners (names of patterns)."""

    comp: str
    comp_pattern: str
    sustain: str
    lead: str
    bass: str
    bass_pattern: str
    beat: str
    bpm: float
    swing: float = 0.5
    colour: str = "triad"
    """What chords are built of: triad, seventh, dominant, power, open."""
    changes: str = "pop"
    """The family of chord progressions."""


_POP = Band("piano", "block", "strings", "epiano", "finger_bass", "pulse", "backbeat", 104)
_FOLK = Band(
    "steel", "fingerpick", "", "flute", "upright", "root_fifth", "shaker", 92, changes="folk"
)
_ROCK = Band(
    "overdrive", "drive", "organ", "overdrive", "pick_bass", "pulse", "rock", 122,
    colour="power", changes="rock",
)  # fmt: skip
_ELECTRONIC = Band(
    "saw_pluck", "sequence", "saw_pad", "saw_lead", "synth_bass", "offbeat", "four_floor", 124,
    changes="pop",
)  # fmt: skip
_JAZZ = Band(
    "epiano", "stabs", "", "sax", "upright", "walking", "ride", 112, 0.64, "seventh", "jazz"
)
_BLUES = Band(
    "steel", "shuffle", "organ", "sax", "upright", "walking", "shuffle", 88, 0.66, "dominant",
    "blues",
)  # fmt: skip
_CLASSICAL = Band(
    "piano", "arpeggio", "strings", "flute", "cello", "long", "", 88, changes="classical"
)
_AMBIENT = Band(
    "bell", "sparse", "warm_pad", "flute", "sub_bass", "long", "", 70, colour="open",
    changes="ambient",
)  # fmt: skip
_HIP_HOP = Band(
    "epiano", "block", "warm_pad", "bell", "sub_bass", "syncopated", "boom_bap", 86, 0.56,
    "seventh", "dark",
)  # fmt: skip
_COUNTRY = Band(
    "steel", "strum", "", "bright_pluck", "upright", "root_fifth", "train", 108, changes="folk"
)
_SOUL = Band(
    "epiano", "stabs", "organ", "sax", "finger_bass", "syncopated", "backbeat", 88, 0.57,
    "seventh", "jazz",
)  # fmt: skip
_REGGAE = Band(
    "organ", "skank", "", "sax", "finger_bass", "syncopated", "one_drop", 80, 0.53, changes="folk"
)
_LATIN = Band(
    "nylon", "bossa", "", "flute", "upright", "root_fifth", "bossa", 116, 0.5, "seventh", "jazz"
)
_LULLABY = Band("bell", "arpeggio", "strings", "bell", "upright", "long", "", 76, changes="folk")
_METAL = replace(_ROCK, sustain="", bpm=146, changes="dark", comp_pattern="gallop")

_WORDS = (
    (_POP, "pop singer songwriter ballad indie musical disney show"),
    (_FOLK, "folk acoustic celtic bluegrass shanty traditional medieval americana"),
    (_ROCK, "rock punk grunge emo alternative garage"),
    (_METAL, "metal hardcore doom"),
    (_ELECTRONIC, "electro techno house edm synth dance trance disco eurobeat club drum dubstep"),
    (_JAZZ, "jazz swing bebop lounge cabaret bigband"),
    (_BLUES, "blues boogie"),
    (_CLASSICAL, "classic orchestr opera baroque chamber choral cinematic waltz hymn sonata lied"),
    (_AMBIENT, "ambient drone atmospher new-age newage shoegaze downtempo meditation"),
    (_HIP_HOP, "hip-hop hip hiphop rap trap lo-fi lofi grime"),
    (_COUNTRY, "country western honky"),
    (_SOUL, "soul r&b rnb gospel funk motown"),
    (_REGGAE, "reggae ska dub dancehall"),
    (_LATIN, "latin bossa samba salsa tango flamenco rumba mariachi"),
    (_LULLABY, "lullaby nursery music-box"),
)


def band_of(genre: str) -> Band:
    """Give the band whose word stands last in `genre` ("folk rock" is rock); pop if none does."""
    lowered = genre.lower()
    places = [
        (lowered.rfind(word), len(word), band) for band, words in _WORDS for word in words.split()
    ]
    place, _, band = max(places, key=lambda found: found[:2])
    return band if place >= 0 else _POP
