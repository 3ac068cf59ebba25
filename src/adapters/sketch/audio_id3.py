"""ID3v2.3 tags (source: id3.org, "ID3 tag version 2.3.0"), written by hand: a few text frames."""

from dataclasses import dataclass

_UTF_16 = b"\x01"  # text encoding byte: UTF-16 with a byte-order mark
_MOST_LYRICS = 60_000  # characters


@dataclass(frozen=True, slots=True)
class Tags:
    """What the file says about itself; an empty text writes no frame."""

    title: str
    genre: str
    comment: str
    lyrics: str
    bpm: int
    key: str
    """At most three characters, as ID3 has it: `F#m`, `Bb`, `C`."""


def tag(tags: Tags) -> bytes:
    """Give the whole ID3v2.3 tag that goes before the first MP3 frame."""
    frames = [
        _text("TIT2", tags.title),
        _text("TCON", tags.genre),
        _text("TBPM", str(tags.bpm)),
        _text("TKEY", tags.key),
        _text("TSSE", "Media Generator sketch"),
        _in_language("COMM", tags.comment),
        _in_language("USLT", tags.lyrics[:_MOST_LYRICS]),
    ]
    body = b"".join(frames)
    return b"ID3\x03\x00\x00" + _syncsafe(len(body)) + body


def _text(name: str, value: str) -> bytes:
    """Text information: encoding byte, text."""
    return _frame(name, _UTF_16 + _utf_16(value)) if value else b""


def _in_language(name: str, value: str) -> bytes:
    """Comments and lyrics: encoding byte, language, empty description, its end, text."""
    if not value:
        return b""
    return _frame(name, _UTF_16 + b"und" + _utf_16("") + b"\x00\x00" + _utf_16(value))


def _utf_16(value: str) -> bytes:
    clean = value.replace("\x00", "").encode("utf-16-le", "surrogatepass")
    return b"\xff\xfe" + clean.decode("utf-16-le", "replace").encode("utf-16-le")


def _frame(name: str, body: bytes) -> bytes:
    """Frame header of version 2.3: name, size as a plain big-endian number, no flags."""
    return name.encode("ascii") + len(body).to_bytes(4, "big") + b"\x00\x00" + body


def _syncsafe(size: int) -> bytes:
    """Give a size in four bytes of seven bits each, so that no byte looks like an MP3 frame."""
    return bytes((size >> shift) & 0x7F for shift in (21, 14, 7, 0))
