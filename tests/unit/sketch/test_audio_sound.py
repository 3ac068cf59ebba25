"""The synthesised sound is measured: pitch, formants, level, clicks."""

import numpy as np
import pytest

from sketch.audio import recording
from sketch.audio.composition import compose
from sketch.audio.instruments import VOICES, drum
from sketch.audio.lyrics import Syllable, sections_of
from sketch.audio.melody import SungNote
from sketch.audio.recording import tracks_of
from sketch.audio.score import Wishes, manner_of
from sketch.audio.singer import Throat, sing
from sketch.audio.sound import RATE, Samples, Stereo
from sketch.audio.theory import Chord

_LYRICS = "[VERSE]\nSteam ascends from the rim\nAnd the day is dim\n\n[CHORUS]\nHold me near\n"
_THROAT = Throat(1.0, 0.5, 0.1)


def _spectrum(sound: Samples) -> tuple[np.ndarray, np.ndarray]:
    power = np.abs(np.fft.rfft(sound * np.hanning(sound.size))) ** 2
    return np.fft.rfftfreq(sound.size, 1 / RATE), power


def _note(vowel: str, pitch: float, onset: str = "") -> SungNote:
    syllable = Syllable(onset, vowel, "", 1.0, ends_word=True)
    return SungNote(0, 0.3, 1.0, 0, pitch, 0.9, syllable, Chord(0, (0, 2, 4), (0, 4, 7)))


def _song(seed: int = 1, **style: str) -> Stereo:
    manner = manner_of(Wishes(**style), seed)
    score = compose(sections_of(_LYRICS), manner, seed, 20.0)
    tracks = {name: render() for name, render in tracks_of(score, seed).items()}
    return recording.mixed(tracks, manner.mood.space)


def _centroid(sound: Stereo) -> float:
    frequencies, power = _spectrum(sound.mean(axis=0))
    return float((frequencies * power).sum() / power.sum())


@pytest.mark.parametrize("name", sorted(VOICES))
@pytest.mark.parametrize("hz", [55.0, 220.0, 880.0])
def test_every_instrument_sounds_at_its_pitch_without_clicks(name: str, hz: float) -> None:
    """The strongest partials are whole multiples of the pitch; both ends are silent."""
    sound = VOICES[name](hz, 0.8, 0.5)
    assert np.isfinite(sound).all()
    assert 0.2 < np.abs(sound).max() < 3.5
    assert max(abs(sound[0]), abs(sound[-1])) < 0.05
    frequencies, power = _spectrum(sound[: RATE // 2].astype(np.float32))
    strongest = frequencies[np.argmax(power)]
    ratio = strongest / hz
    step = 0.5 if name == "bell" else 1.0
    assert abs(ratio / step - round(ratio / step)) < 0.06 * max(1.0, ratio)
    assert ratio > 0.4


@pytest.mark.parametrize("name", ["kick", "snare", "hat", "open_hat", "ride", "brush", "tom"])
def test_drums_peak_and_die_away(name: str) -> None:
    """A stroke ends in silence."""
    sound = drum(name)
    assert 0.2 < np.abs(sound).max() <= 1.001
    assert np.abs(sound[-20:]).max() < 0.02


def test_the_voice_has_the_given_pitch() -> None:
    """A 220 Hz note has its first partial at 220 Hz, within a fifth of a semitone."""
    sound = sing([_note("a", 57.0)], 1.6, _THROAT)[int(0.5 * RATE) : int(1.1 * RATE)]
    frequencies, power = _spectrum(sound)
    near = (frequencies > 150) & (frequencies < 300)
    assert frequencies[near][np.argmax(power[near])] == pytest.approx(220.0, rel=0.012)


def test_vowels_differ_in_their_formants() -> None:
    """`i` has its second formant near 2.2 kHz where `u` has nothing; `a` fills 1 kHz."""
    share = {}
    for vowel in "aiu":
        sound = sing([_note(vowel, 48.0)], 1.6, _THROAT)[int(0.5 * RATE) : int(1.1 * RATE)]
        frequencies, power = _spectrum(sound)
        bands = [(600, 1400), (1800, 2700)]
        share[vowel] = [power[(frequencies > lo) & (frequencies < hi)].sum() for lo, hi in bands]
    assert share["i"][1] > 20 * share["u"][1]
    assert share["a"][0] > 5 * share["i"][0]


def test_consonants_hiss_before_the_vowel() -> None:
    """An s is noise above 4 kHz in the tenth of a second before the note."""
    plain, hissed = (sing([_note("a", 57.0, onset)], 1.6, _THROAT) for onset in ("", "s"))
    before = slice(int(0.2 * RATE), int(0.28 * RATE))
    frequencies, power = _spectrum(hissed[before])
    assert power[frequencies > 4000].sum() > 0.8 * power.sum()
    assert np.abs(hissed[before]).max() > 10 * np.abs(plain[before]).max()


@pytest.mark.parametrize(
    ("genre", "mood"),
    [
        ("folk", "sad"),
        ("rock", "angry"),
        ("electronic", "joyful"),
        ("jazz", ""),
        ("ambient", "dreamy"),
    ],
)
def test_a_mix_is_loud_unclipped_and_quiet_at_its_ends(genre: str, mood: str) -> None:
    """Root mean square near -17 dBFS, peaks below -1.5 dBFS, no offset, no click at either end."""
    sound = _song(genre=genre, mood=mood)
    assert np.isfinite(sound).all()
    assert np.abs(sound).max() < 0.84
    assert 0.08 < np.sqrt(np.mean(sound**2)) < 0.2
    assert abs(float(sound.mean())) < 0.005
    assert np.abs(sound[:, [0, -1]]).max() < 0.002
    left, right = sound
    assert np.abs(left - right).max() > 0.02


def test_melancholy_is_darker_than_joy() -> None:
    """The same folk song has a lower spectral centroid when it is sad."""
    sad, joyful = (_song(genre="folk", key="D minor", mood=mood) for mood in ("sad", "joyful"))
    assert _centroid(sad) < _centroid(joyful)


def test_the_same_score_is_the_same_sound() -> None:
    """Sample for sample."""
    assert np.array_equal(_song(seed=3, genre="jazz"), _song(seed=3, genre="jazz"))


@pytest.mark.parametrize("bpm", [90, 120])
def test_the_beat_can_be_heard_at_its_tempo(bpm: int) -> None:
    """Onsets in the rendered sound repeat after one beat more than after three quarters of one."""
    mono = _song(genre="electronic", tempo=f"{bpm} BPM").mean(axis=0)[3 * RATE : 12 * RATE]
    blocks = np.sqrt(np.mean(mono[: mono.size // 441 * 441].reshape(-1, 441) ** 2, axis=1))
    onsets = np.maximum(np.diff(blocks), 0.0)
    onsets -= onsets.mean()

    def likeness(beats: float) -> float:
        lag = round(beats * 60 / bpm * 100)
        return float(np.dot(onsets[:-lag], onsets[lag:]))

    assert likeness(1.0) > 2 * abs(likeness(0.73))
    assert likeness(1.0) > 2 * abs(likeness(1.31))
