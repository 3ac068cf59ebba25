"""The mix: tracks to one stereo sound in a room, loud enough and never clipped."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from adapters.sketch.audio_chance import stream
from adapters.sketch.audio_signal import (
    RATE,
    Samples,
    Stereo,
    active_rms,
    edged,
    place,
    sample_at,
    seconds_axis,
)

_TARGET_RMS = 0.145  # about -17 dBFS: as loud as quiet records are
_CEILING = 0.84  # MP3 coding overshoots by up to a decibel
_BLOCK = 1 << 17


@dataclass(frozen=True, slots=True)
class Seat:
    """Where a track stands: loudness relative to the voice, place, distance."""

    level: float
    pan: float
    """-1 left .. 1 right."""
    room: float
    """0..1: how much of it the room gives back."""
    spread: float = 0.0
    """Seconds by which the right ear hears it later, which makes it wide."""


SEATS = {
    "voice": Seat(1.0, 0.0, 0.6),
    "second_voice": Seat(0.42, 0.45, 0.9),
    "comp": Seat(0.42, -0.45, 0.45),
    "sustain": Seat(0.33, 0.1, 0.9, 0.013),
    "lead": Seat(0.7, 0.4, 0.8),
    "bass": Seat(0.55, 0.0, 0.05),
    "drums": Seat(0.0, 0.08, 0.2),
}
_DRUMS = 0.5  # drums keep the levels of their strokes: a soft beat stays soft


def mixed(tracks: Mapping[str, Samples], space: float) -> Stereo:
    """Mix tracks of one length, named as in `SEATS`; `space` 0..1 is how much room is heard."""
    size = max(track.size for track in tracks.values())
    dry = np.zeros((2, size), dtype=np.float32)
    send = np.zeros(size, dtype=np.float32)
    for name, track in tracks.items():
        seat, loud = SEATS[name], active_rms(track)
        if loud:
            level = 0.12 * seat.level / loud if seat.level else _DRUMS
            angle = (seat.pan + 1) * np.pi / 4
            place(dry[0], track, 0, level * np.sqrt(2) * np.cos(angle))
            place(dry[1], track, sample_at(seat.spread), level * np.sqrt(2) * np.sin(angle))
            place(send, track, 0, level * seat.room)
    for side in range(2):
        dry[side] += np.float32(0.9 * space) * _in_room(send, side, 0.8 + 1.6 * space)
    return _mastered(dry)


def _in_room(sound: Samples, side: int, seconds: float) -> Samples:
    """Convolve with decaying noise, block by block; each side of the room has its own."""
    count = sample_at(seconds)
    noise = stream(17, "room", side).normal(0.0, 1.0, count)
    noise *= 10.0 ** (-3.0 * np.arange(count) / count)
    smooth = np.convolve(noise, [0.25, 0.5, 0.25], mode="same")
    smooth[: sample_at(0.012)] = 0.0
    response = (smooth / np.sqrt(np.sum(smooth**2))).astype(np.float32)
    size = 2 * _BLOCK
    spectrum = np.fft.rfft(response, size)
    wet = np.zeros(sound.size + size, dtype=np.float32)
    for start in range(0, sound.size, _BLOCK):
        block = np.fft.rfft(sound[start : start + _BLOCK], size)
        wet[start : start + size] += np.fft.irfft(block * spectrum, size).astype(np.float32)
    return wet[: sound.size]


def _mastered(sound: Stereo) -> Stereo:
    """Bring to the target loudness, hold the peaks, fade the very ends."""
    loud = active_rms(np.concatenate([sound[0], sound[1]]))
    sound = sound * np.float32(_TARGET_RMS / max(loud, 1e-6))
    sound = sound * _gain(np.abs(sound).max(axis=0))
    limited = np.float32(_CEILING) * np.tanh(sound / np.float32(_CEILING))
    ending = min(1.8, sound.shape[1] / RATE / 3)
    return np.stack([edged(side, 0.01, ending) for side in limited])


def _gain(peaks: Samples) -> Samples:
    """Give a smooth gain, shape (samples,), that brings every peak down to 0.8 of full scale."""
    block = 256
    blocks = np.pad(peaks, (0, -peaks.size % block)).reshape(-1, block).max(axis=1)
    wanted = np.minimum(1.0, 0.8 / np.maximum(blocks, 1e-6))
    around = np.lib.stride_tricks.sliding_window_view(np.pad(wanted, 8, mode="edge"), 17)
    held = around.min(axis=1)
    kernel = np.hanning(17) / np.hanning(17).sum()
    smooth = np.convolve(np.pad(held, 8, mode="edge"), kernel, mode="valid")
    middles = (np.arange(smooth.size) + 0.5) * block / RATE
    return np.interp(seconds_axis(peaks.size), middles, smooth).astype(np.float32)
