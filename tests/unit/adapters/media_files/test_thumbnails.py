"""Thumbnails look like their originals, are made once, and no picture does harm."""

from __future__ import annotations

import io
import struct
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from threading import Barrier
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from adapters.media_files import thumbnails
from adapters.media_files.derived_files import DerivedFileCache, SingleFlight
from adapters.media_files.media_file import MediaFolder
from adapters.media_files.thumbnails import Thumbnails, draw_thumbnail
from application.ports.media_files import InvalidMediaError
from tests.media_samples import PICTURE_FORMATS, animation, mp3, picture, png_chunk, png_of_size

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from application.ports.media_files import MediaFile


def _drawn(content: bytes, format_name: str, width: int) -> Image.Image:
    """The thumbnail, decoded."""
    webp = draw_thumbnail(io.BytesIO(content), format_name, width)
    found = Image.open(io.BytesIO(webp))
    assert found.format == "WEBP"
    found.load()
    return found


def _saved(image: Image.Image, format_name: str, **options: Any) -> bytes:  # noqa: ANN401
    file = io.BytesIO()
    image.save(file, format_name, **options)
    return file.getvalue()


@pytest.mark.parametrize("format_name", PICTURE_FORMATS)
@pytest.mark.parametrize(
    ("size", "width", "expected"),
    [
        ((800, 600), 320, (320, 240)),
        ((600, 800), 160, (160, 213)),
        ((200, 100), 320, (200, 100)),
        ((100, 2000), 160, (32, 640)),
        ((2000, 3), 160, (160, 1)),
    ],
)
def test_a_thumbnail_has_the_requested_width(
    format_name: str, size: tuple[int, int], width: int, expected: tuple[int, int]
) -> None:
    """In the original's proportions, never larger than it, and limited in height."""
    found = _drawn(picture(format_name, size), format_name, width).size
    assert max(abs(found[0] - expected[0]), abs(found[1] - expected[1])) <= 1


MODES: dict[str, float | tuple[int, ...]] = {
    "RGB": (200, 40, 90),
    "RGBA": (200, 40, 90, 128),
    "L": 77,
    "LA": (77, 128),
    "P": 3,
    "1": 1,
    "I;16": 77 * 256,
}


@pytest.mark.parametrize("mode", MODES)
def test_every_type_of_png_keeps_its_colour(mode: str) -> None:
    """Grey, palettes, 16 bits, with and without transparency."""
    original = Image.new(mode, (400, 300), MODES[mode])
    if mode == "P":
        original.putpalette([10, 10, 10] * 3 + [200, 40, 90])
    expected = {"RGB": (200, 40, 90), "RGBA": (200, 40, 90), "P": (200, 40, 90)}
    wanted = expected.get(mode, (255, 255, 255) if mode == "1" else (77, 77, 77))
    found = _drawn(_saved(original, "PNG"), "png", 160)
    pixel = found.convert("RGBA").getpixel((80, 60))
    assert isinstance(pixel, tuple)
    assert all(abs(a - b) <= 12 for a, b in zip(pixel[:3], wanted, strict=True))
    assert abs(pixel[3] - (128 if mode in {"RGBA", "LA"} else 255)) <= 3


def test_a_palette_with_a_clear_colour_stays_clear() -> None:
    """As in logos."""
    original = Image.new("P", (400, 300), 0)
    original.putpalette([0, 0, 0, 255, 255, 255])
    found = _drawn(_saved(original, "PNG", transparency=0), "png", 160)
    assert found.convert("RGBA").getpixel((5, 5))[3] == 0  # type: ignore[index]


def test_a_cmyk_jpeg_is_shown_in_colours() -> None:
    """Pictures for printing are shown too."""
    content = _saved(Image.new("CMYK", (400, 300), (0, 255, 255, 0)), "JPEG")
    red, green, blue = _drawn(content, "jpeg", 160).convert("RGB").getpixel((9, 9))  # type: ignore[misc]
    assert red > 200
    assert max(green, blue) < 60


def test_a_thumbnail_is_upright() -> None:
    """The orientation in the Exif data is applied."""
    exif = Image.Exif()
    exif[0x0112] = 6
    original = Image.new("RGB", (800, 400), (10, 10, 10))
    original.paste((250, 250, 250), (0, 0, 400, 400))
    found = _drawn(_saved(original, "JPEG", exif=exif.tobytes()), "jpeg", 160)
    assert found.size == (160, 320)
    assert found.convert("L").getpixel((80, 10)) > 200  # type: ignore[operator]
    assert found.getexif().get(0x0112) is None


def test_of_an_animation_the_first_frame_is_shown() -> None:
    """Moving pictures in a grid would distract."""
    assert getattr(_drawn(animation("webp"), "webp", 160), "n_frames", 1) == 1
    assert getattr(_drawn(animation("png"), "png", 160), "n_frames", 1) == 1


