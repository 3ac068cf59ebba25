"""Verification of a picture: structure, size, and every row of every frame decoded."""

from __future__ import annotations

from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING

from adapters.filesystem.verification.jpeg import verify_jpeg
from adapters.filesystem.verification.media import InvalidMediaError, Measurements
from adapters.filesystem.verification.png import has_all_rows, verify_png
from adapters.filesystem.verification.webp import verify_webp
from adapters.media_formats import HEAD_BYTES
from adapters.picture_files import decode_webp, decoding, open_picture, picture_format
from domain.prompt import Kind

if TYPE_CHECKING:
    from pathlib import Path

    from adapters.filesystem.limits import StoreLimits

_STRUCTURE_VERIFIERS = {"png": verify_png, "jpeg": verify_jpeg, "webp": verify_webp}
_SCALE = 8  # the smallest part of a JPEG's pixels that its decoder makes when it reads all of it


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
    """Make sure that every frame can be decoded, if possible without making all of its pixels.

    Whatever the quick way does not accept is decoded in full, and that alone refuses.

    Args:
        path: the file.
        format_name: its format.
        size: width and height in pixels.
        max_pixels: of all frames of an animation together.
    """
    pixels = size[0] * size[1]
    small = (max(1, size[0] // _SCALE), max(1, size[1] // _SCALE))
    # A PNG takes next to no memory until it is decoded in full.
    with nullcontext() if format_name == "png" else decoding(pixels):
        with path.open("rb") as file, open_picture(file, format_name) as picture:
            if picture.size != size:
                raise InvalidMediaError.broken("contradicts itself about its size.")
            frames = getattr(picture, "n_frames", 1)
            if frames > 1 and frames * pixels > max_pixels:
                raise InvalidMediaError.refused(
                    f"is an animation of {frames:,} frames; at most {max_pixels:,} pixels in all"
                    " frames together are accepted."
                )
            if format_name == "jpeg":
                # Of any type, and also for a JPEG that cannot be made smaller.
                with suppress(Exception):
                    picture.draft(None, small)
                    picture.load()
                    return
        if frames == 1 and format_name != "jpeg":
            with path.open("rb") as file:
                if has_all_rows(file) if format_name == "png" else decode_webp(file, small):
                    return
    with decoding(pixels), path.open("rb") as file, open_picture(file, format_name) as picture:
        for frame in range(frames):
            picture.seek(frame)
            picture.load()
