"""The workflow inside a picture or a song that ComfyUI made.

ComfyUI's savers write two texts of JSON: ``prompt``, the graph that was run, and ``workflow``, the
file of the editor. PNG has them in text chunks, WebP and JPEG in EXIF tags with the name in front,
FLAC, Opus, Ogg and MP3 as tags. Nothing is decoded but these.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import BinaryIO

NAMES: Final = ("prompt", "workflow")
MAX_TEXT_BYTES: Final = 16 * 1024 * 1024
"""In bytes, for one text; the largest workflows that people share have less than one megabyte."""

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_JPEG: Final = b"\xff\xd8\xff"
_MPEG_FRAMES: Final = (b"\xff\xfb", b"\xff\xfa", b"\xff\xf3", b"\xff\xf2")  # layer III
MEDIA_STARTS: Final = (_PNG, _JPEG, b"RIFF", b"fLaC", b"OggS", b"ID3", *_MPEG_FRAMES)
"""What files of pictures and songs begin with."""

_MAX_TAGS: Final = 1_000  # of one directory of EXIF
_ASCII: Final = 2  # a type of EXIF tags


class EmbeddedError(Exception):
    """Why no workflow can be read from a media file."""


def embedded_texts(file: BinaryIO) -> Mapping[str, str]:
    """The texts ``prompt`` and ``workflow`` of a media file, as far as it has them.

    Args:
        file: its content, from the first byte; it can be searched.

    Raises:
        EmbeddedError: it has neither, or is damaged.
        OSError: it cannot be read.
    """
    start = file.read(12)
    file.seek(0)
    if start.startswith(_PNG):
        what, texts = "picture", _png(file)
    elif start.startswith(_JPEG) or (start.startswith(b"RIFF") and start[8:12] == b"WEBP"):
        exif = _jpeg_exif(file) if start.startswith(_JPEG) else _webp_exif(file)
        what, texts = "picture", _exif(exif)
    else:
        what, texts = "recording", _audio(file)
    known = {name: texts[name] for name in NAMES if texts.get(name)}
    if known:
        return known
    if "parameters" in texts:
        raise EmbeddedError(
            f"the {what} holds the parameters of another program, and no workflow of ComfyUI"
        )
    raise EmbeddedError(
        f"the {what} holds no workflow: it was not made by ComfyUI, or its metadata were removed;"
        " export the workflow itself from ComfyUI with File > Export (API)"
    )


def _png(file: BinaryIO) -> dict[str, str]:
    """The texts of a PNG's chunks, wherever they stand."""
    texts: dict[str, str] = {}
    file.seek(len(_PNG))
    while len(header := file.read(8)) == 8:  # noqa: PLR2004 - length and type
        length, kind = struct.unpack(">I4s", header)
        if kind == b"IEND":
            break
        if kind in _PNG_TEXTS and length <= MAX_TEXT_BYTES:
            keyword, _, rest = file.read(length).partition(b"\0")
            try:
                texts.setdefault(keyword.decode("latin-1"), _PNG_TEXTS[kind](rest))
            except (zlib.error, UnicodeDecodeError, ValueError) as error:
                name = keyword.decode("latin-1")
                raise EmbeddedError(f"its text chunk {name!r} is damaged: {error}") from None
            file.seek(4, 1)
        else:
            file.seek(length + 4, 1)
    return texts


def _utf8_or_latin1(content: bytes) -> str:
    """PNG says Latin-1; other programs than ComfyUI write UTF-8 all the same."""
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _inflated(content: bytes) -> bytes:
    inflater = zlib.decompressobj()
    inflated = inflater.decompress(content, MAX_TEXT_BYTES)
    if inflater.unconsumed_tail:
        raise ValueError("it is larger than 16 MiB")
    return inflated


def _ztxt(rest: bytes) -> str:
    return _utf8_or_latin1(_inflated(rest[1:]))


def _itxt(rest: bytes) -> str:
    is_compressed, text = rest[:1] == b"\1", rest[2:].split(b"\0", 2)[-1]
    return (_inflated(text) if is_compressed else text).decode()


_PNG_TEXTS: Final[Mapping[bytes, Callable[[bytes], str]]] = {
    b"tEXt": _utf8_or_latin1,
    b"zTXt": _ztxt,
    b"iTXt": _itxt,
}


def _webp_exif(file: BinaryIO) -> bytes:
    """The EXIF chunk of a WebP; savers of animations put it behind the pictures."""
    file.seek(12)
    while len(header := file.read(8)) == 8:  # noqa: PLR2004 - type and length
        kind, length = struct.unpack("<4sI", header)
        if kind == b"EXIF" and length <= 2 * MAX_TEXT_BYTES:
            return file.read(length)
        file.seek(length + length % 2, 1)
    return b""


def _jpeg_exif(file: BinaryIO) -> bytes:
    file.seek(2)
    while len(header := file.read(4)) == 4:  # noqa: PLR2004 - marker and length
        marker, length = struct.unpack(">HH", header)
        if marker >> 8 != 0xFF or marker == 0xFFDA or length < 2:  # noqa: PLR2004 - the picture
            break
        content = file.read(length - 2)
        if marker == 0xFFE1 and content.startswith(b"Exif\0\0"):  # noqa: PLR2004 - APP1
            return content
    return b""


def _exif(content: bytes) -> dict[str, str]:
    """The texts of EXIF's first directory: ComfyUI writes "prompt:{...}" into the maker's tags."""
    tiff = content.removeprefix(b"Exif\0\0")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    texts: dict[str, str] = {}
    if order is None:
        return texts
    try:
        (offset,) = struct.unpack_from(f"{order}I", tiff, 4)
        (count,) = struct.unpack_from(f"{order}H", tiff, offset)
        for index in range(min(count, _MAX_TAGS)):
            entry = offset + 2 + 12 * index
            _, kind, length, place = struct.unpack_from(f"{order}HHII", tiff, entry)
            if kind != _ASCII or length > MAX_TEXT_BYTES:
                continue
            start = place if length > 4 else entry + 8  # noqa: PLR2004 - short texts stand here
            text = _utf8_or_latin1(tiff[start : start + length].rstrip(b"\0"))
            name, _, value = text.partition(":")
            texts.setdefault(name.strip().lower(), value)
    except struct.error:
        raise EmbeddedError("its EXIF data are damaged") from None
    return texts


def _audio(file: BinaryIO) -> dict[str, str]:
    """The tags of a recording, of the file or of its stream."""
    import av  # costs as much as a whole command

    try:
        with av.open(file, metadata_errors="replace") as container:
            tags = {**dict(container.metadata)}
            for stream in container.streams:
                tags = {**stream.metadata, **tags}
    except (av.FFmpegError, ValueError) as error:
        raise EmbeddedError(f"it is no picture or recording that can be read ({error})") from None
    return dict(_lower(tags))


def _lower(tags: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, value in tags.items():
        yield name.lower(), value
