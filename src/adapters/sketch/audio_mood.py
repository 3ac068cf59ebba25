"""Moods: what a word like "melancholy" or "joyful" does to mode, tempo and timbre."""

from dataclasses import dataclass


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

_WORDS = (
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
    places = [(lowered.rfind(word), mood) for mood, words in _WORDS for word in words.split()]
    place, mood = max(places, key=lambda found: found[0])
    return mood if place >= 0 else NEUTRAL
