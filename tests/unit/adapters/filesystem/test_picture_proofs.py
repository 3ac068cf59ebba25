"""The quick check accepts exactly the pictures that a full decode accepts."""

from __future__ import annotations

import io
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from adapters import picture_files
from adapters.filesystem.limits import StoreLimits
from adapters.filesystem.verification import picture as verification
from adapters.filesystem.verification.jpeg import verify_jpeg
from adapters.filesystem.verification.media import InvalidMediaError
from adapters.filesystem.verification.picture import verify_picture
from adapters.filesystem.verification.png import has_all_rows, verify_png
from adapters.filesystem.verification.webp import verify_webp
from adapters.picture_files import decode_webp, open_picture
from tests import media_samples

if TYPE_CHECKING:
    from pathlib import Path

_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_SORTS = [(colour, depth) for colour, depths in _DEPTHS.items() for depth in depths]
_EXTRA = (b"gAMA", b"tRNS", b"iCCP", b"pHYs", b"eXIf", b"tEXt", b"acTL", b"IHDR", b"PLTE", b"prIv")


def _decodes(content: bytes, format_name: str) -> bool:
    """Whether Pillow decodes every pixel."""
    try:
        with open_picture(io.BytesIO(content), format_name) as picture:
            picture.load()
    except Exception:  # noqa: BLE001 - decoders raise exceptions of any type
        return False
    return True


def _is_accepted(content: bytes, folder: Path) -> bool:
    path = folder / "file"
    path.write_bytes(content)
    try:
        verify_picture(path, len(content), StoreLimits())
    except InvalidMediaError:
        return False
    return True


@st.composite
def _rows(draw: st.DrawFn) -> tuple[tuple[int, int, int, int], bytes]:
    """Width, height, depth and colour type of a PNG, and its rows with their filters."""
    colour, depth = draw(st.sampled_from(_SORTS))
    width, height = draw(st.integers(1, 40)), draw(st.integers(1, 12))
    length = (width * _CHANNELS[colour] * depth + 7) // 8
    noise = draw(st.randoms(use_true_random=False))
    rows = b"".join(bytes([noise.randrange(5)]) + noise.randbytes(length) for _ in range(height))
    return (width, height, depth, colour), rows


