"""Real bytes of pictures and sounds."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import numpy as np
from PIL import PngImagePlugin

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.comfyui_double.values import Picture, Sound

_LOUDNESS = 0.2
_OPUS_RATE = 48_000  # Opus knows no 44.1 kHz

# Container, encoder and layout of samples for each suffix.
_ENCODERS = {
    "flac": ("flac", "flac", "s16"),
    "mp3": ("mp3", "libmp3lame", "s16p"),
    "opus": ("ogg", "libopus", "s16"),
}


def png(picture: Picture, texts: Mapping[str, object]) -> bytes:
    """A PNG file with texts in it, each as JSON, as ComfyUI leaves the graph there."""
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

    container_format, encoder, layout = _ENCODERS[suffix]
    rate = _OPUS_RATE if suffix == "opus" else sound.rate
    samples = _samples(sound, rate)
    channels = "mono" if sound.channels == 1 else "stereo"
    frame = av.AudioFrame.from_ndarray(samples, format="s16", layout=channels)
    frame.sample_rate = rate
    file = io.BytesIO()
    with av.open(file, "w", format=container_format) as container:
        container.metadata.update({name: json.dumps(value) for name, value in texts.items()})
        stream = container.add_stream(encoder, rate=rate, layout=channels)
        assert isinstance(stream, av.AudioStream)
        stream.format = layout
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


def _samples(sound: Sound, rate: int) -> np.ndarray[tuple[int, int], np.dtype[np.int16]]:
    """Interleaved 16-bit samples, one row; never none at all."""
    moments = np.arange(max(1, int(sound.seconds * rate))) / rate
    wave = _LOUDNESS * np.sin(2 * np.pi * sound.hertz * moments)
    channels = 1 if sound.channels == 1 else 2
    return np.repeat((wave * 32767).astype(np.int16), channels).reshape(1, -1)
