"""Marks in songs: ID3v2 frames, Vorbis comments, and the chunks and boxes that hold XMP.

Sources: id3.org (ID3v2.2 to 2.4), XMP specification part 3 (the PRIV frame, `_PMX` in WAV, the
`uuid` box of MPEG-4), RFC 9639 section 8 (FLAC), RFC 3533 (Ogg), RFC 7845 section 5 (Opus),
RFC 5334, the Vorbis I specification section 5.
"""

from __future__ import annotations

import os
import struct
import zlib
from typing import TYPE_CHECKING, Final

from adapters.media_marks.layout import (
    Layout,
    MarkError,
    read_part,
    riff_chunk,
    riff_head,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import BinaryIO

    from adapters.media_formats import Part
    from adapters.media_marks.layout import Embed, Piece, Scan

# --------------------------------------------------------------------------------------------- ID3

_ID3_HEAD = 10
_MAX_ID3 = 32 * 1024 * 1024  # bytes of a tag that is read
_UNSYNCHRONISED, _EXTENDED, _FOOTER = 0x80, 0x40, 0x10
_SYNCHSAFE = 0x7F
_XMP_OWNER = b"XMP\0"
_MAX_MEDIA_TYPE = 64  # bytes of a frame, in which the type of its content stands
_V2_2, _V2_3, _V2_4 = 2, 3, 4
_ID3_ENCODINGS: Final = {b"\0": "latin-1", b"\1": "utf-16", b"\2": "utf-16-be", b"\3": "utf-8"}


def _synchsafe(number: int) -> bytes:
    if number >= 1 << 28:
        raise MarkError("has tags that leave no room for more")
    return bytes(number >> shift & _SYNCHSAFE for shift in (21, 14, 7, 0))


def _from_synchsafe(digits: bytes) -> int:
    number = 0
    for byte in digits:
        number = number << 7 | byte & _SYNCHSAFE
    return number


def _frames(tag: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Names and contents of the frames of an ID3v2 tag, as far as they can be read."""
    version, flags = tag[3], tag[5]
    if not _V2_2 <= version <= _V2_4 or flags & _EXTENDED:
        return
    width, head = (3, 6) if version == _V2_2 else (4, 10)  # of a name and of a length; of both
    position = _ID3_HEAD
    while (name := tag[position : position + width]).strip(b"\0").isalnum():
        digits = tag[position + width : position + 2 * width]
        length = _from_synchsafe(digits) if version == _V2_4 else int.from_bytes(digits, "big")
        yield name, tag[position + head : position + head + length]
        position += head + length


def _read_id3(file: BinaryIO, place: Part, layout: Layout) -> None:
    """Note what an ID3v2 tag says."""
    tag = read_part(file, place, _MAX_ID3)
    for name, content in _frames(tag):
        if name == b"GEOB" and b"c2pa" in content[:_MAX_MEDIA_TYPE]:
            layout.manifest.append(place)
            continue
        layout.frames += 1
        if name == b"PRIV" and content.startswith(_XMP_OWNER):
            layout.xmp = layout.xmp or content[len(_XMP_OWNER) :]
        elif name in {b"SYLT", b"SLT"}:
            layout.timed_lyrics.append(content)
        elif name in {b"TXXX", b"TXX"} and content[:1] in _ID3_ENCODINGS:
            text = content[1:].decode(_ID3_ENCODINGS[content[:1]], "replace")
            title, _, value = text.partition("\0")
            # In UTF-16 both texts begin with a byte order mark.
            layout.tags.setdefault(title.upper(), value.strip("\0\ufeff\ufffe"))


def _new_frames(version: int, packet: bytes, values: Mapping[str, str]) -> bytes:
    """The frames of a mark: the packet, and single texts for readers that know no XMP.

    Texts are ASCII, so that the frames hold no byte 255: they are the same whether or not the
    tag is unsynchronised.
    """
    frames = [(b"PRIV", _XMP_OWNER + packet)] if packet and version != _V2_2 else []
    frames += [
        (b"TXX" if version == _V2_2 else b"TXXX", f"\0{tag}\0{values[tag]}".encode("ascii"))
        for tag in ("DIGITALSOURCETYPE", "CREATORTOOL", "DOCUMENTID")
    ]
    if version == _V2_2:
        return b"".join(name + len(text).to_bytes(3, "big") + text for name, text in frames)
    return b"".join(
        name
        + (_synchsafe(len(text)) if version == _V2_4 else len(text).to_bytes(4, "big"))
        + b"\0\0"
        + text
        for name, text in frames
    )


def _marked_id3(tag: bytes | None, packet: bytes, values: Mapping[str, str]) -> bytes:
    """A tag with the frames of a mark, in front of the frames that it has."""
    if tag is not None and not tag[5] & _EXTENDED and _V2_2 <= tag[3] <= _V2_4:
        # A footer repeats the head, for tags behind the sound; readers overlook a second tag.
        end = len(tag) - _ID3_HEAD if tag[5] & _FOOTER else len(tag)
        frames = _new_frames(tag[3], packet, values) + tag[_ID3_HEAD:end]
        return tag[:5] + bytes([tag[5] & ~_FOOTER]) + _synchsafe(len(frames)) + frames
    # What an extended header says of the frames would no longer be true.
    frames = _new_frames(_V2_4, packet, values)
    return b"ID3\x04\0\0" + _synchsafe(len(frames)) + frames + (tag or b"")


def _scan_id3(file: BinaryIO, layout: Layout) -> int:
    """Note what the tags in front of the sound say, and return where they end."""
    position = 0
    file.seek(0)
    while (head := file.read(_ID3_HEAD)).startswith(b"ID3") and len(head) == _ID3_HEAD:
        footer = _ID3_HEAD if head[5] & _FOOTER else 0
        end = position + _ID3_HEAD + _from_synchsafe(head[6:]) + footer
        layout.places.setdefault("id3", (position, end))
        _read_id3(file, (position, end), layout)
        position = end
        file.seek(position)
    return position


def _scan_mp3(file: BinaryIO) -> Layout:
    layout = Layout(file.seek(0, os.SEEK_END))
    _scan_id3(file, layout)
    return layout


def _embed_mp3(
    file: BinaryIO, layout: Layout, packet: bytes, values: Mapping[str, str]
) -> list[Piece]:
    start, end = layout.places.get("id3", (0, 0))
    tag = read_part(file, (start, end), _MAX_ID3) if end else None
    return [_marked_id3(tag, packet, values), (end, layout.size)]


# --------------------------------------------------------------------------------- Vorbis comments

_MAX_COMMENTS = 16 * 1024 * 1024  # bytes; the largest block of FLAC
_MAX_TEXT = 65_536  # bytes of a comment that are kept


def _read_comments(block: bytes, layout: Layout) -> int:
    """Note the tags in a list of comments, and return where the list ends."""
    position = 4 + int.from_bytes(block[:4], "little")  # behind the name of the encoder
    count = int.from_bytes(block[position : position + 4], "little")
    position += 4
    for _ in range(count):
        length = int.from_bytes(block[position : position + 4], "little")
        position += 4 + length
        if position > len(block):
            raise MarkError("has damaged comments")
        key, _, text = block[position - length : position].partition(b"=")
        if len(key) < 64:  # noqa: PLR2004 - longer than any that is looked for
            name = key.decode("ascii", "replace").upper()
            layout.tags.setdefault(name, text[:_MAX_TEXT].decode("utf-8", "replace"))
    return position


def _with_comments(block: bytes, values: Mapping[str, str]) -> bytes:
    """A list of comments with those of a mark behind the others."""
    end = _read_comments(block, Layout(0))
    place = 4 + int.from_bytes(block[:4], "little")
    new = [f"{tag}={text}".encode("utf-8", "replace") for tag, text in values.items() if text]
    count = int.from_bytes(block[place : place + 4], "little") + len(new)
    added = b"".join(struct.pack("<I", len(text)) + text for text in new)
    return block[:place] + struct.pack("<I", count) + block[place + 4 : end] + added + block[end:]


_EMPTY_COMMENTS = bytes(8)
_LAST_BLOCK, _COMMENT_BLOCK = 0x80, 4


def _scan_flac(file: BinaryIO) -> Layout:
    layout = Layout(file.seek(0, os.SEEK_END))
    position = _scan_id3(file, layout)
    if read_part(file, (position, position + 4)) != b"fLaC":
        raise MarkError("does not begin like a FLAC file")
    position += 4
    kind = 0
    while not kind & _LAST_BLOCK:
        kind, *length = read_part(file, (position, position + 4))
        end = position + 4 + int.from_bytes(bytes(length), "big")
        if kind & ~_LAST_BLOCK == _COMMENT_BLOCK:
            layout.places["comments"] = (position, end)
            _read_comments(read_part(file, (position + 4, end), _MAX_COMMENTS), layout)
        layout.places.setdefault("first", (position, end))
        position = end
    return layout


def _embed_flac(file: BinaryIO, layout: Layout, _: bytes, values: Mapping[str, str]) -> list[Piece]:
    """New comments take the place of the old ones, or stand behind the stream information."""
    if "comments" in layout.places:
        start, end = layout.places["comments"]
        block = read_part(file, (start, end), _MAX_COMMENTS)
        last, comments = block[0] & _LAST_BLOCK, block[4:]
        before: list[Piece] = [(0, start)]
    else:
        start, end = layout.places["first"]
        (kind,) = read_part(file, (start, start + 1))
        last, comments = kind & _LAST_BLOCK, _EMPTY_COMMENTS
        before = [(0, start), bytes([kind & ~_LAST_BLOCK]), (start + 1, end)]
    comments = _with_comments(comments, values)
    if len(comments) >= 1 << 24:
        raise MarkError("has comments that leave no room for more")
    head = bytes([last | _COMMENT_BLOCK]) + len(comments).to_bytes(3, "big")
    return [*before, head + comments, (end, layout.size)]


# --------------------------------------------------------------------------------------------- Ogg

_PAGE_HEAD = 27
_CHECKSUM = slice(22, 26)
_CONTINUED = 0x01
_MAX_LACING = 255  # bytes of a segment, and segments of a page
_MAX_HEADERS = 64 * 1024 * 1024
_BITS_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
# The first bytes of a stream, the packets of its head, and what its comments begin with.
_OGG_HEADS: Final = (
    (b"\x01vorbis", 3, b"\x03vorbis"),
    (b"OpusHead", 2, b"OpusTags"),
    (b"\x7fFLAC", 0, b""),  # states the number; comments begin like a block of FLAC
)


def _read_page(file: BinaryIO, position: int) -> tuple[bytes, bytes, int]:
    """Head with its table of segments, content, and end of a page."""
    head = read_part(file, (position, position + _PAGE_HEAD))
    if not head.startswith(b"OggS"):
        raise MarkError("has no page where one must begin")
    table = file.read(head[26])
    start = position + _PAGE_HEAD + head[26]
    end = start + sum(table)
    return head + table, read_part(file, (start, end)), end


def _head_packets(file: BinaryIO) -> tuple[list[bytes], list[bytes], int]:
    """The packets of a stream's head behind the first, the heads of their pages, and their end."""
    _, first, position = _read_page(file, 0)
    for start, count, _ in _OGG_HEADS:
        if first.startswith(start):
            expected = count - 1 if count else int.from_bytes(first[7:9], "big")
            break
    else:
        raise MarkError("holds a stream that is not known")
    if not 0 < expected <= 128:  # noqa: PLR2004 - kinds of blocks of FLAC
        raise MarkError("does not state how many headers it has")
    packets: list[bytes] = []
    heads: list[bytes] = []
    open_packet = b""
    total = 0
    while len(packets) < expected:
        head, body, position = _read_page(file, position)
        heads.append(head)
        offset = 0
        total += len(body)
        if total > _MAX_HEADERS:
            raise MarkError("has comments that leave no room for more")
        for lacing in head[_PAGE_HEAD:]:
            open_packet += body[offset : offset + lacing]
            offset += lacing
            if lacing < _MAX_LACING:
                packets.append(open_packet)
                open_packet = b""
    if open_packet or len(packets) != expected:
        raise MarkError("has sound on the page of its headers")
    return packets, heads, position


def _comment_block(packet: bytes) -> tuple[int, int] | None:
    """Where the list of comments begins and ends in a packet; None if it holds none."""
    for _, _, start in _OGG_HEADS:
        if start and packet.startswith(start):
            return len(start), len(packet)
    if packet[0] & ~_LAST_BLOCK == _COMMENT_BLOCK:
        return 4, len(packet)
    return None


def _scan_ogg(file: BinaryIO) -> Layout:
    layout = Layout(file.seek(0, os.SEEK_END))
    packets, _, end = _head_packets(file)
    place = _comment_block(packets[0])
    if place is None:
        raise MarkError("has no comments")
    layout.places["headers"] = (0, end)
    _read_comments(packets[0][slice(*place)], layout)
    return layout


def _embed_ogg(file: BinaryIO, layout: Layout, _: bytes, values: Mapping[str, str]) -> list[Piece]:
    """New pages for the headers; the others stay, with other numbers where those must change."""
    packets, heads, end = _head_packets(file)
    first_end = _read_page(file, 0)[2]
    place = _comment_block(packets[0])
    if place is None:
        raise MarkError("has no comments")
    comments = _with_comments(packets[0][slice(*place)], values)
    start = packets[0][: place[0]]
    if place[0] == 4:  # noqa: PLR2004 - a block of FLAC, which states its length
        if len(comments) >= 1 << 24:
            raise MarkError("has comments that leave no room for more")
        start = start[:1] + len(comments).to_bytes(3, "big")
    pages = _pages([start + comments, *packets[1:]], heads)
    pieces: list[Piece] = [(0, first_end), b"".join(pages)]
    shift = len(pages) - len(heads)
    if shift == 0:
        return [*pieces, (end, layout.size)]
    while end < layout.size:
        head, body, end = _read_page(file, end)
        number = (int.from_bytes(head[18:22], "little") + shift) % 2**32
        pieces.append(_with_checksum(head[:18] + struct.pack("<I", number) + head[22:], body))
    return pieces


def _pages(packets: Sequence[bytes], heads: Sequence[bytes]) -> list[bytes]:
    """Pages that hold these packets and nothing else: as many as before, if they suffice."""
    segments: list[bytes] = []
    starts: set[int] = set()  # of packets, in segments
    for packet in packets:
        starts.add(len(segments))
        whole = len(packet) // _MAX_LACING
        segments += [
            packet[number * _MAX_LACING : (number + 1) * _MAX_LACING] for number in range(whole + 1)
        ]
    count = max(len(heads), -(-len(segments) // _MAX_LACING))
    if len(segments) < count:
        raise MarkError("has empty pages")
    pages = []
    begin = 0
    for number in range(count):
        length = min(_MAX_LACING, len(segments) - begin - (count - number - 1))
        part = segments[begin : begin + length]
        # A page on which no packet ends has no position.
        ends = any(len(segment) < _MAX_LACING for segment in part)
        head = heads[0][:5] + bytes([0 if begin in starts else _CONTINUED])
        head += bytes(8) if ends else b"\xff" * 8
        head += heads[0][14:18] + struct.pack("<I", number + 1) + bytes(4) + bytes([len(part)])
        head += bytes(len(segment) for segment in part)
        pages.append(_with_checksum(head, b"".join(part)))
        begin += length
    return pages


def _with_checksum(head: bytes, body: bytes) -> bytes:
    """A page with its checksum: the CRC of zlib with every bit reversed and no inversion."""
    page = head[: _CHECKSUM.start] + bytes(4) + head[_CHECKSUM.stop :] + body
    reversed_bits = zlib.crc32(page.translate(_BITS_REVERSED), 0xFFFF_FFFF) ^ 0xFFFF_FFFF
    checksum = int(f"{reversed_bits:032b}"[::-1], 2)
    return page[: _CHECKSUM.start] + struct.pack("<I", checksum) + page[_CHECKSUM.stop :]


# --------------------------------------------------------------------------------------------- WAV

_MIN_PLACEHOLDER = 0x7FFF_0000  # lengths of writers that cannot go back to correct them
_WAV_XMP = b"_PMX"
_SOURCE_FORM = b"ISRF"  # "the original form of the material"; FFmpeg calls it source_form
_MAX_INFO = 1024 * 1024


def _scan_wav(file: BinaryIO) -> Layout:
    """Chunk by chunk; the packet stands behind the sound, or before it if that has no length."""
    size = file.seek(0, os.SEEK_END)
    layout = Layout(size, xmp_part=(size, size))
    (riff,) = struct.unpack("<I", read_part(file, (4, 8)))
    if riff >= _MIN_PLACEHOLDER:
        layout.places["unknown length"] = (4, 8)
    position = 12
    while position < size:
        kind, length = struct.unpack("<4sI", read_part(file, (position, position + 8)))
        content = (position + 8, position + 8 + length)
        if kind == b"data" and length >= _MIN_PLACEHOLDER:
            layout.xmp_part = (position, position)
            break
        if kind == b"C2PA":
            layout.manifest.append(content)
        elif kind == _WAV_XMP:
            layout.xmp = read_part(file, content)
            layout.xmp_part = (position, min(size, content[1] + length % 2))
        elif kind == b"LIST" and length <= _MAX_INFO:
            info = read_part(file, content)
            place = info.find(_SOURCE_FORM)
            if info.startswith(b"INFO") and place > 0:
                text = info[place + 8 : place + 8 + info[place + 4]]
                layout.tags["DIGITALSOURCETYPE"] = text.rstrip(b"\0").decode("latin-1")
        position = content[1] + length % 2
    if position > size + 1:
        raise MarkError("is cut off")
    return layout


def _embed_wav(
    _: BinaryIO, layout: Layout, packet: bytes, values: Mapping[str, str]
) -> list[Piece]:
    """The packet, and the type of source alone for readers that know no XMP."""
    source = values["DIGITALSOURCETYPE"].encode("ascii") + b"\0"
    chunks = riff_chunk(_WAV_XMP, packet)
    chunks += riff_chunk(b"LIST", b"INFO" + riff_chunk(_SOURCE_FORM, source))
    start, end = layout.xmp_part
    # Some writers leave out the byte that evens the last chunk.
    pieces: list[Piece] = [(12, start), bytes(start % 2) + chunks, (end, layout.size)]
    head = (0, 12) if "unknown length" in layout.places else riff_head(b"WAVE", pieces)
    return [head, *pieces]


# --------------------------------------------------------------------------------------------- M4A

_XMP_BOX = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_C2PA_BOX = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
_LONG_SIZE = 1


def _scan_m4a(file: BinaryIO) -> Layout:
    """Box by box; the packet is the last one, so that the places of the sound stay the same."""
    size = file.seek(0, os.SEEK_END)
    layout = Layout(size)
    position = 0
    while position < size:
        length, kind = struct.unpack(">I4s", read_part(file, (position, position + 8)))
        head = 8
        if length == _LONG_SIZE:
            (length,) = struct.unpack(">Q", read_part(file, (position + 8, position + 16)))
            head = 16
        if length < head or position + length > size:
            raise MarkError("is cut off")
        owner = file.read(16) if kind == b"uuid" else b""
        if owner == _XMP_BOX:
            layout.xmp = read_part(file, (position + head + 16, position + length))
            layout.xmp_part = (position, position + length)
        elif owner == _C2PA_BOX:
            layout.manifest.append((position + head + 16, position + length))
        position += length
    return layout


def _embed_m4a(_: BinaryIO, layout: Layout, packet: bytes, __: Mapping[str, str]) -> list[Piece]:
    box = struct.pack(">I4s", len(packet) + 24, b"uuid") + _XMP_BOX + packet
    if layout.xmp is None:
        return [(0, layout.size), box]
    start, end = layout.xmp_part
    # Its length stays, so that the places of the sound do, but it is no longer read.
    return [(0, start + 4), b"free", (start + 8, end), (end, layout.size), box]


SONGS: Final[Mapping[str, tuple[Scan, Embed]]] = {
    "mp3": (_scan_mp3, _embed_mp3),
    "flac": (_scan_flac, _embed_flac),
    "ogg": (_scan_ogg, _embed_ogg),
    "opus": (_scan_ogg, _embed_ogg),
    "wav": (_scan_wav, _embed_wav),
    "m4a": (_scan_m4a, _embed_m4a),
}
