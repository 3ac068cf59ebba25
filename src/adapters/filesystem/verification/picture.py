"""Verification of a picture: structure, size, and every row of every frame decoded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.filesystem.verification.jpeg import verify_jpeg
from adapters.filesystem.verification.media import InvalidMediaError, Measurements
from adapters.filesystem.verification.png import verify_png
from adapters.filesystem.verification.webp import verify_webp
from adapters.media_formats import HEAD_BYTES, picture_format, without_large_texts
from domain.prompt import Kind

if TYPE_CHECKING:
    from pathlib import Path

    from PIL.ImageFile import ImageFile

    from adapters.filesystem.limits import StoreLimits

_STRUCTURE_VERIFIERS = {"png": verify_png, "jpeg": verify_jpeg, "webp": verify_webp}


def verify_picture(path: Path, size: int, limits: StoreLimits) -> Measurements:
    """Verify a picture to its last byte: its structure first, then decoded.

    Structure first, because decoders show half a file without an error, and because the size in
    the header must be checked before a decoder reserves that much memory.

    Args:
        path: a file that no other program writes to.
        size: bytes in the file.
        limits: on pixels.

    Raises:
        InvalidMediaError: the picture is damaged or incomplete, or exceeds a limit.
        MemoryError: there is not enough memory to decode it.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        format_name = picture_format(head)
        if format_name is None:
            raise InvalidMediaError.unrecognized(Kind.IMAGE, head)
        file.seek(0)
        width, height = _STRUCTURE_VERIFIERS[format_name](file, size)
    if min(width, height) == 0:
        raise InvalidMediaError.broken("has no pixels: a side of it is 0.")
    if max(width, height) > limits.max_side or width * height > limits.max_pixels:
        raise InvalidMediaError.refused(
            f"is a picture of {width:,} × {height:,} pixels; at most {limits.max_pixels:,}"
            f" pixels, and {limits.max_side:,} on a side, are accepted."
        )
    try:
        _decode(path, format_name, (width, height), limits.max_animation_pixels)
    except (InvalidMediaError, MemoryError):
        raise
    except Exception as error:  # decoders raise exceptions of any type for bad bytes
        reason = str(error) or type(error).__name__
        raise InvalidMediaError.broken(f"cannot be decoded ({reason}).") from error
    return Measurements(format_name, width, height)


def _decode(path: Path, format_name: str, size: tuple[int, int], max_pixels: int) -> None:
    """Decode every frame; ``max_pixels`` limits those of all frames of an animation together.

    The decoder's class is called and not `Image.open`, which would try other decoders too, and
    whose guard against decompression bombs is a process-wide number lower than our own limit.
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
    with (
        path.open("rb") as file,
        decoders[format_name](
            without_large_texts(file) if format_name == "png" else file
        ) as picture,
    ):
        if picture.size != size:
            raise InvalidMediaError.broken("contradicts itself about its size.")
        frames = getattr(picture, "n_frames", 1)
        if frames > 1 and frames * size[0] * size[1] > max_pixels:
            raise InvalidMediaError.refused(
                f"is an animation of {frames:,} frames; at most {max_pixels:,} pixels in all"
                " frames together are accepted."
            )
        for frame in range(frames):
            picture.seek(frame)
            picture.load()