def _png(
    header: tuple[int, int, int, int],
    packed: bytes,
    cuts: list[int],
    before: tuple[tuple[bytes, bytes], ...] = (),
    behind: tuple[tuple[bytes, bytes], ...] = (),
) -> bytes:
    """A PNG with these compressed data, cut into chunks at some positions."""
    borders = [0, *sorted(cut % (len(packed) + 1) for cut in cuts), len(packed)]
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", *header, 0, 0, 0))]
    if header[3] == 3:
        chunks.append((b"PLTE", bytes(3 * 2 ** header[2])))
    chunks += before
    chunks += [(b"IDAT", packed[start:end]) for start, end in pairwise(borders)]
    chunks += [*behind, (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(media_samples.png_chunk(*chunk) for chunk in chunks)


_CUTS = st.lists(st.integers(0, 5000), max_size=4)


@given(_rows(), st.sampled_from([0, 1, 6, 9]), _CUTS)
def test_every_ordinary_png_passes_the_quick_check(
    drawn: tuple[tuple[int, int, int, int], bytes], level: int, cuts: list[int]
) -> None:
    """In all depths and colour types except palettes, however its data are compressed and cut."""
    header, rows = drawn
    content = _png(header, zlib.compress(rows, level), cuts)
    assert _decodes(content, "png")
    assert has_all_rows(io.BytesIO(content)) == (header[3] != 3)


_Damage = tuple[str, int, int]


def _damaged(rows: bytes, damage: _Damage) -> bytes:
    """Compressed rows, damaged before or after compression."""
    kind, place, value = damage
    packed = bytearray(zlib.compress(rows))
    at = place % len(rows)
    match kind:
        case "row":
            return zlib.compress(rows[:at] + bytes([value]) + rows[at + 1 :])
        case "too few":
            return zlib.compress(rows[:at])
        case "too many":
            return zlib.compress(rows + bytes(value + 1))
        case "bit":
            packed[place % len(packed)] ^= 1 << value % 8
        case "cut":
            del packed[-1 - place % 8 :]
        case "checksum":
            packed[-1 - place % 4] ^= 1 << value % 8
        case "behind":
            packed += bytes([value])
    return bytes(packed)


@given(
    _rows(),
    st.tuples(
        st.sampled_from(["row", "too few", "too many", "bit", "cut", "checksum", "behind", ""]),
        st.integers(0, 5000),
        st.integers(0, 255),
    ),
    _CUTS,
    st.lists(st.tuples(st.sampled_from(_EXTRA), st.binary(max_size=30), st.booleans()), max_size=2),
)
@example(((9, 2, 8, 2), bytes(56)), ("row", 0, 5), [], [])
@example(((9, 2, 8, 2), bytes(56)), ("", 0, 0), [], [(b"gAMA", b"", True)])
@example(((9, 2, 8, 2), bytes(56)), ("", 0, 0), [], [(b"iCCP", b"a\0\1x", False)])
def test_a_png_that_passes_the_quick_check_can_be_decoded(
    tmp_path_factory: pytest.TempPathFactory,
    drawn: tuple[tuple[int, int, int, int], bytes],
    damage: _Damage,
    cuts: list[int],
    extra: list[tuple[bytes, bytes, bool]],
) -> None:
    """Chunks and checksums are right: only the data or a chunk's values are wrong."""
    header, rows = drawn
    before = tuple((kind, data) for kind, data, is_before in extra if is_before)
    behind = tuple((kind, data) for kind, data, is_before in extra if not is_before)
    content = _png(header, _damaged(rows, damage), cuts, before, behind)
    verify_png(io.BytesIO(content), len(content))
    if any(kind in {b"IHDR", b"acTL"} for kind, _, _ in extra):
        assert not has_all_rows(io.BytesIO(content))
        return
    folder = tmp_path_factory.getbasetemp()
    assert _is_accepted(content, folder) == _decodes(content, "png")


def test_a_huffman_code_with_gaps_is_refused() -> None:
    """Some fast decoders accept it, zlib and browsers do not; the checksums are right."""
    # A dynamic block whose code lengths leave part of the code unused, and its output.
    bits = _Bits()
    bits.put((1, 1), (2, 2))  # last block, dynamic
    bits.put((0, 5), (0, 5), (14, 4))  # 257 literals, 1 distance, 18 lengths
    for symbol in (16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1):
        bits.put(({18: 1, 2: 2, 0: 2}.get(symbol, 0), 3))
    # Codes: 18 is 0, symbol 0 is 10, symbol 2 is 11. Two literals with two bits: half is unused.
    bits.put_codes("11", "0")
    bits.put((127, 7))  # 138 zeros
    bits.put_codes("0")
    bits.put((106, 7))  # 117 zeros, up to symbol 255
    bits.put_codes("11", "10", "00", "00", "01")
    packed = b"\x78\x01" + bits.content() + struct.pack(">I", zlib.adler32(bytes(2)))
    with pytest.raises(zlib.error, match="set"):
        zlib.decompress(packed)
    content = _png((1, 1, 8, 0), packed, [])
    verify_png(io.BytesIO(content), len(content))
    assert not has_all_rows(io.BytesIO(content))


class _Bits:
    """A bit writer for a Deflate stream."""

    def __init__(self) -> None:
        self._bits: list[int] = []

    def put(self, *numbers: tuple[int, int]) -> None:
        self._bits += [value >> index & 1 for value, count in numbers for index in range(count)]

    def put_codes(self, *codes: str) -> None:
        self._bits += [int(bit) for code in codes for bit in code]

    def content(self) -> bytes:
        self._bits += [0] * (-len(self._bits) % 8)
        octets = zip(*[iter(self._bits)] * 8, strict=True)
        return bytes(sum(bit << index for index, bit in enumerate(octet)) for octet in octets)


_SMALL: dict[str, list[bytes]] = {
    "jpeg": [
        media_samples.picture("jpeg", (70, 40)),
        media_samples.picture("jpeg", (9, 3), "L"),
        media_samples.picture("jpeg", (33, 20), "CMYK"),
    ],
    "webp": [
        media_samples.picture("webp", (70, 40)),
        media_samples.picture("webp", (33, 20), "RGBA"),
    ],
}


@pytest.mark.parametrize("format_name", ["jpeg", "webp"])
@given(st.data())
def test_damaged_pictures_are_judged_like_by_a_full_decode(
    tmp_path_factory: pytest.TempPathFactory, format_name: str, data: st.DataObject
) -> None:
    """Bytes are changed, inserted and removed; the structure often stays intact."""
    content = bytearray(data.draw(st.sampled_from(_SMALL[format_name])))
    for _ in range(data.draw(st.integers(0, 3))):
        start = data.draw(st.integers(12, len(content) - 1))
        taken = data.draw(st.integers(0, 3))
        content[start : start + taken] = data.draw(st.binary(max_size=3))
    if format_name == "webp":
        content[4:8] = struct.pack("<I", len(content) - 8)
        if content[12:15] == b"VP8" and content[15:16] != b"X":
            content[16:20] = struct.pack("<I", (len(content) - 20) & ~1)
    structure = {"jpeg": verify_jpeg, "webp": verify_webp}[format_name]
    try:
        structure(io.BytesIO(content), len(content))
    except InvalidMediaError:
        return
    accepted = _is_accepted(bytes(content), tmp_path_factory.getbasetemp())
    assert accepted == _decodes(bytes(content), format_name)


def test_a_webp_picture_does_not_extend_into_the_next_chunk(tmp_path: Path) -> None:
    """The picture's own data end too early, and would continue in its Exif data."""
    file = io.BytesIO()
    Image.effect_noise((64, 48), 80).save(file, "WEBP", exif=b"MM\0*\0\0\0\x08" + bytes(2000))
    content = bytearray(file.getvalue())
    start = content.index(b"VP8 ") + 8
    (tag,) = struct.unpack_from("<I", content[start : start + 3] + b"\0")
    length = int.from_bytes(content[start - 4 : start], "little")
    # The length of the first partition, in the frame's tag, reaches behind the chunk.
    content[start : start + 3] = (tag & 0x1F | (length + 30) << 5).to_bytes(3, "little")
    assert not _decodes(bytes(content), "webp")
    assert not _is_accepted(bytes(content), tmp_path)


@pytest.mark.parametrize("options", [{}, {"lossless": True}])
def test_a_webp_is_scaled_while_it_is_decoded(options: dict[str, bool]) -> None:
    """It looks like a picture scaled afterwards, and keeps its transparency."""
    whole = Image.linear_gradient("L").resize((400, 240)).convert("RGB")
    whole.putalpha(Image.radial_gradient("L").resize((400, 240)))
    file = io.BytesIO()
    whole.save(file, "WEBP", **options)
    small = decode_webp(file, (100, 60))
    if small is None:
        pytest.skip("this build of Pillow hides its libwebp")
    assert (small.mode, small.size) == ("RGBA", (100, 60))
    pairs = zip(small.tobytes(), whole.reduce(4).tobytes(), strict=True)
    assert sum(abs(mine - theirs) for mine, theirs in pairs) / (100 * 60 * 4) < 4


@pytest.mark.parametrize("format_name", ["jpeg", "webp", "png"])
def test_without_the_quick_check_a_picture_is_fully_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format_name: str
) -> None:
    """For example with a Pillow that hides its libwebp, or a JPEG that cannot be scaled."""
    monkeypatch.setattr(picture_files, "_libwebp", lambda: None)
    monkeypatch.setattr(verification, "has_all_rows", lambda _: False)

    def draft(*_: object) -> None:
        raise OSError("cannot be made smaller")

    monkeypatch.setattr("PIL.JpegImagePlugin.JpegImageFile.draft", draft)
    assert _is_accepted(media_samples.picture(format_name, (64, 48)), tmp_path)


@pytest.mark.parametrize(("size", "is_alone"), [(picture_files.LARGE, False), (10**8, True)])
def test_one_large_picture_is_decoded_at_a_time(size: int, *, is_alone: bool) -> None:
    """A thread that decodes one may start another, and others wait; small ones never wait."""
    lock = picture_files._one_large_picture  # noqa: SLF001 - nothing else shows who waits
    with ThreadPoolExecutor(1) as other, picture_files.decoding(size), picture_files.decoding(size):
        assert other.submit(lock.acquire, blocking=False).result() == (not is_alone)
        if not is_alone:
            other.submit(lock.release).result()
    assert lock.acquire(blocking=False)
    lock.release()
