"""The score: who plays, in which manner, and all that will sound, with times in seconds."""

from dataclasses import dataclass

from sketch.audio.genres import Band, Mood, band_of, mood_of, seated
from sketch.audio.melody import Form, SungNote
from sketch.audio.sound import stream
from sketch.audio.theory import Chord, Key, Metre, parse_key, parse_metre, parse_tempo


@dataclass(frozen=True, slots=True)
class Manner:
    """What the tags and the rest ask for, understood: who plays, how, and in which key."""

    band: Band
    mood: Mood
    key: Key
    metre: Metre


@dataclass(frozen=True, slots=True)
class Stroke:
    """One note of an instrument."""

    start: float
    """Seconds."""
    length: float
    """Seconds until it is let go."""
    pitch: int
    """MIDI."""
    level: float


@dataclass(frozen=True, slots=True)
class DrumHit:
    """One hit; `start` in seconds."""

    start: float
    drum: str
    level: float


@dataclass(frozen=True, slots=True)
class Score:
    """A whole song."""

    manner: Manner
    form: Form
    chords: tuple[Chord, ...]
    """One for each step of the form."""
    melody: tuple[SungNote, ...]
    second_voice: tuple[SungNote, ...]
    comp: tuple[Stroke, ...]
    sustain: tuple[Stroke, ...]
    lead: tuple[Stroke, ...]
    bass: tuple[Stroke, ...]
    drums: tuple[DrumHit, ...]
    seconds: float
    """Length of the song, the dying away included."""


_TONICS = (0, 2, 3, 4, 5, 7, 9, 10)  # C D Eb E F G A Bb: keys that people sing in
_NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")


@dataclass(frozen=True, slots=True)
class Wishes:
    """The request, in words; an empty text stands for what was not requested."""

    genre: str = ""
    mood: str = ""
    tempo: str = ""
    key: str = ""
    time_signature: str = ""
    instrumentation: str = ""


def manner_of(wishes: Wishes, seed: int) -> Manner:
    """Understand what can be understood; the rest falls to the genre, the mood and the seed."""
    mood = mood_of(wishes.mood)
    band = seated(band_of(wishes.genre), wishes.instrumentation)
    tonic = _TONICS[int(stream(seed, "tonic").integers(len(_TONICS)))]
    bpm = parse_tempo(wishes.tempo) or band.bpm * mood.pace
    return Manner(
        band=band,
        mood=mood,
        key=parse_key(wishes.key) or Key(tonic, mood.mode),
        metre=parse_metre(wishes.time_signature, bpm, band.swing),
    )


def key_name(key: Key) -> str:
    """Give the key in ID3's three letters: `F#m`, `Bb`."""
    return _NAMES[key.tonic] + ("m" if key.is_minor else "")
