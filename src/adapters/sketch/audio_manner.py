"""Words to music: what genre, mood, tempo, key and instruments mean for a song."""

from dataclasses import dataclass

from adapters.sketch.audio_chance import stream
from adapters.sketch.audio_genre import band_of
from adapters.sketch.audio_instruments import seated
from adapters.sketch.audio_key import Key, parse_key
from adapters.sketch.audio_metre import parse_metre, parse_tempo
from adapters.sketch.audio_mood import mood_of
from adapters.sketch.audio_score import Manner

_TONICS = (0, 2, 3, 4, 5, 7, 9, 10)  # C D Eb E F G A Bb: keys that people sing in
_NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")


@dataclass(frozen=True, slots=True)
class Wishes:
    """What somebody asked for, in words; an empty text means that nobody said."""

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
