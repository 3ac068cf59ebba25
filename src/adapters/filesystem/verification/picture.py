"""Verification of a picture: structure, size, and every row of every frame decoded."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from typing import TYPE_CHECKING

from adapters.filesystem.verification.jpeg import verify_jpeg
from adapters.filesystem.verification.media import InvalidMediaError, Measurements
from adapters.filesystem.verification.png import has_all_rows, verify_png
from adapters.filesystem.verification.webp import verify_webp
from adapters.media_formats import HEAD_BYTES
from adapters.picture_files import decode_webp, decoding, open_picture, picture_format
from domain.prompt import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

    from adapters.filesystem.limits import StoreLimits

_STRUCTURE_VERIFIERS = {"png": verify_png, "jpeg": verify_jpeg, "webp": verify_webp}
_LARGE = 256 * 1024  # bytes; a smaller picture is decoded sooner than a thread begins
_SCALE = 8  # the smallest part of a JPEG's pixels that its decoder makes when it reads all of it


def verify_picture(path: Path, size: int, limits: StoreLimits) -> Measurements:
    """Verify a picture to its last byte: as `verifying_picture`, with nothing done meanwhile."""
    with verifying_picture(path, size, limits) as measured:
        return measured


@contextmanager
def verifying_picture(path: Path, size: int, limits: StoreLimits) -> Iterator[Measurements]:
    """Verify a picture to its last byte: its structure first, then decoded.

    Structure first, because decoders show half a file without an error, and because the size in
    the header must be checked before a decoder reserves that much memory.

    A large picture is decoded by another thread while the caller uses what was measured. Only the
    end of the `with` statement says that the picture is whole.

    Args:
        path: a file that no other program writes to. It may be renamed or deleted meanwhile.
        size: bytes in the file.
        limits: on pixels.

    Raises:
        InvalidMediaError: the picture is damaged or incomplete, exceeds a limit, or asks for more
            memory than there is.
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
        decode = partial(_decode, file, format_name, (width, height), limits.max_animation_pixels)
        if size < _LARGE:
            decode()
            yield Measurements(format_name, width, height)
            return
        with ThreadPoolExecutor(1, "decode") as thread:
            decoded = thread.submit(decode)
            try:
                yield Measurements(format_name, width, height)
            finally:  # that a picture is damaged comes before whatever else went wrong
                decoded.result()


def _decode(file: BinaryIO, format_name: str, size: tuple[int, int], max_pixels: int) -> None:
    """Make sure that every frame can be decoded, if possible without making all of its pixels.

    Whatever the quick way does not accept is decoded in full, and that alone refuses.

    Args:
        file: the picture; its name may have changed.
        format_name: its format.
        size: width and height in pixels.
        max_pixels: of all frames of an animation together.
    """
    pixels = size[0] * size[1]
    small = (max(1, size[0] // _SCALE), max(1, size[1] // _SCALE))
    try:
        # A PNG takes next to no memory until it is decoded in full.
        with nullcontext() if format_name == "png" else decoding(pixels):
            file.seek(0)
            with open_picture(file, format_name) as picture:
                if picture.size != size:
                    raise InvalidMediaError.broken(  # noqa: TRY301 (told apart below)
                        "contradicts itself about its size."
                    )
                frames = getattr(picture, "n_frames", 1)
                if frames > 1 and frames * pixels > max_pixels:
                    raise InvalidMediaError.refused(  # noqa: TRY301
                        f"is an animation of {frames:,} frames; at most {max_pixels:,} pixels in"
                        " all frames together are accepted."
                    )
                if format_name == "jpeg":
                    # Of any type, and also for a JPEG that cannot be made smaller.
                    with suppress(Exception):
                        picture.draft(None, small)
                        picture.load()
                        return
            if frames == 1 and format_name != "jpeg":
                file.seek(0)
                if has_all_rows(file) if format_name == "png" else decode_webp(file, small):
                    return
        file.seek(0)
        with decoding(pixels), open_picture(file, format_name) as picture:
            for frame in range(frames):
                picture.seek(frame)
                picture.load()
    except InvalidMediaError:
        raise
    except MemoryError as error:
        raise InvalidMediaError.too_large_for_memory() from error
    except Exception as error:  # decoders raise exceptions of any type for bad bytes
        reason = str(error) or type(error).__name__
        raise InvalidMediaError.broken(f"cannot be decoded ({reason}).") from error
