"""MP3 encoding with LAME, in memory: constant bitrate, a Xing/LAME header, no tags."""

import io
from collections.abc import Callable

import av
import numpy as np

from adapters.sketch.audio_signal import RATE, Stereo

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
