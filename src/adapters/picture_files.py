"""Picture files: telling their format, opening them, and decoding them in little memory.

Published pictures are verified and drawn as thumbnails in the same process, several at a time. A
picture of 36 megapixels takes 144 MB when Pillow decodes it, and one in WebP four times as much.
So one large picture is decoded at a time, and made smaller meanwhile where its format allows it.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import os
import struct
import zlib
from functools import cache
from threading import RLock
from typing import TYPE_CHECKING, Final

from adapters.media_formats import FileParts, Part

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from PIL.Image import Image
    from PIL.ImageFile import ImageFile

LARGE: Final = 8_000_000
"""Of pictures with more pixels, or of files with more bytes, one is decoded at a time."""

_one_large_picture = RLock()

# glibc's malloc keeps freed blocks for the thread that used them. Blocks over a threshold go back
# to the system at once, but it raises the threshold with each of them unless it was set; what is
# left of smaller ones goes back when it is trimmed. macOS and musl need neither.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_RETURNED_BYTES = 4 * 1024 * 1024
_KEPT_BYTES = 2 * 1024 * 1024  # at the end of what a thread uses; trimming does not reach them


def picture_format(head: bytes) -> str | None:
    """The picture format that a file's first bytes announce, or None."""
    if head.startswith(b"\x89PNG"):
        return "png"
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "webp"
    return None


def open_picture(file: BinaryIO, format_name: str) -> ImageFile:
    """Open a picture with the decoder of one format.

    The decoder's class is called and not `Image.open`, which would try other decoders too, and
    whose guard against decompression bombs is a process-wide number lower than our own limit.

    Args:
        file: seekable, at its beginning.
        format_name: "png", "jpeg" or "webp".
    """
    # Pillow takes 40 ms to import: only a process that decodes pictures pays for it.
    from PIL.JpegImagePlugin import JpegImageFile
    from PIL.PngImagePlugin import PngImageFile
    from PIL.WebPImagePlugin import WebPImageFile

    decoders: dict[str, type[ImageFile]] = {
        "png": PngImageFile,
        "jpeg": JpegImageFile,
        "webp": WebPImageFile,
    }
    return decoders[format_name](without_large_texts(file) if format_name == "png" else file)


@contextlib.contextmanager
def decoding(size: int) -> Iterator[None]:
    """Decode a picture; if it is large, wait until no other thread decodes a large one.

    Args:
        size: pixels, or bytes of the file, whatever is known; the calls of a thread may be nested.
    """
    libc = _glibc()
    if size <= LARGE:
        yield
        return
    with _one_large_picture:
        try:
            yield
        finally:
            if libc:
                libc.malloc_trim(0)


@cache
def _glibc() -> ctypes.CDLL | None:
    """The system's C library, told to return large blocks at once; None if it is not glibc."""
    try:
        libc = ctypes.CDLL(None)
        libc.malloc_trim.argtypes = (ctypes.c_size_t,)
        libc.mallopt(_M_MMAP_THRESHOLD, _RETURNED_BYTES)
        libc.mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)
    except (AttributeError, OSError):
        return None
    return libc


# --------------------------------------------------------------------------------------------- PNG

# Pillow refuses a PNG file if a text or a colour profile in it is larger than one MiB. Source of
# the structure: the PNG specification, third edition, sections 5 and 11.3.
_PNG_SIGNATURE = 8  # bytes
_CHUNK_ENDS = 12  # bytes of a chunk besides its data
_TEXTS = frozenset({b"tEXt", b"zTXt", b"iTXt", b"iCCP"})
_MAX_TEXTS: Final = 1024 * 1024  # bytes of all texts together, unpacked


def without_large_texts(file: BinaryIO) -> BinaryIO:
    """A PNG file without the texts and the colour profile that Pillow would refuse.

    Args:
        file: seekable. The result is the file itself, at its beginning, if nothing is left out.
    """
    parts: list[Part] = []
    begin = 0
    left = _MAX_TEXTS
    position = _PNG_SIGNATURE
    while file.seek(position) and len(head := file.read(8)) == 8:  # noqa: PLR2004 - a chunk's head
        length, kind = struct.unpack(">I4s", head)
        end = position + length + _CHUNK_ENDS
        if kind in _TEXTS:
            size = _unpacked_size(kind, length, file, left)
            if size > left:
                parts.append((begin, position))
                begin = end
            else:
                left -= size
        position = end
    if not parts:
        file.seek(0)
        return file
    parts.append((begin, max(begin, file.seek(0, os.SEEK_END))))
    return io.BufferedReader(FileParts(file, parts))


