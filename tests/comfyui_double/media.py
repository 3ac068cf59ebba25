"""Real bytes of pictures and sounds."""

from __future__ import annotations

import io
import itertools
import json
import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import PngImagePlugin

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from av import Packet

    from tests.comfyui_double.values import Picture, Sound

_LOUDNESS = 0.2
_OPUS_RATE = 48_000  # Opus does not support 44.1 kHz

_FEW = 8  # packets, of which none is repeated
_PIECE_SECONDS = 4.0  # this much of a long song is encoded, and then repeated

# Container, encoder, sample layout, and options for each suffix. Without its bit reservoir, a
# frame of MP3 can be decoded on its own.
_ENCODERS = {
    "flac": ("flac", "flac", "s16", {"compression_level": "0"}),
    "mp3": ("mp3", "libmp3lame", "s16p", {"compression_level": "9", "reservoir": "0"}),
    "opus": ("ogg", "libopus", "s16", {"compression_level": "0"}),
}


def png(picture: Picture, texts: Mapping[str, object]) -> bytes:
    """A PNG file with texts in it, each as JSON, as ComfyUI stores the graph."""
    info = PngImagePlugin.PngInfo()
    for name, value in texts.items():
        info.add_text(name, json.dumps(value))
    file = io.BytesIO()
    picture.save(file, "PNG", compress_level=1, pnginfo=info)
    return file.getvalue()


def jpeg(picture: Picture) -> bytes:
    """A JPEG file."""
    file = io.BytesIO()
    picture.save(file, "JPEG")
    return file.getvalue()


def animated_webp(pictures: Sequence[Picture], fps: float) -> bytes:
    """A WebP file of several pictures."""
    file = io.BytesIO()
    first, *others = pictures
    duration = round(1000 / fps)
    first.save(file, "WEBP", save_all=True, append_images=others, duration=duration, method=0)
    return file.getvalue()


def song(sound: Sound, suffix: str, texts: Mapping[str, object]) -> bytes:
    """A FLAC, MP3 or Opus file with texts among its tags."""
    import av  # noqa: PLC0415 (half a second of import, which pictures need not pay)

    container_format, encoder, layout, options = _ENCODERS[suffix]
    rate = _OPUS_RATE if suffix == "opus" else sound.rate
    channels = "mono" if sound.channels == 1 else "stereo"
    seconds = sound.seconds if suffix == "flac" else min(sound.seconds, _PIECE_SECONDS)
    samples = _samples(sound, rate, seconds)
    frame = av.AudioFrame.from_ndarray(samples, format="s16", layout=channels)
    frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
    file = io.BytesIO()
    with av.open(file, "w", format=container_format) as container:
        container.metadata.update({name: json.dumps(value) for name, value in texts.items()})
        stream = container.add_stream(encoder, rate=rate, layout=channels, options=options)
        assert isinstance(stream, av.AudioStream)
        stream.format = layout
        packets = [*stream.encode(frame), *stream.encode(None)]
        for packet in packets if suffix == "flac" else _long_enough(packets, sound.seconds):
            packet.stream = stream
            container.mux(packet)
    return file.getvalue()


def _long_enough(packets: Sequence[Packet[Any]], seconds: float) -> Iterator[Packet[Any]]:
    """Packets of a song, and then those of its middle again: encoding long songs takes too long."""
    from av import Packet  # noqa: PLC0415

    quarter = len(packets) // 4
    middle = [bytes(each) for each in packets[quarter : len(packets) - quarter]]
    pts = [each.pts or 0 for each in packets]
    unit = packets[0].time_base
    yield from packets
    if len(packets) < _FEW or unit is None:
        return
    step = pts[_FEW - 1] - pts[_FEW - 2]
    missing = math.ceil((seconds / unit - pts[-1]) / step) - 1
    for index, content in enumerate(itertools.islice(itertools.cycle(middle), max(0, missing)), 1):
        again: Packet[Any] = Packet(content)
        again.time_base, again.duration = unit, step
        again.pts = again.dts = pts[-1] + index * step
        yield again


def _samples(
    sound: Sound, rate: int, seconds: float
) -> np.ndarray[tuple[int, int], np.dtype[np.int16]]:
    """Interleaved 16-bit samples, one row; at least one sample."""
    moments = np.arange(rate) / rate
    wave = (_LOUDNESS * 32767 * np.sin(2 * np.pi * sound.hertz * moments)).astype(np.int16)
    channels = 1 if sound.channels == 1 else 2
    count = max(1, int(seconds * rate))
    # An integer frequency: every second is like the first.
    return np.resize(np.repeat(wave, channels), (1, count * channels))
