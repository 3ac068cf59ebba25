"""Small real media files, intact and broken, for every test that needs some.

Pictures are drawn by Pillow and songs encoded by PyAV. Everything is the same on every call,
and each file is encoded once per process.
"""

from __future__ import annotations

import io
import math
import struct
import zlib
from array import array
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import av

SAMPLE_RATE = 48_000
PICTURE_SIZE = (24, 16)
SONG_SECONDS = 0.5

# The suffix of each format, as a workflow would write it.
SUFFIXES = {
    "png": ".png",
    "jpeg": ".jpg",
    "webp": ".webp",
    "mp3": ".mp3",
    "wav": ".wav",
    "flac": ".flac",
    "ogg": ".ogg",
    "opus": ".opus",
    "m4a": ".m4a",
}
PICTURE_FORMATS = ("png", "jpeg", "webp")
SONG_FORMATS = ("mp3", "wav", "flac", "ogg", "opus", "m4a")
FORMATS = PICTURE_FORMATS + SONG_FORMATS

# Container format, encoder, and sample layout.
_ENCODERS = {
    "mp3": ("mp3", "libmp3lame", "s16p"),
    "wav": ("wav", "pcm_s16le", "s16"),
    "flac": ("flac", "flac", "s16"),
    "ogg": ("ogg", "vorbis", "fltp"),
    "opus": ("ogg", "libopus", "s16"),
    "m4a": ("ipod", "aac", "fltp"),
}


def media(format_name: str) -> bytes:
    """A small valid file of a format: a key of SUFFIXES."""
    if format_name in PICTURE_FORMATS:
        return picture(format_name)
    return song(format_name)


def png() -> bytes:
    """A small valid PNG file."""
    return picture("png")


def mp3() -> bytes:
    """A small valid MP3 file."""
    return song("mp3")


@cache
def picture(
    format_name: str = "png", size: tuple[int, int] = PICTURE_SIZE, mode: str = "RGB"
) -> bytes:
    """A valid picture with a gradient; the size is width and height in pixels."""
    from PIL import Image  # noqa: PLC0415 (heavy, and many tests need only songs)

    drawn = Image.linear_gradient("L").resize(size).convert(mode)
    file = io.BytesIO()
    drawn.save(file, format_name.upper())
    return file.getvalue()


@cache
def animation(format_name: str = "png", frames: int = 3) -> bytes:
    """A valid animated PNG or WebP."""
    from PIL import Image  # noqa: PLC0415

    drawn = [Image.new("RGB", PICTURE_SIZE, (80 * index, 40, 90)) for index in range(frames)]
    file = io.BytesIO()
    drawn[0].save(file, format_name.upper(), save_all=True, append_images=drawn[1:], duration=40)
    return file.getvalue()


@cache
def song(format_name: str = "mp3", seconds: float = SONG_SECONDS, *, bits: int = 16) -> bytes:
    """A valid stereo file with a falling tone; `bits` of 24 is for FLAC and WAV."""
    import av  # noqa: PLC0415 (half a second of import)

    container_format, encoder, layout = _ENCODERS[format_name]
    if bits == 24:
        encoder, layout = ("pcm_s24le" if format_name == "wav" else encoder), "s32"
    # FFmpeg's own Vorbis encoder is experimental; for FLAC the sample format means 32 bits.
    options = {"strict": "experimental"} if encoder == "vorbis" else {}
    file = io.BytesIO()
    with av.open(file, "w", format=container_format) as container:
        stream = container.add_stream(encoder, rate=SAMPLE_RATE, options=options)
        assert isinstance(stream, av.AudioStream)
        stream.layout = "stereo"
        stream.format = layout
        container.mux(stream.encode(_tone(seconds)))
        container.mux(stream.encode(None))
    return file.getvalue()


def png_chunk(kind: bytes, data: bytes) -> bytes:
    """One PNG chunk with its length and checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_of_size(width: int, height: int) -> bytes:
    """A PNG of a few hundred bytes whose header claims a picture of that size."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", header)
        + png_chunk(b"IDAT", zlib.compress(b"\0" * 4096))
        + png_chunk(b"IEND", b"")
    )


def with_id3_tags(song_bytes: bytes) -> bytes:
    """An MP3 file with an ID3v2 tag before the sound, and an APE tag and an ID3v1 tag after it."""
    before = b"ID3\x04\x00\x00" + bytes([0, 0, 0, 20]) + bytes(20)
    ape = struct.pack("<8sIIII8x", b"APETAGEX", 2000, 32, 0, 0)
    return before + song_bytes + ape + b"TAG" + bytes(125)


def id3v1_tag() -> bytes:
    """An ID3v1 tag with a title."""
    return b"TAG" + b"Rain".ljust(125, b"\0")


def id3v2_tag(*, footer: bool = False) -> bytes:
    """An ID3v2.4 tag with a title; one after the sound has a footer."""
    frame = b"TIT2" + bytes([0, 0, 0, 5, 0, 0]) + b"\x03Rain"
    head = bytes([4, 0, 0x10 if footer else 0, 0, 0, 0, len(frame)])
    return b"ID3" + head + frame + (b"3DI" + head if footer else b"")


def ape_tag() -> bytes:
    """An APEv2 tag with a header and a title."""
    item = struct.pack("<II", 4, 0) + b"Title\0Rain"
    has_header, is_header = 1 << 31, 1 << 29

    def end(flags: int) -> bytes:
        return struct.pack("<8sIIII8x", b"APETAGEX", 2000, len(item) + 32, 1, flags)

    return end(has_header | is_header) + item + end(has_header)


def lyrics3_tag() -> bytes:
    """A Lyrics3v2 tag."""
    body = b"LYRICSBEGIN" + b"IND00003110" + b"LYR00010Rain, stay"
    return body + b"%06dLYRICS200" % len(body)


TRAILING_TAGS = {
    "id3v1": id3v1_tag,
    "id3v2": lambda: id3v2_tag(footer=True),
    "ape": ape_tag,
    "lyrics3": lyrics3_tag,
}


def _tone(seconds: float) -> av.AudioFrame:
    """A frame of 16-bit stereo sound."""
    import av  # noqa: PLC0415

    samples = array("h")
    for index in range(int(min(seconds, 1) * SAMPLE_RATE)):
        moment = index / SAMPLE_RATE
        loudness = int(9000 * math.sin(2 * math.pi * (440 - 60 * moment) * moment))
        samples.extend((loudness, -loudness // 2))
    samples *= math.ceil(seconds)
    del samples[2 * int(seconds * SAMPLE_RATE) :]
    frame = av.AudioFrame(format="s16", layout="stereo", samples=len(samples) // 2)
    frame.planes[0].update(samples.tobytes())
    frame.sample_rate = SAMPLE_RATE
    return frame
