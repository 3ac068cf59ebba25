"""Decoding a picture to its last row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.filesystem.unfit import UnfitError

if TYPE_CHECKING:
    from pathlib import Path

    from PIL.ImageFile import ImageFile

    from adapters.filesystem.limits import StoreLimits


def refuse_giants(size: tuple[int, int], limits: StoreLimits) -> None:
    """Raise UnfitError for a picture that would fill the memory when it is decoded."""
    width, height = size
    if min(size) == 0:
        raise UnfitError.broken("has no pixels: a side of it is 0.")
    if max(size) > limits.max_side or width * height > limits.max_pixels:
        raise UnfitError.refused(
            f"is a picture of {width:,} × {height:,} pixels; at most {limits.max_pixels:,}"
            f" pixels, and {limits.max_side:,} on a side, are accepted."
        )


def decode_picture(
    path: Path, format_name: str, size: tuple[int, int], limits: StoreLimits
) -> None:
    """Decode every frame of a picture whose container was found whole.

    Args:
        path: of the file.
        format_name: "png", "jpeg" or "webp"; no other decoder of Pillow's is ever reached.
        size: width and height in pixels, as the container promises them.
        limits: for animations; the caller has applied those for single pictures.

    Raises:
        UnfitError: a frame cannot be decoded, or there are too many.
        MemoryError: there is no memory for a frame.
    """
    try:
        with _open(path, format_name, size) as picture:
            frames = getattr(picture, "n_frames", 1)
            _refuse_long_animations(frames, size, limits)
            for frame in range(frames):
                picture.seek(frame)
                picture.load()
    except (UnfitError, MemoryError):
        raise
    except Exception as error:  # decoders raise whatever they like at bad bytes
        reason = str(error) or type(error).__name__
        raise UnfitError.broken(f"cannot be decoded ({reason}).") from error


def _open(path: Path, format_name: str, promised: tuple[int, int]) -> ImageFile:
    """Open with one decoder only.

    The classes are called and not `Image.open`, whose guard against decompression bombs is a
    process-wide number lower than our own cap; that cap has been applied before.
    """
    # Pillow takes 40 ms to import: only a process that verifies pictures pays for it.
    from PIL.JpegImagePlugin import JpegImageFile
    from PIL.PngImagePlugin import PngImageFile
    from PIL.WebPImagePlugin import WebPImageFile

    decoders: dict[str, type[ImageFile]] = {
        "png": PngImageFile,
        "jpeg": JpegImageFile,
        "webp": WebPImageFile,
    }
    picture = decoders[format_name](path)
    if picture.size != promised:
        picture.close()
        raise UnfitError.broken("contradicts itself about its size.")
    return picture


def _refuse_long_animations(frames: int, size: tuple[int, int], limits: StoreLimits) -> None:
    pixels = frames * size[0] * size[1]
    if frames > 1 and pixels > limits.max_animation_pixels:
        raise UnfitError.refused(
            f"is an animation of {frames:,} frames; at most {limits.max_animation_pixels:,}"
            " pixels in all frames together are accepted."
        )
