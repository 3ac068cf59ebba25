"""Thumbnails of pictures: drawn without trusting the picture, made once and cached."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, Final

from adapters.media_files.media_file import PICTURE_FORMATS
from adapters.media_marks.layout import thumbnail_packet
from adapters.picture_files import decode_webp, decoding, open_picture
from application.ports.media_files import InvalidMediaError

if TYPE_CHECKING:
    from typing import BinaryIO

    from PIL.Image import Image
    from PIL.ImageFile import ImageFile

    from adapters.media_files.derived_files import DerivedFileCache, SingleFlight
    from application.ports.media_files import MediaFile

WIDTHS: Final = (160, 320, 640, 1280)  # pixels
MAX_PIXELS: Final = 100_000_000
MAX_SIDE: Final = 32_768  # pixels
_MAX_HEIGHT: Final = 4  # times the width; a strip that is taller becomes narrower
_MAX_SCANS = 200  # of a progressive JPEG; encoders write about ten, and each costs a decoding
_STRIP_PIXELS = 1_000_000  # converted at a time
_GAP = 2.0  # how much larger a picture is before the last, smooth resizing
_MAX_PROFILE = 16 * 1024  # bytes of a colour profile; that of sRGB has 3 thousand
_QUALITY = 80
_RIFF_HEAD = 8  # bytes that the length in a RIFF container does not count
_START_OF_SCAN = b"\xff\xda"
_READ_BYTES = 1024 * 1024  # at a time
_ORIENTATION = 0x0112  # Exif's tag
_SIDEWAYS = frozenset({5, 6, 7, 8})  # its values for pictures that are stored on their side


class Thumbnails:
    """WebP thumbnails in a few widths."""

    def __init__(self, cache: DerivedFileCache, single_flight: SingleFlight) -> None:
        self._cache = cache
        self._single_flight = single_flight

    def webp(self, media: MediaFile, width: int) -> bytes:
        """A thumbnail of at most ``width`` pixels in width.

        Raises:
            InvalidMediaError: none can be made of the file.
            BusyError: too many others are being made.
            OSError: the file cannot be read now.
        """
        if media.format not in PICTURE_FORMATS:
            raise InvalidMediaError("the file is no picture")
        return self._cached(media, width) or self._single_flight.run(
            f"{media.identity} {width}", lambda: self._made(media, width)
        )

    def _cached(self, media: MediaFile, width: int) -> bytes | None:
        webp = self._cache.load(media.identity, f"{width}.webp")
        if webp is None or not webp.startswith(b"RIFF"):
            return None
        # The cache is not flushed to the disk, so a file may have been cut by a loss of power.
        return webp if int.from_bytes(webp[4:8], "little") + _RIFF_HEAD == len(webp) else None

    def _made(self, media: MediaFile, width: int) -> bytes:
        if cached := self._cached(media, width):  # by another thread, since the last check
            return cached
        media.file.seek(0)
        buffered = io.BufferedReader(media.file)
        try:
            webp = draw_thumbnail(buffered, str(media.format), width)
        finally:
            buffered.detach()  # or the file would be closed with it
        self._cache.save(media.identity, f"{width}.webp", webp)
        return webp


def draw_thumbnail(file: BinaryIO, format_name: str, width: int) -> bytes:
    """Draw a WebP thumbnail of at most a width, never larger than the original.

    It is the first frame of an animation, upright, in the original's proportions and colours; no
    taller than four times the width.

    Args:
        file: seekable, at its beginning.
        format_name: "png", "jpeg" or "webp"; no other decoder of Pillow's is used.
        width: in pixels.

    Raises:
        InvalidMediaError: the picture is damaged, or needs too much memory.
        OSError: the file cannot be read.
    """
    from adapters.media_marks.marker import picture_source_type

    try:
        if format_name == "jpeg":
            _refuse_many_scans(file)
        # Not Pillow's `info["xmp"]`: a picture may be signed only, or have texts too large for it.
        xmp = thumbnail_packet(picture_source_type(file, format_name))
        file_bytes = file.seek(0, os.SEEK_END)
        file.seek(0)
        with (
            decoding(file_bytes),  # Pillow reads all of a WebP file to open it
            open_picture(file, format_name) as picture,
            decoding(_checked_pixels(picture.size)),
        ):
            return _draw(picture, file, width, xmp)
    except (InvalidMediaError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk's; a decoder's has no number
        raise InvalidMediaError(str(error)) from error
    except MemoryError:
        raise InvalidMediaError("there is not enough memory for the picture") from None
    except Exception as error:  # decoders raise exceptions of any type for bad bytes
        raise InvalidMediaError(str(error) or type(error).__name__) from error


def _checked_pixels(size: tuple[int, int]) -> int:
    """The number of pixels; raises InvalidMediaError if there are none, or too many."""
    width, height = size
    if min(size) < 1 or max(size) > MAX_SIDE or width * height > MAX_PIXELS:
        raise InvalidMediaError(f"a picture of {width:,} × {height:,} pixels is not made smaller")
    return width * height


def _draw(picture: ImageFile, file: BinaryIO, width: int, xmp: bytes) -> bytes:
    from PIL import Image, ImageOps

    box = (width, width * _MAX_HEIGHT)
    exif = picture.getexif()
    if exif.get(_ORIENTATION) in _SIDEWAYS:
        box = (box[1], box[0])
    small = _reduced(picture, file, box)
    small.thumbnail(box, Image.Resampling.LANCZOS)
    small.getexif()[_ORIENTATION] = exif.get(_ORIENTATION, 1)
    small = ImageOps.exif_transpose(small)
    profile = picture.info.get("icc_profile")
    kept = picture.mode in {"RGB", "RGBA"} and profile and len(profile) <= _MAX_PROFILE
    written = io.BytesIO()
    small.save(
        written,
        "WEBP",
        quality=_QUALITY,
        method=4,
        icc_profile=profile if kept else b"",
        exif=b"",
        xmp=xmp,
    )
    return written.getvalue()


def _reduced(picture: ImageFile, file: BinaryIO, box: tuple[int, int]) -> Image:
    """The picture, smaller by a whole number but at least _GAP times as large as it will be.

    Where the format allows it, what would not be seen is not decoded.
    """
    from PIL import Image

    picture.draft(None, box)  # of a JPEG
    width, height = picture.size
    factor = max(1, int(max(width / box[0], height / box[1]) / _GAP))
    size = (-(-width // factor), -(-height // factor))
    if factor > 1 and picture.format == "WEBP" and getattr(picture, "n_frames", 1) == 1:
        small = decode_webp(file, size)
        if small is not None:
            return small if picture.mode == "RGBA" else small.convert("RGB")
    if factor == 1:
        return _in_colours(picture)
    picture.load()
    rows = factor * max(1, _STRIP_PIXELS // (width * factor))
    strips = [
        _in_colours(picture.crop((0, top, width, min(height, top + rows)))).reduce(factor)
        for top in range(0, height, rows)
    ]
    small = Image.new(strips[0].mode, size)
    for number, strip in enumerate(strips):
        small.paste(strip, (0, number * rows // factor))
    return small


def _in_colours(picture: Image) -> Image:
    """The picture in a mode that can be resized smoothly and written as WebP."""
    if picture.mode.startswith("I"):  # 16 bits of grey; `convert` would clip them
        return picture.point(lambda value: value * (1 / 256)).convert("L").convert("RGB")
    if picture.mode in {"RGB", "RGBA"} and "transparency" not in picture.info:
        return picture
    return picture.convert("RGBA" if picture.has_transparency_data else "RGB")


def _refuse_many_scans(file: BinaryIO) -> None:
    """Refuse a JPEG in which a small file asks for hundreds of decodings."""
    scans = 0
    last_byte = b""
    while data := file.read(_READ_BYTES):
        scans += (last_byte + data).count(_START_OF_SCAN)
        last_byte = data[-1:]
        if scans > _MAX_SCANS:
            raise InvalidMediaError("the picture has more scans than any encoder writes")
    file.seek(0)
