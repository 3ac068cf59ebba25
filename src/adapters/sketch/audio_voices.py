"""The instruments of the band, each a function from pitch and length to a mono sound."""

from collections.abc import Callable
from functools import partial

import numpy as np

from adapters.sketch.audio_chance import stream
from adapters.sketch.audio_plucked import STRINGS, pluck
from adapters.sketch.audio_signal import Samples, edged, sample_at, seconds_axis
from adapters.sketch.audio_wavetable import read, saw, steady_phase, table, vibrato_phase

Voice = Callable[[float, float, float], Samples]
"""Takes Hz, seconds until the note is let go, brightness 0..1; gives a sound with peak about 1."""


def _decay(count: int, half_life: float) -> Samples:
    dying: Samples = np.exp2(-seconds_axis(count) / np.float32(half_life))
    return dying


def _pad(hz: float, seconds: float, brightness: float, *, tilt: float, attack: float) -> Samples:
    count = sample_at(seconds + 0.5)
    wave = saw(hz, tilt, 2500 + 7000 * brightness)
    sound = np.zeros(count, dtype=np.float32)
    for detune, offset in ((-0.0042, 0.1), (0.0, 0.43), (0.0039, 0.77)):
        sound += read(wave, steady_phase(hz * (1 + detune), count, offset)) / 2.4
    return edged(sound, min(attack, seconds / 2), 0.5)


def _bowed(hz: float, seconds: float, brightness: float, *, body: float) -> Samples:
    count = sample_at(seconds + 0.18)
    harmonics = np.arange(1, max(2, int((3500 + 5000 * brightness) / hz)))
    hump = 1.0 + 1.6 * np.exp(-(((harmonics * hz - body) / (body * 0.6)) ** 2))
    wave = table(hump / harmonics**1.15)
    sound = read(wave, vibrato_phase(hz, count, 0.0045))
    sound += 0.7 * read(wave, vibrato_phase(hz * 1.0025, count, 0.004, 4.9))
    return edged(sound / 1.5, min(0.11, seconds / 3), 0.18)


def _piano(hz: float, seconds: float, brightness: float) -> Samples:
    count = sample_at(seconds + 0.25)
    bright, dull = saw(hz, 1.1, 3000 + 6000 * brightness), saw(hz, 1.9, 3000)
    phase = steady_phase(hz, count)
    twin = read(dull, steady_phase(hz * 1.0008, count))
    strike = read(bright, phase) * _decay(count, 0.09 * (440 / hz) ** 0.4)
    ring = (read(dull, phase) + twin) * _decay(count, 0.75 * (330 / hz) ** 0.5)
    return edged(0.5 * strike + 0.4 * ring, 0.003, 0.22)


def _electric_piano(hz: float, seconds: float, brightness: float) -> Samples:
    count = sample_at(seconds + 0.15)
    turns = 2 * np.pi * seconds_axis(count) * np.float32(hz)
    tine = (0.3 + 0.9 * brightness) * _decay(count, 0.05) * np.sin(turns * 14)
    bark = (0.5 + brightness) * _decay(count, 0.3) * np.sin(turns)
    sway = 1.0 + 0.12 * np.sin(2 * np.pi * 5.1 * seconds_axis(count))
    return edged(np.sin(turns + bark + 0.35 * tine) * _decay(count, 0.8) * sway, 0.002, 0.14)


def _organ(hz: float, seconds: float, brightness: float) -> Samples:
    bars = [0.8, 1.0, 0.5, 0.55, 0.0, 0.3 * brightness, 0.0, 0.35 * brightness]
    count = sample_at(seconds + 0.06)
    return edged(read(table(bars), vibrato_phase(hz, count, 0.003, 6.4, 0.0)), 0.012, 0.06)


def _flute(hz: float, seconds: float, brightness: float) -> Samples:
    count = sample_at(seconds + 0.1)
    tone = read(table([1.0, 0.28 + 0.2 * brightness, 0.1, 0.03]), vibrato_phase(hz, count, 0.005))
    air = stream(round(hz), "air").normal(0.0, 0.05, count).astype(np.float32)
    breath = np.convolve(air, np.ones(6, dtype=np.float32) / 3, mode="same")
    return edged(tone * 0.9 + breath, min(0.06, seconds / 3), 0.1)


def _reed(hz: float, seconds: float, brightness: float) -> Samples:
    count = sample_at(seconds + 0.08)
    phase = vibrato_phase(hz, count, 0.006, 5.0)
    dull, bright = saw(hz, 1.5, 4000), saw(hz, 0.8, 3500 + 5000 * brightness)
    swell = np.clip(seconds_axis(count) / np.float32(0.12), 0, 1) * np.float32(0.6)
    return edged(read(dull, phase) * (1 - swell) + read(bright, phase) * swell, 0.03, 0.08)


def _bell(hz: float, seconds: float, brightness: float) -> Samples:
    count = sample_at(max(seconds, 0.3) + 1.2)
    turns = 2 * np.pi * seconds_axis(count) * np.float32(hz)
    ring = (0.6 + 1.2 * brightness) * _decay(count, 0.18) * np.sin(turns * 3.5)
    return edged(np.sin(turns + ring) * _decay(count, 0.45), 0.002, 0.4)


def _overdrive(hz: float, seconds: float, brightness: float) -> Samples:
    count = sample_at(seconds + 0.04)
    wave = read(saw(hz, 0.9, 6000), vibrato_phase(hz, count, 0.002))
    wave += 0.5 * read(saw(hz, 1.0, 6000), steady_phase(hz * 1.004, count))
    driven = np.tanh((2.5 + 5 * brightness) * wave * _decay(count, 1.6))
    cabinet = np.hanning(13).astype(np.float32)
    return edged(np.convolve(driven, cabinet / cabinet.sum(), mode="same"), 0.004, 0.04)


def _saw_pluck(hz: float, seconds: float, brightness: float) -> Samples:
    count = sample_at(seconds + 0.2)
    phase = steady_phase(hz, count)
    bright, dull = saw(hz, 0.9, 3000 + 9000 * brightness), saw(hz, 2.0, 2500)
    filtered = _decay(count, 0.05)
    sound = read(bright, phase) * filtered + read(dull, phase) * (1 - filtered)
    return edged(sound * _decay(count, 0.16), 0.002, 0.1)


def _synth_bass(hz: float, seconds: float, brightness: float, *, tilt: float) -> Samples:
    count = sample_at(seconds)
    phase = steady_phase(hz, count)
    sound = 0.6 * read(saw(hz, tilt, 900 + 2500 * brightness), phase) + 0.7 * read(
        table([1.0, 0.12]), phase
    )
    return edged(np.tanh(sound * _decay(count, 1.2)), 0.006, min(0.05, seconds / 3))


VOICES: dict[str, Voice] = {
    **{name: partial(pluck, string) for name, string in STRINGS.items()},
    "piano": _piano,
    "epiano": _electric_piano,
    "organ": _organ,
    "flute": _flute,
    "sax": _reed,
    "bell": _bell,
    "overdrive": _overdrive,
    "saw_pluck": _saw_pluck,
    "saw_lead": _reed,
    "saw_pad": partial(_pad, tilt=1.0, attack=0.12),
    "warm_pad": partial(_pad, tilt=1.7, attack=0.5),
    "strings": partial(_bowed, body=1100.0),
    "cello": partial(_bowed, body=480.0),
    "synth_bass": partial(_synth_bass, tilt=1.0),
    "sub_bass": partial(_synth_bass, tilt=2.5),
}
