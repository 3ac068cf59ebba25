"""Decoding a song to its last sample."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters.filesystem.unfit import UnfitError
from adapters.media_formats import FFMPEG_CONTAINERS

if TYPE_CHECKING:
    from pathlib import Path

    import av
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.packet import Packet

    from adapters.filesystem.limits import StoreLimits

# Nothing but this very file may be opened, whatever it names.
_OPTIONS = {"protocol_whitelist": "file", "enable_drefs": "0"}
# Samples of all channels for each second allowed: more than stereo at 192 kHz is no song.
_SAMPLES_PER_SECOND = 2 * 192_000


@dataclass(frozen=True, slots=True)
class Sound:
    """What was decoded.

    Attributes:
        seconds: its length.
        samples: of each channel.
        promised_seconds: what the container says, or None.
        md5: of the samples as FLAC counts it, or None if it was not asked for.
        last_packet: what the last frame was decoded from, to the end of the file.
    """

    seconds: float
    samples: int
    promised_seconds: float | None
    md5: bytes | None
    last_packet: bytes


def decode_sound(
    path: Path, format_name: str, limits: StoreLimits, md5_bits: int | None = None
) -> Sound:
    """Decode every frame, one after the other, so that memory stays flat.

    Args:
        path: of the file.
        format_name: as in `MediaFacts`; no other container or decoder is ever reached.
        limits: on the length.
        md5_bits: bits of a sample, to have a digest of the decoded samples.

    Raises:
        UnfitError: it cannot be decoded, is too long, or holds anything but one song.
        MemoryError: there is no memory for a frame.
    """
    # PyAV takes half a second to import: only a process that verifies songs pays for it.
    import av

    container_format, codecs = FFMPEG_CONTAINERS[format_name]
    try:
        # Tags are read by nobody here, so that their encoding does not matter.
        with av.open(
            str(path), format=container_format, options=_OPTIONS, metadata_errors="ignore"
        ) as container:
            _refuse_all_but_one_song(container, codecs)
            return _decode(container, limits, md5_bits)
    except (UnfitError, MemoryError):
        raise
    except Exception as error:  # decoders raise whatever they like at bad bytes
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise UnfitError.broken(f"cannot be decoded ({reason}).") from error


def _refuse_all_but_one_song(container: InputContainer, codecs: tuple[str, ...]) -> None:
    """Let one stream of sound through, and a cover picture."""
    from av.stream import Disposition

    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic:
            raise UnfitError.refused("holds a film, not a song.")
    if len(container.streams.audio) != 1:
        raise UnfitError.refused(f"holds {len(container.streams.audio)} songs, not one.")
    codec = container.streams.audio[0].codec_context.name
    if not codec.startswith(codecs):
        raise UnfitError.refused(f"holds sound of the sort {codec!r}, which is not accepted.")


def _decode(container: InputContainer, limits: StoreLimits, md5_bits: int | None) -> Sound:
    """Play to the end without a loudspeaker."""
    stream = container.streams.audio[0]
    tally = _Tally(limits, md5_bits)
    last_packet: Packet[AudioStream] | None = None
    for packet in container.demux(stream):
        if packet.is_corrupt:
            raise UnfitError.broken("is damaged or cut off: a packet of it is incomplete.")
        if packet.size:
            last_packet = packet
        for frame in packet.decode():
            tally.count(frame)
    promised = stream.duration
    base = stream.time_base
    return Sound(
        seconds=tally.seconds,
        samples=tally.samples,
        promised_seconds=None if promised is None or base is None else float(promised * base),
        md5=tally.digest.digest() if md5_bits else None,
        last_packet=b"" if last_packet is None else bytes(last_packet),
    )


class _Tally:
    """What has been played so far."""

    def __init__(self, limits: StoreLimits, md5_bits: int | None) -> None:
        self.seconds = 0.0
        self.samples = 0
        self.digest = hashlib.md5(usedforsecurity=False)
        self._effort = 0
        self._limits = limits
        self._md5_bits = md5_bits

    def count(self, frame: av.AudioFrame) -> None:
        """Take one more frame into account; raises UnfitError at a cap or a damaged frame."""
        if frame.is_corrupt:
            raise UnfitError.broken("is damaged: a frame of it cannot be decoded.")
        self.samples += frame.samples
        self.seconds += frame.samples / frame.sample_rate
        self._effort += frame.samples * frame.layout.nb_channels
        most = self._limits.max_audio_seconds
        if max(self.seconds, self._effort / _SAMPLES_PER_SECOND) > most:
            raise UnfitError.refused(f"is longer than the {most:,} seconds that are accepted.")
        if self._md5_bits:
            self.digest.update(_packed(frame, self._md5_bits))


def _packed(frame: av.AudioFrame, bits: int) -> bytes:
    """A frame's samples, interleaved, in as many bytes as their bits need, lowest first."""
    samples = frame.to_ndarray()
    width = samples.itemsize * 8
    if width == bits:
        return samples.tobytes()
    size = (bits + 7) // 8
    # FFmpeg puts the bits of a sample into the upper part of 16 or 32; FLAC has whole numbers.
    whole = samples.astype("<i4") >> (width - bits)
    return whole.view("u1").reshape(-1, 4)[:, :size].tobytes()