def _unpacked_size(kind: bytes, length: int, file: BinaryIO, limit: int) -> int:
    """Bytes of a text or a profile; more than a limit if it exceeds that."""
    if kind == b"tEXt" or length > limit:
        return length
    packed = file.read(length)
    _, _, rest = packed.partition(b"\0")  # behind the keyword
    if kind == b"iTXt":
        if not rest.startswith(b"\x01"):
            return length
        rest = rest[2:].partition(b"\0")[2].partition(b"\0")[2]  # language, translated keyword
    else:
        rest = rest[1:]
    try:
        return len(zlib.decompressobj().decompress(rest, limit + 1))
    except zlib.error:
        return length


# -------------------------------------------------------------------------------------------- WebP

# From webp/decode.h of libwebp, whose layout has been the same since version 0.4 (2014);
# `WebPInitDecoderConfigInternal` refuses another one.
_ABI_VERSION = 0x0209
_MODE_RGBA = 1
_RIFF_HEAD, _CHUNK_HEAD = 12, 8  # bytes


def _integers(*names: str) -> tuple[tuple[str, type[ctypes.c_int]], ...]:
    return tuple((name, ctypes.c_int) for name in names)


class _Pixels(ctypes.Structure):
    _fields_ = (("start", ctypes.c_void_p), ("stride", ctypes.c_int), ("size", ctypes.c_size_t))


class _Planes(ctypes.Structure):
    _fields_ = (
        ("starts", ctypes.c_void_p * 4),
        ("strides", ctypes.c_int * 4),
        ("sizes", ctypes.c_size_t * 4),
    )


class _PixelsOrPlanes(ctypes.Union):
    _fields_ = (("pixels", _Pixels), ("planes", _Planes))


class _DecoderConfig(ctypes.Structure):
    """WebPDecoderConfig: features of the file, output, options."""

    _fields_ = (
        *_integers("width", "height", "has_alpha", "has_animation", "format"),
        ("features_pad", ctypes.c_uint32 * 5),
        *_integers("mode", "output_width", "output_height", "is_external_memory"),
        ("output", _PixelsOrPlanes),
        ("output_pad", ctypes.c_uint32 * 4),
        ("private_memory", ctypes.c_void_p),
        *_integers("bypass_filtering", "no_fancy_upsampling"),
        *_integers("use_cropping", "crop_left", "crop_top", "crop_width", "crop_height"),
        *_integers("use_scaling", "scaled_width", "scaled_height"),
        *_integers("use_threads", "dithering_strength", "flip", "alpha_dithering_strength"),
        ("options_pad", ctypes.c_uint32 * 5),
    )


def decode_webp(file: BinaryIO, size: tuple[int, int]) -> Image | None:
    """Decode a WebP file that is no animation, to another size than its own.

    Pillow always decodes all pixels, and needs four times their memory. Its own libwebp is used;
    a build of Pillow that hides it has no such function.

    Args:
        file: seekable.
        size: width and height of the result in pixels, no larger than those of the file.

    Returns:
        A picture with the modes RGBA; None if it cannot be decoded in this way.
    """
    from PIL import Image

    picture = _webp_picture(file)
    library = _libwebp()
    config = _DecoderConfig()
    if (
        not picture
        or library is None
        or not library.WebPInitDecoderConfigInternal(ctypes.byref(config), _ABI_VERSION)
    ):
        return None
    width, height = size
    rows = ctypes.create_string_buffer(4 * width * height)
    config.mode = _MODE_RGBA
    config.is_external_memory = 1
    config.output.pixels = _Pixels(ctypes.addressof(rows), 4 * width, len(rows))
    config.use_scaling = 1
    config.scaled_width, config.scaled_height = size
    if library.WebPDecode(picture, len(picture), ctypes.byref(config)):
        return None
    return Image.frombytes("RGBA", size, memoryview(rows))


def _webp_picture(file: BinaryIO) -> bytes:
    """The picture in a WebP file: its chunk of pixels, and the one of transparency before it.

    The decoder must not see what follows: it would use the data of other chunks where those of
    the picture end too early.

    Returns:
        Empty if there is none, or if another chunk is between the two.
    """
    file.seek(_RIFF_HEAD)
    alpha = b""
    while len(head := file.read(_CHUNK_HEAD)) == _CHUNK_HEAD:
        kind, length = struct.unpack("<4sI", head)
        if kind in {b"VP8 ", b"VP8L"}:
            return alpha + head + file.read(length)
        if alpha:
            break
        padded = length + length % 2
        if kind == b"ALPH":
            alpha = head + file.read(padded)
        else:
            file.seek(padded, os.SEEK_CUR)
    return b""


@cache
def _libwebp() -> ctypes.CDLL | None:
    try:
        from PIL import _webp

        library = ctypes.CDLL(_webp.__file__)
        library.WebPDecode.argtypes = (ctypes.c_char_p, ctypes.c_size_t, ctypes.c_void_p)
        library.WebPInitDecoderConfigInternal.argtypes = (ctypes.c_void_p, ctypes.c_int)
    except (AttributeError, ImportError, OSError):
        return None
    return library
