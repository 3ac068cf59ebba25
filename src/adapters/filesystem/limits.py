"""Limits on what one workflow may leave behind."""

from __future__ import annotations

from dataclasses import dataclass

_MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class StoreLimits:
    """Limits on one staging folder and on each file in it.

    Attributes:
        max_files: entries of any sort in the staging folder and its subfolders.
        max_bytes: bytes of all regular files together.
        max_depth: levels of folders within folders.
        max_pixels: pixels of one picture, or of one frame of an animation.
        max_side: pixels on the longer side of a picture.
        max_animation_pixels: pixels of all frames of an animation together.
        max_audio_seconds: length of one song.
        min_free_bytes: free bytes on a volume below which no render starts; 0 for no minimum.
    """

    max_files: int = 500
    max_bytes: int = 2048 * _MEBIBYTE
    max_depth: int = 16
    max_pixels: int = 100_000_000
    max_side: int = 32_768
    max_animation_pixels: int = 1_000_000_000
    max_audio_seconds: int = 7_200
    min_free_bytes: int = 256 * _MEBIBYTE