@pytest.mark.parametrize(
    "content",
    [
        png_of_size(60_000, 60_000),
        png_of_size(32_769, 1),
        png_of_size(300, 300),
        picture("png")[:-30],
        b"\x89PNG\r\n\x1a\n",
        b"\x89PNG and more",
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", struct.pack(">IIBBBBB", 9, 9, 8, 0, 0, 0, 0))
        + png_chunk(b"IEND", b""),
    ],
)
def test_bombs_and_broken_pictures_are_refused(content: bytes) -> None:
    """At once, and without the memory that they claim to need."""
    began = time.process_time()
    with pytest.raises(InvalidMediaError):
        draw_thumbnail(io.BytesIO(content), "png", 320)
    assert time.process_time() - began < 5


@pytest.mark.parametrize("format_name", PICTURE_FORMATS)
@pytest.mark.parametrize("kept", [5, 40, 100])
def test_a_truncated_picture_is_refused(format_name: str, kept: int) -> None:
    """Even if its decoder would accept it."""
    content = picture(format_name, (640, 480))
    with pytest.raises(InvalidMediaError):
        draw_thumbnail(io.BytesIO(content[: len(content) * kept // 200]), format_name, 320)


def test_a_jpeg_of_a_thousand_scans_is_refused() -> None:
    """Each scan is decoded separately: a few bytes would keep a processor busy for minutes."""
    content = _saved(Image.linear_gradient("L"), "JPEG", progressive=True)
    start = content.rindex(b"\xff\xda")
    bomb = content[:start] + content[start:-2] * 1000 + content[-2:]
    with pytest.raises(InvalidMediaError, match="scans"):
        draw_thumbnail(io.BytesIO(bomb), "jpeg", 320)


def _media(root: Path, content: bytes, name: str = "a.png") -> MediaFile:
    (root / name).write_bytes(content)
    found = MediaFolder(root).open(name, {})
    assert found is not None
    return found


def test_sixteen_threads_make_a_thumbnail_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All get the same picture, and one file is kept."""
    made: list[int] = []

    def draw(*arguments: Any) -> bytes:  # noqa: ANN401
        made.append(1)
        return draw_thumbnail(*arguments)

    monkeypatch.setattr(thumbnails, "draw_thumbnail", draw)
    copies = DerivedFileCache(tmp_path / "copies", 10**6)
    shop = Thumbnails(copies, SingleFlight(max_threads=16))
    (tmp_path / "a.png").write_bytes(picture("png", (800, 600)))
    together = Barrier(16)

    def ask(_: int) -> bytes:
        media = MediaFolder(tmp_path).open("a.png", {})
        assert media is not None
        with closing(media.file):
            together.wait(60)
            return shop.webp(media, 320)

    with ThreadPoolExecutor(16) as pool:
        pictures = set(pool.map(ask, range(16)))
    assert len(pictures) == len(made) == 1
    assert len([path for path in (tmp_path / "copies").rglob("*") if path.is_file()]) == 1


def test_a_thumbnail_made_concurrently_is_not_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another thread or another server finished it just before."""
    copies = DerivedFileCache(tmp_path / "copies", 10**6)
    media = _media(tmp_path, picture("png", (800, 600)))

    class Late(SingleFlight):
        def run(self, key: str, work: Callable[[], Any]) -> Any:  # noqa: ANN401
            first = Thumbnails(copies, SingleFlight()).webp(media, 320)
            monkeypatch.setattr(thumbnails, "draw_thumbnail", None)
            assert work() == first
            return first

    with closing(media.file):
        Thumbnails(copies, Late()).webp(media, 320)


def test_a_truncated_thumbnail_is_made_again(tmp_path: Path) -> None:
    """As after a loss of power: writing it does not wait for the disk."""
    shop = Thumbnails(DerivedFileCache(tmp_path / "copies", 10**6), SingleFlight())
    media = _media(tmp_path, picture("png", (800, 600)))
    with closing(media.file):
        whole = shop.webp(media, 320)
        (kept,) = (path for path in (tmp_path / "copies").rglob("*") if path.is_file())
        for damaged in (b"", whole[:-9], bytes(len(whole))):
            kept.write_bytes(damaged)
            assert shop.webp(media, 320) == whole
        assert kept.read_bytes() == whole


def test_a_song_has_no_thumbnail(tmp_path: Path) -> None:
    """Whatever its name is."""
    shop = Thumbnails(DerivedFileCache(tmp_path / "copies", 10**6), SingleFlight())
    media = _media(tmp_path, mp3())
    with closing(media.file), pytest.raises(InvalidMediaError, match="no picture"):
        shop.webp(media, 320)
