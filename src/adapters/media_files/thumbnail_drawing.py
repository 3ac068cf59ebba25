"""Drawing a small copy of a picture, without trusting the picture."""

from __future__ import annotations

import io
from threading import Lock
from typing import TYPE_CHECKING, Final

from adapters.media_files.unfit import UnfitMediaError

if TYPE_CHECKING:
    from typing import BinaryIO

    from PIL.Image import Image
    from PIL.ImageFile import ImageFile

MAX_PIXELS: Final = 100_000_000
MAX_SIDE: Final = 32_768
_TALLEST: Final = 4  # times the width; a strip that is taller becomes narrower
_MAX_SCANS = 200  # of a progressive JPEG; encoders write about ten, and each costs a decoding
_LARGE = 25_000_000  # pixels; one picture of this size at a time fills enough memory
_QUALITY = 80
_MAX_PROFILE = 16 * 1024  # bytes of a colour profile; that of sRGB has 3 thousand
_START_OF_SCAN = b"\xff\xda"
_PIECE = 1024 * 1024
_ORIENTATION = 0x0112  # Exif's tag
_LYING = frozenset({5, 6, 7, 8})  # its values for pictures that are shown on their side

_one_large_picture = Lock()


def draw_thumbnail(file: BinaryIO, format_name: str, width: int) -> bytes:
    """A WebP picture of at most that width, never larger than the original.

    The first frame of an animation, upright, in the original's proportions and colours; no taller
    than four times the width.

    Args:
        file: seekable, at its beginning.
        format_name: "png", "jpeg" or "webp"; no other decoder of Pillow's is ever reached.
        width: in pixels.

    Raises:
        UnfitMediaError: the picture is broken, or would fill the memory.
    """
    from PIL import Image  # noqa: F401 - loads what all decoders stand on

    try:
        if format_name == "jpeg":
            _refuse_many_scans(file)
        with _decoder(file, format_name) as picture:
            pixels = _pixels(picture.size)
            if pixels < _LARGE:
                return _draw(picture, width)
            with _one_large_picture:
                return _draw(picture, width)
    except (UnfitMediaError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk's; a decoder's has no number
        raise UnfitMediaError(str(error)) from error
    except MemoryError:
        raise UnfitMediaError("there is not enough memory for the picture") from None
    except Exception as error:  # decoders raise whatever they like at bad bytes
        raise UnfitMediaError(str(error) or type(error).__name__) from error


def _decoder(file: BinaryIO, format_name: str) -> ImageFile:
    """Open with one decoder only; `Image.open` would try them all."""
    from PIL.JpegImagePlugin import JpegImageFile
    from PIL.PngImagePlugin import PngImageFile
    from PIL.WebPImagePlugin import WebPImageFile

    decoders: dict[str, type[ImageFile]] = {
        "png": PngImageFile,
        "jpeg": JpegImageFile,
        "webp": WebPImageFile,
    }
    return decoders[format_name](file)


def _pixels(size: tuple[int, int]) -> int:
    width, height = size
    if min(size) < 1 or max(size) > MAX_SIDE or width * height > MAX_PIXELS:
        raise UnfitMediaError(f"a picture of {width:,} × {height:,} pixels is not made smaller")
    return width * height


def _draw(picture: ImageFile, width: int) -> bytes:
    from PIL import Image, ImageOps

    box = (width, width * _TALLEST)
    if picture.getexif().get(_ORIENTATION) in _LYING:
        box = (box[1], box[0])
    picture.draft(None, box)  # a JPEG decoder can leave out what would not be seen
    small = _in_colours(picture)
    small.thumbnail(box, Image.Resampling.LANCZOS, reducing_gap=2.0)
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
        xmp=b"",
    )
    return written.getvalue()


def _in_colours(picture: ImageFile) -> Image:
    """The picture in a mode that can be resized smoothly and written as WebP."""
    if picture.mode.startswith("I"):  # 16 bits of grey; `convert` would cut them off
        return picture.point(lambda value: value * (1 / 256)).convert("L").convert("RGB")
    if picture.mode in {"RGB", "RGBA"} and "transparency" not in picture.info:
        return picture
    return picture.convert("RGBA" if picture.has_transparency_data else "RGB")


def _refuse_many_scans(file: BinaryIO) -> None:
    """Refuse a JPEG in which a small file asks for hundreds of decodings."""
    scans = 0
    kept = b""
    while piece := file.read(_PIECE):
        scans += (kept + piece).count(_START_OF_SCAN)
        kept = piece[-1:]
        if scans > _MAX_SCANS:
            raise UnfitMediaError("the picture has more scans than any encoder writes")
    file.seek(0)
