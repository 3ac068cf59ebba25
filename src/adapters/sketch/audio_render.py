"""Performance: the players' parts of a score to one mono track for each."""

from collections.abc import Callable, Sequence

import numpy as np

from adapters.sketch.audio_drums import drum
from adapters.sketch.audio_score import Score, Stroke
from adapters.sketch.audio_signal import Samples, place, sample_at
from adapters.sketch.audio_singer import Throat, sing
from adapters.sketch.audio_song import lowest_tonic
from adapters.sketch.audio_voices import VOICES

_RING = {"steel": 1.2, "nylon": 1.0, "bright_pluck": 0.5, "bell": 0.4, "upright": 0.1}
"""Seconds that a note goes on sounding after its time, where nobody damps it."""

_MIDDLE_C = 60

Track = Callable[[], Samples]


def tracks_of(score: Score, seed: int) -> dict[str, Track]:
    """Give what renders each track, by name; nothing is rendered before it is called."""
    band, mood = score.manner.band, score.manner.mood
    deep = lowest_tonic(score.manner, seed) < _MIDDLE_C - 5
    mouth = 1.0 if deep else 1.15
    throat = Throat(mouth, mood.brightness, mood.breath)
    other = Throat(mouth * 1.03, mood.brightness, min(mood.breath + 0.2, 1.0))

    def played(strokes: Sequence[Stroke], voice: str) -> Track:
        return lambda: _played(strokes, voice, mood.brightness, score.seconds)

    return {
        "voice": lambda: sing(score.melody, score.seconds, throat),
        "second_voice": lambda: sing(score.second_voice, score.seconds, other),
        "comp": played(score.comp, band.comp),
        "sustain": played(score.sustain, band.sustain),
        "lead": played(score.lead, band.lead),
        "bass": played(score.bass, band.bass),
        "drums": lambda: _drummed(score),
    }


def _played(strokes: Sequence[Stroke], voice: str, brightness: float, seconds: float) -> Samples:
    """Play strokes on one instrument; equal notes are synthesised once."""
    track = np.zeros(sample_at(seconds), dtype=np.float32)
    known: dict[tuple[int, int], Samples] = {}
    for stroke in strokes:
        length = round((stroke.length + _RING.get(voice, 0.0)) * 50)
        sound = known.get((stroke.pitch, length))
        if sound is None:
            hz = 440.0 * 2.0 ** ((stroke.pitch - 69) / 12)
            sound = VOICES[voice](hz, max(length, 3) / 50, brightness).astype(np.float32)
            known[stroke.pitch, length] = sound
        place(track, sound, sample_at(stroke.start), stroke.level)
    return track


def _drummed(score: Score) -> Samples:
    track = np.zeros(sample_at(score.seconds), dtype=np.float32)
    for hit in score.drums:
        place(track, drum(hit.drum), sample_at(hit.start), hit.level)
    return track
