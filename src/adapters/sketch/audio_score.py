"""The score: everything that will sound, with times in seconds, before any of it sounds."""

from dataclasses import dataclass

from adapters.sketch.audio_form import Form
from adapters.sketch.audio_genre import Band
from adapters.sketch.audio_harmony import Chord
from adapters.sketch.audio_key import Key
from adapters.sketch.audio_melody import SungNote
from adapters.sketch.audio_metre import Metre
from adapters.sketch.audio_mood import Mood


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
