"""Verification of a song: structure, then every sample decoded and compared with the header."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters.filesystem.verification.flac import ends_with_frame, read_stream_info
from adapters.filesystem.verification.m4a import verify_m4a
from adapters.filesystem.verification.media import InvalidMediaError, Measurements
from adapters.filesystem.verification.mp3 import verify_mp3
from adapters.filesystem.verification.ogg import verify_ogg
from adapters.filesystem.verification.wav import verify_wav
from adapters.media_formats import (
    FFMPEG_CONTAINERS,
    HEAD_BYTES,
    TAGGED_FORMATS,
    FileParts,
    sound_part,
    tagged_song_format,
)
from domain.prompt import Kind

if TYPE_CHECKING:
    from pathlib import Path

    import av
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.packet import Packet

    from adapters.filesystem.limits import StoreLimits
    from adapters.filesystem.verification.flac import StreamInfo

_MIN_SECONDS = 0.05
# Encoders put a little silence before and after; players differ in what they remove again.
_TOLERANCE_SECONDS = 0.25
# Samples of all channels for each second allowed: more than stereo at 192 kHz is no song.
_MAX_SAMPLES_PER_SECOND = 2 * 192_000
# Only this file may be opened, whatever others it names.
_OPTIONS = {"protocol_whitelist": "file", "enable_drefs": "0"}


@dataclass(frozen=True, slots=True)
class _Sound:
    """What was decoded.

    Attributes:
        seconds: length of the sound.
        samples: number of samples in each channel.
        stated_seconds: length that the container states, or None.
        md5: digest of the samples as FLAC counts it, or None if it was not requested.
        last_packet: what the last frame was decoded from, to the end of the file.
        has_zeros: whether that frame is whole without the last byte, which is 0.
    """

    seconds: float
    samples: int
    stated_seconds: float | None
    md5: bytes | None
    last_packet: bytes
    has_zeros: bool


def verify_song(path: Path, size: int, limits: StoreLimits) -> Measurements:
    """Verify a song to its last byte: its structure first, then decoded.

    Structure first, because decoders play half a file without an error.

    Args:
        path: a file that no other program writes to.
        size: bytes in the file.
        limits: on the length in seconds.

    Raises:
        InvalidMediaError: the song is damaged or incomplete, exceeds a limit, or asks for more
            memory than there is.
    """
    with path.open("rb") as file:
        format_name = tagged_song_format(file)
        if format_name is None:
            file.seek(0)
            raise InvalidMediaError.unrecognized(Kind.AUDIO, file.read(HEAD_BYTES))
        part = sound_part(file) if format_name in TAGGED_FORMATS else (0, size)
        file.seek(part[0])
        flac = read_stream_info(file, part[1]) if format_name == "flac" else None
        stated_samples = flac.samples if flac else None
        match format_name:
            case "mp3":
                verify_mp3(file, *part)
            case "wav":
                stated_samples = verify_wav(file, size)
            case "ogg":
                format_name = verify_ogg(file, size)
            case "m4a":
                verify_m4a(file, size)
        source = str(path) if part == (0, size) else FileParts(file, [part])
        sound = _decode(source, format_name, limits, flac)
    if format_name == "m4a":
        _compare_seconds(sound)
    if stated_samples is not None:
        _compare_samples(sound, stated_samples)
    if flac is not None:
        _compare_flac(sound, flac)
    if sound.seconds < _MIN_SECONDS:
        raise InvalidMediaError.broken(f"has no sound: it is {sound.seconds:.3f} seconds long.")
    return Measurements(format_name, duration_seconds=sound.seconds)


def _compare_samples(sound: _Sound, stated: int) -> None:
    if sound.samples != stated:
        raise InvalidMediaError.broken(
            f"is cut off or damaged: {sound.samples:,} of its {stated:,} samples can be played."
        )


def _compare_seconds(sound: _Sound) -> None:
    stated = sound.stated_seconds
    if stated is None or abs(sound.seconds - stated) > _TOLERANCE_SECONDS:
        raise InvalidMediaError.broken(
            f"is cut off or damaged: it states {stated or 0:.2f} seconds of sound"
            f" and {sound.seconds:.2f} can be played."
        )


def _compare_flac(sound: _Sound, info: StreamInfo) -> None:
    if sound.md5 != info.md5:
        raise InvalidMediaError.broken("is damaged: its sound does not match its own digest.")
    if sound.has_zeros or not ends_with_frame(sound.last_packet):
        raise InvalidMediaError.refused("has something else after its last frame.")


def _decode(
    source: str | FileParts, format_name: str, limits: StoreLimits, flac: StreamInfo | None
) -> _Sound:
    """Decode every frame, one after the other, so that memory stays flat.

    Args:
        source: the file, or the part of it between its tags.
        format_name: a format in `FFMPEG_CONTAINERS`; no other container or decoder is used.
        limits: on the length in seconds.
        flac: what a FLAC file states.
    """
    # PyAV takes half a second to import: only a process that verifies songs pays for it.
    import av

    container_format, codecs = FFMPEG_CONTAINERS[format_name]
    try:
        # Tags are not read, so their encoding does not matter.
        with av.open(
            source, "r", format=container_format, options=_OPTIONS, metadata_errors="ignore"
        ) as container:
            _require_one_song(container, codecs)
            return _play(container, limits, flac)
    except InvalidMediaError:
        raise
    except MemoryError as error:
        raise InvalidMediaError.too_large_for_memory() from error
    except Exception as error:  # decoders raise exceptions of any type for bad bytes
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise InvalidMediaError.broken(f"cannot be decoded ({reason}).") from error


def _require_one_song(container: InputContainer, codecs: tuple[str, ...]) -> None:
    """Accept one stream of sound, and a cover picture."""
    from av.stream import Disposition

    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic:
            raise InvalidMediaError.refused("contains a film, not a song.")
    if len(container.streams.audio) != 1:
        raise InvalidMediaError.refused(
            f"contains {len(container.streams.audio)} streams of sound instead of one."
        )
    codec = container.streams.audio[0].codec_context.name
    if not codec.startswith(codecs):
        raise InvalidMediaError.refused(
            f"contains sound in the format {codec!r}, which is not accepted."
        )


def _play(container: InputContainer, limits: StoreLimits, flac: StreamInfo | None) -> _Sound:
    """Decode the only stream of sound to its end."""
    md5_bits = flac.bits if flac and flac.md5 else None
    stream = container.streams.audio[0]
    if flac is not None:  # as strict as other decoders, even where the samples came out right
        stream.codec_context.options = {"err_detect": "crccheck+explode"}
    tally = _Tally(limits, md5_bits)
    last_packet: Packet[AudioStream] | None = None
    for packet in container.demux(stream):
        # FFmpeg calls the last packet of a WAV file from a pipe incomplete; samples are counted.
        if packet.is_corrupt and container.format.name != "wav":
            raise InvalidMediaError.broken("is damaged or cut off: a packet is incomplete.")
        if packet.size:
            last_packet = packet
        for frame in packet.decode():
            tally.count(frame)
    packet_bytes = bytes(last_packet) if flac and last_packet else b""
    stated = stream.duration
    base = stream.time_base
    return _Sound(
        seconds=tally.seconds,
        samples=tally.samples,
        stated_seconds=None if stated is None or base is None else float(stated * base),
        md5=tally.digest.digest() if md5_bits else None,
        last_packet=packet_bytes,
        has_zeros=_has_zeros(packet_bytes, stream),
    )


def _has_zeros(packet: bytes, stream: AudioStream) -> bool:
    """Whether zeros stand behind the last frame of a FLAC stream.

    The checksum of the frame does not change by them, but the decoder fails if the frame is longer
    than the packet.
    """
    import av

    if packet[-1:] != b"\0":
        return False
    decoder = av.CodecContext.create("flac", "r")
    decoder.extradata = stream.codec_context.extradata
    try:
        return bool(decoder.decode(av.Packet(packet[:-1])))
    except av.FFmpegError:
        return False


class _Tally:
    """Samples, seconds and digest of what has been decoded."""

    def __init__(self, limits: StoreLimits, md5_bits: int | None) -> None:
        self.seconds = 0.0
        self.samples = 0
        self.digest = hashlib.md5(usedforsecurity=False)
        self._samples_of_all_channels = 0
        self._limits = limits
        self._md5_bits = md5_bits

    def count(self, frame: av.AudioFrame) -> None:
        """Add a frame; raises InvalidMediaError if it is damaged or a limit is exceeded."""
        if frame.is_corrupt:
            raise InvalidMediaError.broken("is damaged: a frame cannot be decoded.")
        self.samples += frame.samples
        self.seconds += frame.samples / frame.sample_rate
        self._samples_of_all_channels += frame.samples * frame.layout.nb_channels
        max_seconds = self._limits.max_audio_seconds
        work_seconds = self._samples_of_all_channels / _MAX_SAMPLES_PER_SECOND
        if max(self.seconds, work_seconds) > max_seconds:
            raise InvalidMediaError.refused(
                f"is longer than the {max_seconds:,} seconds that are accepted."
            )
        if self._md5_bits:
            self.digest.update(_packed(frame, self._md5_bits))


def _packed(frame: av.AudioFrame, bits: int) -> bytes:
    """The samples of a frame, interleaved, in as many bytes as their bits need, lowest first."""
    samples = frame.to_ndarray()
    width = samples.itemsize * 8
    if width == bits:
        return samples.tobytes()
    size = (bits + 7) // 8
    # FFmpeg puts the bits of a sample into the upper part of 16 or 32; FLAC has whole numbers.
    whole = samples.astype("<i4") >> (width - bits)
    return whole.view("u1").reshape(-1, 4)[:, :size].tobytes()
