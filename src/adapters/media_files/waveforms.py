"""Waveforms of songs: levels from beginning to end, measured once and cached."""

from __future__ import annotations

import io
import json
import time
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from adapters.media_files.media_file import SONG_FORMATS
from adapters.media_formats import FFMPEG_CONTAINERS, TAGGED_FORMATS, FileParts, sound_part
from application.ports.media_files import InvalidMediaError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

    import av
    import numpy as np
    from av.container import InputContainer
    from numpy.typing import NDArray

    from adapters.media_files.derived_files import DerivedFileCache, SingleFlight
    from application.ports.media_files import MediaFile

LEVEL_COUNT: Final = 2_000  # levels that are measured of each song
MAX_SECONDS: Final = 7_200  # of a song
MAX_WORK_SECONDS: Final = 30.0  # spent on one song
_BLOCK = 256  # samples of which only the loudest is kept
_OPTIONS = {"enable_drefs": "0"}  # only this file may be read, whatever others it names
VARIANT: Final = "levels.json"
"""The name of a waveform in the cache."""


@dataclass(frozen=True, slots=True)
class SoundLevels:
    """The loudest moment of each of LEVEL_COUNT equal parts of a song.

    Attributes:
        levels: from 0 (silence) to 1 (as loud as the format allows).
        seconds: length of the song.
    """

    levels: tuple[float, ...]
    seconds: float

    def in_parts(self, parts: int) -> list[float]:
        """The loudest moment of each of ``parts`` equal parts, at most LEVEL_COUNT."""
        bounds = [number * LEVEL_COUNT // parts for number in range(parts + 1)]
        return [max(self.levels[start:end]) for start, end in pairwise(bounds)]


class Waveforms:
    """Levels of songs."""

    def __init__(self, cache: DerivedFileCache, single_flight: SingleFlight) -> None:
        self._cache = cache
        self._single_flight = single_flight

    def levels(self, media: MediaFile) -> SoundLevels:
        """The levels of a song from beginning to end.

        Raises:
            InvalidMediaError: the file is not a song, or cannot be decoded.
            BusyError: too many others are being measured.
            OSError: the file cannot be read now.
        """
        if media.format not in SONG_FORMATS:
            raise InvalidMediaError("the file is no song")
        return self._cached(media) or self._single_flight.run(
            f"{media.identity} levels", lambda: self._measured(media)
        )

    def _cached(self, media: MediaFile) -> SoundLevels | None:
        try:
            document = json.loads(self._cache.load(media.identity, VARIANT) or b"{}")
            cached = SoundLevels(tuple(map(float, document["levels"])), float(document["seconds"]))
        except (ValueError, TypeError, KeyError):
            return None  # the cache is not flushed to the disk, so a file may have been cut
        return cached if len(cached.levels) == LEVEL_COUNT else None

    def _measured(self, media: MediaFile) -> SoundLevels:
        if cached := self._cached(media):  # by another thread, since the last check
            return cached
        media.file.seek(0)
        buffered = io.BufferedReader(media.file)
        try:
            measured = measure_levels(buffered, str(media.format))
        finally:
            buffered.detach()  # or the file would be closed with it
        document = {"levels": measured.levels, "seconds": measured.seconds}
        content = json.dumps(document, separators=(",", ":")).encode()
        self._cache.save(media.identity, VARIANT, content)
        return measured


def measure_levels(
    file: BinaryIO, format_name: str, monotonic: Callable[[], float] = time.monotonic
) -> SoundLevels:
    """Decode a song to its end and measure its levels; two hours need a few megabytes.

    Args:
        file: seekable, at its beginning.
        format_name: an accepted format of songs; no other container or decoder is used.
        monotonic: seconds of a clock that is never set.

    Raises:
        InvalidMediaError: it cannot be decoded, has no sound, or takes too long.
    """
    # PyAV takes half a second to import: only a server that is asked for a waveform pays for it.
    import av

    container_format, codecs = FFMPEG_CONTAINERS[format_name]
    try:
        source = FileParts(file, [sound_part(file)]) if format_name in TAGGED_FORMATS else file
        with av.open(
            source, "r", format=container_format, options=_OPTIONS, metadata_errors="ignore"
        ) as container:
            return _decode(container, codecs, monotonic)
    except InvalidMediaError:
        raise
    except Exception as error:  # decoders raise exceptions of any type for bad bytes
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise InvalidMediaError(f"the song cannot be decoded ({reason})") from error


def _decode(
    container: InputContainer, codecs: tuple[str, ...], monotonic: Callable[[], float]
) -> SoundLevels:
    deadline = monotonic() + MAX_WORK_SECONDS
    streams = container.streams.audio
    if not streams or not streams[0].codec_context.name.startswith(codecs):
        raise InvalidMediaError("the file holds no sound of the sort that its beginning promises")
    blocks = _Blocks()
    for packet in container.demux(streams[0]):
        for frame in packet.decode():
            blocks.add(frame)
        if monotonic() > deadline or blocks.seconds > MAX_SECONDS:
            raise InvalidMediaError("the song takes too long to decode")
    return SoundLevels(blocks.levels(), round(blocks.seconds, 3))


@dataclass(slots=True)
class _Blocks:
    """The blocks of samples that were decoded so far: where each begins, and its peak."""

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
            raise InvalidMediaError("the song holds no sound")
        peaks = np.nan_to_num(np.concatenate(self.peaks), nan=0.0, posinf=1.0).clip(0.0, 1.0)
        borders = np.arange(LEVEL_COUNT) * self.samples // LEVEL_COUNT
        # The block in which each part begins; a song shorter than the blocks has some twice.
        first = np.searchsorted(np.concatenate(self.starts), borders, side="right") - 1
        return tuple(round(float(level), 3) for level in np.maximum.reduceat(peaks, first))


def _scaled(values: NDArray[np.generic]) -> NDArray[np.float32]:
    """Samples of any type as numbers from -1 to 1."""
    import numpy as np

    if np.issubdtype(values.dtype, np.floating):
        return values.astype(np.float32)
    bits = 8 * values.dtype.itemsize
    centre = 2.0 ** (bits - 1) if values.dtype.kind == "u" else 0.0
    return ((values.astype(np.float64) - centre) / 2.0 ** (bits - 1)).astype(np.float32)
