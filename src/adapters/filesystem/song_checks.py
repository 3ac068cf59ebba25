"""Whether a song is whole: what its container promises against what is decoded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.filesystem.audio_decoding import Sound, decode_sound
from adapters.filesystem.flac import walk_flac
from adapters.filesystem.flac_frame_end import ends_with_frame
from adapters.filesystem.m4a import walk_m4a
from adapters.filesystem.mp3 import walk_mp3
from adapters.filesystem.ogg import walk_ogg
from adapters.filesystem.unfit import UnfitError
from adapters.filesystem.wav import walk_wav

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

    from adapters.filesystem.limits import StoreLimits

_SHORTEST_SECONDS = 0.05
# Encoders put a little silence before and behind; players differ in what they cut away again.
_TOLERATED_SECONDS = 0.25


def check_song(
    path: Path, file: BinaryIO, size: int, sniffed: str, limits: StoreLimits
) -> tuple[str, float]:
    """Verify a song to its last byte.

    Args:
        path: of the file.
        file: the same, open at its beginning.
        size: in bytes.
        sniffed: what it claims to be.
        limits: on the length.

    Returns:
        The true format and the length in seconds.

    Raises:
        UnfitError: it is broken or refused.
        MemoryError: there is no memory to decode it.
    """
    format_name = sniffed
    promised_samples = None
    if sniffed == "flac":
        return format_name, _check_flac(path, file, size, limits)
    if sniffed == "mp3":
        walk_mp3(file, size)
    elif sniffed == "wav":
        promised_samples = walk_wav(file, size)
    elif sniffed == "ogg":
        format_name = walk_ogg(file, size)
    else:
        walk_m4a(file, size)
    sound = decode_sound(path, format_name, limits)
    if sniffed == "m4a":
        _compare_seconds(sound)
    _compare_samples(sound, promised_samples)
    return format_name, _long_enough(sound)


def _check_flac(path: Path, file: BinaryIO, size: int, limits: StoreLimits) -> float:
    """Its length in seconds; count and digest of the samples must be as promised."""
    info = walk_flac(file, size)
    bits = None if info.md5 is None else info.bits
    sound = decode_sound(path, "flac", limits, bits)
    _compare_samples(sound, info.samples)
    if bits is not None and sound.md5 != info.md5:
        raise UnfitError.broken("is damaged: its sound does not match its own digest.")
    if not ends_with_frame(sound.last_packet):
        raise UnfitError.refused("holds something else behind its last frame.")
    return _long_enough(sound)


def _compare_samples(sound: Sound, promised: int | None) -> None:
    if promised is not None and sound.samples != promised:
        raise UnfitError.broken(
            f"is cut off or damaged: {sound.samples:,} of its {promised:,} samples can be played."
        )


def _compare_seconds(sound: Sound) -> None:
    promised = sound.promised_seconds
    if promised is None or abs(sound.seconds - promised) > _TOLERATED_SECONDS:
        raise UnfitError.broken(
            f"is cut off or damaged: it promises {promised or 0:.2f} seconds of sound"
            f" and {sound.seconds:.2f} can be played."
        )


def _long_enough(sound: Sound) -> float:
    if sound.seconds < _SHORTEST_SECONDS:
        raise UnfitError.broken(f"holds no sound: it is {sound.seconds:.3f} seconds long.")
    return sound.seconds
