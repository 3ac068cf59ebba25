"""How loud a song is from beginning to end, decoded frame by frame."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from adapters.media_files.unfit import UnfitMediaError
from adapters.media_formats import FFMPEG_CONTAINERS

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

    import av
    import numpy as np
    from av.container import InputContainer
    from numpy.typing import NDArray

LEVELS: Final = 2_000
MAX_SECONDS: Final = 7_200  # of a song
TIME_LIMIT: Final = 30.0  # seconds of work on one song
_BLOCK = 256  # samples of which only the loudest is kept
_OPTIONS = {"enable_drefs": "0"}  # nothing but this very file may be read, whatever it names


@dataclass(frozen=True, slots=True)
class SoundLevels:
    """The loudest moment of each of LEVELS equal parts of a song.

    Attributes:
        levels: from 0 (silence) to 1 (as loud as the format allows).
        seconds: the song's length.
    """

    levels: tuple[float, ...]
    seconds: float

    def in_parts(self, parts: int) -> list[float]:
        """The loudest moment of each of so many equal parts, at most LEVELS."""
        bounds = [number * LEVELS // parts for number in range(parts + 1)]
        return [max(self.levels[a:b]) for a, b in pairwise(bounds)]


def measure_levels(
    file: BinaryIO, format_name: str, monotonic: Callable[[], float] = time.monotonic
) -> SoundLevels:
    """Decode a song to its end; two hours of sound need a few megabytes.

    Args:
        file: seekable, at its beginning.
        format_name: an accepted format of songs; no other container or decoder is reached.
        monotonic: seconds of a clock that nobody sets.

    Raises:
        UnfitMediaError: it cannot be decoded, holds no sound, or takes too long.
    """
    # PyAV takes half a second to import: only a server that is asked for a waveform pays for it.
    import av

    container_format, codecs = FFMPEG_CONTAINERS[format_name]
    try:
        with av.open(
            file, "r", format=container_format, options=_OPTIONS, metadata_errors="ignore"
        ) as container:
            _refuse_other_codecs(container, codecs)
            return _decode(container, monotonic() + TIME_LIMIT, monotonic)
    except UnfitMediaError:
        raise
    except Exception as error:  # decoders raise whatever they like at bad bytes
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise UnfitMediaError(f"the song cannot be decoded ({reason})") from error


def _refuse_other_codecs(container: InputContainer, codecs: tuple[str, ...]) -> None:
    sound = container.streams.audio
    if not sound or not sound[0].codec_context.name.startswith(codecs):
        raise UnfitMediaError("the file holds no sound of the sort that its beginning promises")


def _decode(
    container: InputContainer, deadline: float, monotonic: Callable[[], float]
) -> SoundLevels:
    stream = container.streams.audio[0]
    track = _Track()
    for packet in container.demux(stream):
        for frame in packet.decode():
            track.add(frame)
        if monotonic() > deadline or track.seconds > MAX_SECONDS:
            raise UnfitMediaError("the song takes too long to decode")
    return SoundLevels(track.levels(), round(track.seconds, 3))


@dataclass(slots=True)
class _Track:
    """The blocks that were decoded so far, and where each begins."""

    seconds: float = 0.0
    samples: int = 0
    starts: list[NDArray[np.int64]] = field(default_factory=list)
    peaks: list[NDArray[np.float32]] = field(default_factory=list)

    def add(self, frame: av.AudioFrame) -> None:
        import numpy as np

        if not frame.samples:
            return
        sound = frame.to_ndarray()
        step = _BLOCK if frame.format.is_planar else _BLOCK * frame.layout.nb_channels
        blocks = np.arange(0, sound.shape[1], step)
        highest = np.maximum.reduceat(sound, blocks, axis=1).max(axis=0)
        lowest = np.minimum.reduceat(sound, blocks, axis=1).min(axis=0)
        self.peaks.append(np.maximum(_scaled(highest), -_scaled(lowest)))
        self.starts.append(self.samples + np.arange(len(blocks)) * _BLOCK)
        self.samples += frame.samples
        self.seconds += frame.samples / frame.sample_rate

    def levels(self) -> tuple[float, ...]:
        import numpy as np

        if not self.samples:
            raise UnfitMediaError("the song holds no sound")
        peaks = np.nan_to_num(np.concatenate(self.peaks), nan=0.0, posinf=1.0).clip(0.0, 1.0)
        borders = np.arange(LEVELS) * self.samples // LEVELS
        # The block in which each part begins; a song shorter than the blocks has some twice.
        first = np.searchsorted(np.concatenate(self.starts), borders, side="right") - 1
        return tuple(round(float(level), 3) for level in np.maximum.reduceat(peaks, first))


def _scaled(values: NDArray[np.generic]) -> NDArray[np.float32]:
    """Samples of any sort as numbers from -1 to 1."""
    import numpy as np

    if np.issubdtype(values.dtype, np.floating):
        return values.astype(np.float32)
    bits = 8 * values.dtype.itemsize
    centre = 2.0 ** (bits - 1) if values.dtype.kind == "u" else 0.0
    return ((values.astype(np.float64) - centre) / 2.0 ** (bits - 1)).astype(np.float32)
