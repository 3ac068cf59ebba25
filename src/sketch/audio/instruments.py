"""The instruments of the band: functions from pitch and length to a mono sound, and drums.

Plucked strings follow Karplus and Strong (1983): noise in a loop that dulls as it turns.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
import numpy.typing as npt

from sketch.audio.sound import (
    RATE,
    Samples,
    edged,
    read,
    sample_at,
    saw,
    seconds_axis,
    steady_phase,
    stream,
    table,
    vibrato_phase,
)


@dataclass(frozen=True, slots=True)
class String:
    """What a string is made of."""

    dulling: float
    """0..0.5: how much of its treble each turn takes away."""
    half_life: float
    """Seconds in which the tone at 220 Hz falls to half."""
    softness: int
    """Samples over which the pluck is smoothed: a thumb has more than a pick."""
    position: float
    """Where it is plucked, as a share of its length."""


STRINGS = {
    "steel": String(0.28, 0.9, 3, 0.13),
    "nylon": String(0.42, 0.6, 7, 0.25),
    "bright_pluck": String(0.2, 0.3, 2, 0.09),
    "upright": String(0.46, 0.55, 14, 0.3),
    "pick_bass": String(0.35, 0.8, 5, 0.12),
    "finger_bass": String(0.45, 0.8, 12, 0.2),
}


def pluck(string: String, hz: float, seconds: float, brightness: float) -> Samples:
    """Give the sound of one string let ring for `seconds`; peak about 1."""
    dulling = min(max(string.dulling + 0.16 * (0.5 - brightness), 0.05), 0.5)
    turn = max(int(RATE / hz - dulling), 8)
    count = sample_at(seconds)
    ring = np.zeros(2 * turn + 1 + count, dtype=np.float64)
    ring[1 : turn + 1] = _attack(string, turn, brightness)
    loss = 0.5 ** (1.0 / (string.half_life * max((220 / hz) ** 0.5, 0.6) * hz))
    for start in range(turn + 1, ring.size, turn):
        stop = min(start + turn, ring.size)
        before = ring[start - turn - 1 : stop - turn]
        ring[start:stop] = loss * ((1 - dulling) * before[1:] + dulling * before[:-1])
    heard = _tuned(ring[1:], hz * (turn + dulling) / RATE, count)
    heard /= np.abs(heard).max(initial=1e-6)
    return edged(heard.astype(np.float32), 0.001, min(0.08, seconds / 3))


def _attack(string: String, turn: int, brightness: float) -> npt.NDArray[np.float64]:
    noise = stream(turn, "pluck", string.softness).uniform(-1.0, 1.0, turn)
    width = max(1, round(string.softness * (1.5 - brightness)))
    kernel = np.ones(min(width, turn)) / width
    smooth = np.convolve(np.concatenate([noise, noise]), kernel)[turn - 1 : 2 * turn - 1]
    combed: npt.NDArray[np.float64] = smooth - np.roll(
        smooth, max(1, round(string.position * turn))
    )
    combed -= combed.mean()
    return combed


def _tuned(ring: npt.NDArray[np.float64], ratio: float, count: int) -> npt.NDArray[np.float64]:
    """Read a little faster or slower: the loop has whole samples, pitches have not."""
    tuned: npt.NDArray[np.float64] = np.interp(np.arange(count) * ratio, np.arange(ring.size), ring)
    return tuned


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


def _noise(name: str, seconds: float, half_life: float, differences: int) -> Samples:
    """Give decaying noise; each difference taken lifts its treble by 6 dB an octave."""
    count = sample_at(seconds)
    noise = stream(7, "drum", name).normal(0.0, 1.0, count + differences)
    noise = np.diff(noise, n=differences) / 2**differences
    dying = np.exp2(-np.arange(count, dtype=np.float64) / sample_at(half_life))
    sound: Samples = (noise * dying).astype(np.float32)
    return sound


def _tone(seconds: float, top: float, bottom: float, fall: float, half_life: float) -> Samples:
    """Give a sine that falls from `top` to `bottom` Hz, most of it within `fall` seconds."""
    times = seconds_axis(sample_at(seconds)).astype(np.float64)
    hz = bottom + (top - bottom) * np.exp(-times / fall)
    phase = np.cumsum(hz) / sample_at(1.0)
    return (np.sin(2 * np.pi * phase) * np.exp2(-times / half_life)).astype(np.float32)


def _metal(seconds: float, half_life: float) -> Samples:
    """Give the clang of a cymbal: partials in no simple ratio."""
    times = seconds_axis(sample_at(seconds)).astype(np.float64)
    partials = (2643.0, 3417.0, 4129.0, 5183.0, 6389.0, 7907.0)
    clang = np.mean([np.sin(2 * np.pi * hz * times) for hz in partials], axis=0)
    sound: Samples = (clang * np.exp2(-times / half_life)).astype(np.float32)
    return sound


_SOFTER = {"brush": 0.35, "ride": 0.45, "hat": 0.55, "open_hat": 0.5, "crash": 0.6, "shaker": 0.5}
"""What is all treble sounds louder than its peak says."""


@lru_cache(maxsize=32)
def drum(name: str) -> Samples:
    """Give one stroke on the drum called `name`; peak at most 1."""
    sound = _stroke(name)
    sound = edged(sound, 0.0007, 0.01)
    return sound * np.float32(_SOFTER.get(name, 1.0) / np.abs(sound).max())


def _stroke(name: str) -> Samples:  # noqa: PLR0911 - one return for each drum
    match name:
        case "kick":
            return _tone(0.32, 150, 47, 0.035, 0.075) + 0.08 * _noise(name, 0.32, 0.004, 1)
        case "soft_kick":
            return _tone(0.28, 95, 52, 0.03, 0.06)
        case "snare":
            return 0.55 * _tone(0.24, 240, 180, 0.02, 0.035) + 0.5 * _noise(name, 0.24, 0.05, 1)
        case "clap":
            burst = _noise(name, 0.22, 0.04, 1)
            late = np.roll(burst, sample_at(0.011))
            late[: sample_at(0.011)] = 0
            return burst + late
        case "rim":
            return _tone(0.06, 1700, 1650, 0.01, 0.008) + 0.3 * _noise(name, 0.06, 0.005, 1)
        case "tom" | "floor_tom":
            top = 190 if name == "tom" else 130
            return _tone(0.35, top, top * 0.62, 0.06, 0.09) + 0.05 * _noise(name, 0.35, 0.02, 1)
        case "open_hat" | "ride" | "crash":
            seconds = {"open_hat": 0.2, "ride": 0.45, "crash": 1.4}[name]
            return 0.6 * _noise(name, seconds, seconds / 4.5, 2) + _metal(seconds, seconds / 4.5)
        case "brush":
            swish = np.convolve(_noise(name, 0.16, 0.045, 1), np.ones(5) / 5, mode="same")
            return edged(swish.astype(np.float32), 0.012, 0.02)
        case "shaker":
            return edged(_noise(name, 0.09, 0.03, 2), 0.03, 0.02)
        case _:
            return _noise(name, 0.06, 0.012, 2)
