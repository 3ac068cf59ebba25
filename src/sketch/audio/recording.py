"""The recording: a score to one track for each player, a stereo mix, and an MP3 file with tags.

MP3 has a constant bit rate and a Xing/LAME header. The ID3v2.3 tag (source: id3.org, "ID3 tag
version 2.3.0") is a few text frames, written by hand.
"""

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import av
import numpy as np

from sketch.audio.composition import lowest_tonic
from sketch.audio.instruments import VOICES, drum
from sketch.audio.score import Score, Stroke
from sketch.audio.singer import Throat, sing
from sketch.audio.sound import (
    RATE,
    Samples,
    Stereo,
    active_rms,
    edged,
    place,
    sample_at,
    seconds_axis,
    stream,
)

_RING = {"steel": 1.2, "nylon": 1.0, "bright_pluck": 0.5, "bell": 0.4, "upright": 0.1}
"""Seconds that an undamped note sounds after its time."""

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
    gain = np.minimum(1.0, 0.8 / np.maximum(blocks, 1e-6))
    around = np.lib.stride_tricks.sliding_window_view(np.pad(gain, 8, mode="edge"), 17)
    held = around.min(axis=1)
    kernel = np.hanning(17) / np.hanning(17).sum()
    smooth = np.convolve(np.pad(held, 8, mode="edge"), kernel, mode="valid")
    middles = (np.arange(smooth.size) + 0.5) * block / RATE
    return np.interp(seconds_axis(peaks.size), middles, smooth).astype(np.float32)


BIT_RATE = 160_000
"""Bits per second."""

_CHUNK = 1152 * 128  # samples: whole MP3 frames, 3.3 s


def encoded(sound: Stereo, progress: Callable[[], None] = lambda: None) -> bytes:
    """Encode samples of shape (2, n), calling `progress` after each of `chunks_of` pieces."""
    written = io.BytesIO()
    options = {"id3v2_version": "0", "write_id3v1": "0", "write_xing": "1"}
    with av.open(written, mode="w", format="mp3", options=options) as container:
        quality = {"compression_level": "7"}
        track = container.add_stream("libmp3lame", rate=RATE, layout="stereo", options=quality)
        track.bit_rate = BIT_RATE
        for start in range(0, sound.shape[1], _CHUNK):
            piece = np.ascontiguousarray(sound[:, start : start + _CHUNK], dtype=np.float32)
            frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout="stereo")
            frame.sample_rate, frame.pts = RATE, start
            container.mux(track.encode(frame))
            progress()
        container.mux(track.encode(None))
    return written.getvalue()


def chunks_of(samples: int) -> int:
    """Give how often `encoded` calls its `progress` for that many samples."""
    return -(-samples // _CHUNK)


_UTF_16 = b"\x01"  # text encoding byte: UTF-16 with a byte-order mark
_MAX_LYRICS = 60_000  # characters


@dataclass(frozen=True, slots=True)
class Tags:
    """What the file says about itself; an empty text writes no frame."""

    title: str
    genre: str
    comment: str
    lyrics: str
    bpm: int
    key: str
    """At most three characters, as ID3 has it: `F#m`, `Bb`, `C`."""


def tag(tags: Tags) -> bytes:
    """Give the whole ID3v2.3 tag that goes before the first MP3 frame."""
    frames = [
        _text("TIT2", tags.title),
        _text("TCON", tags.genre),
        _text("TBPM", str(tags.bpm)),
        _text("TKEY", tags.key),
        _text("TSSE", "Media Generator sketch"),
        _in_language("COMM", tags.comment),
        _in_language("USLT", tags.lyrics[:_MAX_LYRICS]),
    ]
    body = b"".join(frames)
    return b"ID3\x03\x00\x00" + _syncsafe(len(body)) + body


def _text(name: str, value: str) -> bytes:
    """Text information: encoding byte, text."""
    return _frame(name, _UTF_16 + _utf_16(value)) if value else b""


def _in_language(name: str, value: str) -> bytes:
    """Comments and lyrics: encoding byte, language, empty description, its end, text."""
    if not value:
        return b""
    return _frame(name, _UTF_16 + b"und" + _utf_16("") + b"\x00\x00" + _utf_16(value))


def _utf_16(value: str) -> bytes:
    clean = value.replace("\x00", "").encode("utf-16-le", "surrogatepass")
    return b"\xff\xfe" + clean.decode("utf-16-le", "replace").encode("utf-16-le")


def _frame(name: str, body: bytes) -> bytes:
    """Frame header of version 2.3: name, size as a plain big-endian number, no flags."""
    return name.encode("ascii") + len(body).to_bytes(4, "big") + b"\x00\x00" + body


def _syncsafe(size: int) -> bytes:
    """Give a size in four bytes of seven bits each, so that no byte looks like an MP3 frame."""
    return bytes((size >> shift) & 0x7F for shift in (21, 14, 7, 0))
