"""Genres, instruments and moods: what their names in a brief do to the band and its sound."""

from dataclasses import dataclass, replace
from typing import TypeVar


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

_GENRE_WORDS = (
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
        (lowered.rfind(word), len(word), band)
        for band, words in _GENRE_WORDS
        for word in words.split()
    ]
    place, _, band = max(places, key=lambda match: match[:2])
    return band if place >= 0 else _POP


_COMP = {
    "acoustic guitar": ("steel", "fingerpick"), "classical guitar": ("nylon", "fingerpick"),
    "electric guitar": ("overdrive", "drive"), "distorted": ("overdrive", "drive"),
    "nylon": ("nylon", "fingerpick"), "guitar": ("steel", "strum"), "piano": ("piano", "block"),
    "keyboard": ("epiano", "block"), "rhodes": ("epiano", "stabs"), "harp": ("nylon", "arpeggio"),
    "ukulele": ("bright_pluck", "strum"), "banjo": ("bright_pluck", "fingerpick"),
    "mandolin": ("bright_pluck", "strum"), "lute": ("nylon", "fingerpick"),
    "sitar": ("bright_pluck", "fingerpick"), "koto": ("bright_pluck", "sparse"),
    "music box": ("bell", "arpeggio"), "vibraphone": ("bell", "stabs"), "bell": ("bell", "sparse"),
    "marimba": ("bell", "arpeggio"), "arpeggi": ("saw_pluck", "sequence"),
}  # fmt: skip
_SUSTAIN = {
    "string": "strings", "violin": "strings", "viola": "strings", "cello": "cello",
    "orchestra": "strings", "pad": "warm_pad", "synth": "saw_pad", "organ": "organ",
    "accordion": "organ", "harmonium": "organ", "choir": "warm_pad",
}  # fmt: skip
_LEAD = {
    "flute": "flute", "whistle": "flute", "sax": "sax", "trumpet": "sax", "brass": "sax",
    "horn": "sax", "clarinet": "flute", "harmonica": "sax", "violin": "strings",
    "fiddle": "strings", "glockenspiel": "bell", "celesta": "bell", "lead guitar": "overdrive",
}  # fmt: skip
_BASS = {
    "upright": "upright", "double bass": "upright", "synth bass": "synth_bass",
    "808": "sub_bass", "sub bass": "sub_bass", "bass guitar": "finger_bass", "bass": "finger_bass",
}  # fmt: skip
_T = TypeVar("_T")
_DRUMS = ("drum", "percussion", "beat", "cajon", "bongo", "tabla")


def seated(band: Band, instrumentation: str) -> Band:
    """Give `band` with the named instruments in their seats; unknown names change nothing."""
    text = instrumentation.lower()
    comp, sustain = _first(_COMP, text), _first(_SUSTAIN, text)
    if comp is not None:
        keeps = comp[0] == band.comp
        band = replace(band, comp=comp[0], comp_pattern=band.comp_pattern if keeps else comp[1])
    if sustain is not None:
        band = replace(band, sustain=sustain)
    if comp is None and sustain is not None:
        band = replace(band, comp="")
    if comp is not None and band.comp != "overdrive" and band.colour == "power":
        band = replace(band, colour="triad")
    band = replace(
        band,
        lead=_first(_LEAD, text) or band.lead,
        bass=_first(_BASS, text.replace("bassoon", "")) or band.bass,
    )
    if any(name in text for name in _DRUMS) and not band.beat:
        band = replace(band, beat="backbeat")
    return band


def _first(names: dict[str, _T], text: str) -> _T | None:
    hits = [(text.find(name), -len(name), value) for name, value in names.items() if name in text]
    return min(hits, key=lambda hit: hit[:2])[2] if hits else None


@dataclass(frozen=True, slots=True)
class Mood:
    """How a song feels; all but `mode` are factors or shares."""

    mode: str
    pace: float
    """Factor on the tempo when none is asked for."""
    brightness: float
    """0 (dull, soft) to 1 (brilliant): how much treble the voices have."""
    breath: float
    """0..1: how much air is in the singing."""
    space: float
    """0..1: how much of the room is heard."""
    drive: float
    """0..1: how hard things are struck, how many drums play."""


NEUTRAL = Mood("major", 1.0, 0.5, 0.15, 0.3, 0.55)
_SAD = Mood("minor", 0.84, 0.25, 0.3, 0.42, 0.35)
_JOYFUL = Mood("major", 1.15, 0.8, 0.1, 0.22, 0.75)
_DARK = Mood("phrygian", 0.9, 0.2, 0.2, 0.5, 0.6)
_DREAMY = Mood("lydian", 0.85, 0.35, 0.45, 0.62, 0.3)
_ANGRY = Mood("minor", 1.2, 0.9, 0.05, 0.15, 1.0)
_CALM = Mood("major", 0.82, 0.3, 0.3, 0.42, 0.3)
_TENDER = Mood("major", 0.88, 0.4, 0.35, 0.38, 0.4)
_EPIC = Mood("minor", 1.0, 0.7, 0.1, 0.5, 0.9)
_WISTFUL = Mood("dorian", 0.92, 0.4, 0.3, 0.4, 0.45)
_PLAYFUL = Mood("mixolydian", 1.12, 0.75, 0.1, 0.2, 0.7)

_MOOD_WORDS = (
    (_SAD, "melanchol sad sorrow grief mourn lonely lone heartb somber sombre bleak tear lament"),
    (_JOYFUL, "joy happy cheer bright celebrat uplift euphor exuberan sunny triumphant optimis"),
    (_DARK, "dark omin haunt sinister eerie gloom menac mysteri brood noir fear"),
    (_DREAMY, "dream ethereal float hazy surreal mystic otherworld whimsical space"),
    (_ANGRY, "angry anger rage furious aggress rebel defian fierce intense violent"),
    (_CALM, "calm peace seren tranquil gentle quiet medita sooth still content relax"),
    (_TENDER, "tender love romant warm intimate hope sweet grateful sentimental"),
    (_EPIC, "epic dramatic heroic majestic power anthem tense urgent passion"),
    (_WISTFUL, "wistful nostalg reflect bittersweet longing contemplat yearn pensive introspect"),
    (_PLAYFUL, "playful funny humor quirky mischie groovy funky sassy carefree"),
)


def mood_of(text: str) -> Mood:
    """Give the mood whose word stands last in `text` (its noun, mostly); `NEUTRAL` if none does."""
    lowered = text.lower()
    places = [(lowered.rfind(word), mood) for mood, words in _MOOD_WORDS for word in words.split()]
    place, mood = max(places, key=lambda match: match[0])
    return mood if place >= 0 else NEUTRAL
