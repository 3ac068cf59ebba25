"""Checks that only apply to pictures."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING

import pytest
from PIL import Image, PngImagePlugin

from adapters.filesystem.limits import StoreLimits
from adapters.filesystem.verification.jpeg import verify_jpeg
from adapters.filesystem.verification.media import InvalidMediaError
from adapters.filesystem.verification.png import verify_png
from adapters.media_files.thumbnails import draw_thumbnail
from domain.failure import FailureCode
from tests import media_samples
from tests.unit.adapters.filesystem.conftest import Tree

if TYPE_CHECKING:
    from pathlib import Path

    from PIL.ImageFile import ImageFile


def test_a_giant_is_refused_before_it_is_decoded(tree: Tree) -> None:
    """Fault 22: 60,000 × 60,000 pixels in a few hundred bytes."""
    failure = tree.keep({"a.png": media_samples.png_of_size(60_000, 60_000)}).failure()
    assert failure.code is FailureCode.FILE_REFUSED
    assert "60,000 × 60,000" in failure.message


def test_the_limit_on_pixels_is_exact(tmp_path: Path) -> None:
    """The largest allowed size passes, one row more does not."""
    limits = StoreLimits(max_pixels=400, max_side=30)
    Tree(tmp_path, limits).keep({"a.png": media_samples.picture("png", (20, 20))}).unwrap()
    for size in [(20, 21), (31, 1)]:
        failure = Tree(tmp_path, limits).keep({"a.png": media_samples.picture("png", size)})
        assert failure.failure().code is FailureCode.FILE_REFUSED


@pytest.mark.slow
def test_a_picture_above_pillows_own_limit_passes(tree: Tree) -> None:
    """Pillow warns from 89 million pixels on; only Media Generator's limit counts."""
    data = media_samples.picture("png", (9_900, 9_900), "L")
    (facts,) = tree.keep({"a.png": data}).unwrap().files
    assert (facts.width, facts.height) == (9_900, 9_900)


@pytest.mark.parametrize(
    ("written", "format_name", "published"),
    [
        ("a.png", "jpeg", "a.jpg"),
        ("a.jpeg", "jpeg", "a.jpeg"),
        ("a.JPG", "jpeg", "a.jpg"),
        ("a.jpg", "png", "a.png"),
        ("a.webp", "png", "a.png"),
        ("a.png", "webp", "a.webp"),
    ],
)
def test_the_suffix_follows_the_content(
    tree: Tree, written: str, format_name: str, published: str
) -> None:
    """A browser trusts the name of a file, so the suffix must be right."""
    (facts,) = tree.keep({written: media_samples.picture(format_name)}).unwrap().files
    assert (facts.name, facts.format) == (published, format_name)


@pytest.mark.parametrize("format_name", ["png", "webp"])
def test_animations_are_decoded_to_their_last_frame(tree: Tree, format_name: str) -> None:
    """They are published like any picture."""
    data = media_samples.animation(format_name)
    (facts,) = tree.keep({f"a.{format_name}": data}).unwrap().files
    assert (facts.width, facts.height) == media_samples.PICTURE_SIZE


def test_a_damaged_later_frame_is_detected(tree: Tree) -> None:
    """The first frame alone would look fine."""
    data = media_samples.animation("png")
    at = data.rindex(b"fdAT") - 4
    (length,) = struct.unpack(">I", data[at : at + 4])
    sequence = data[at + 8 : at + 12]
    broken = media_samples.png_chunk(b"fdAT", sequence + bytes(length - 4))
    failure = tree.keep({"a.png": data[:at] + broken + data[at + length + 12 :]}).failure()
    assert failure.code is FailureCode.FILE_BROKEN


@pytest.mark.parametrize("format_name", ["png", "webp"])
def test_an_endless_animation_is_refused(tmp_path: Path, format_name: str) -> None:
    """All frames together have a limit."""
    store = Tree(tmp_path, StoreLimits(max_animation_pixels=1000))
    failure = store.keep({"a.png": media_samples.animation(format_name)}).failure()
    assert failure.code is FailureCode.FILE_REFUSED


def test_intact_chunks_with_too_little_data_are_broken(tree: Tree) -> None:
    """The structure is valid, but half of the rows are missing."""
    failure = tree.keep({"a.png": media_samples.png_of_size(100, 100)}).failure()
    assert failure.code is FailureCode.FILE_BROKEN


def test_every_byte_of_a_png_has_a_checksum() -> None:
    """Without the decoder, which checks fewer chunks."""
    data = media_samples.png()
    for place in range(len(data)):
        flipped = bytearray(data)
        flipped[place] ^= 0x10
        with pytest.raises(InvalidMediaError):
            verify_png(io.BytesIO(flipped), len(flipped))


@pytest.mark.parametrize("shift", [-2, -1, 0, 1])
def test_a_marker_is_found_across_chunks(shift: int) -> None:
    """A JPEG is read in pieces of a mebibyte, and a marker may span two of them."""
    frame = b"\xff\xc0" + struct.pack(">HBHHB", 8, 8, 16, 24, 0)
    coded = b"\x11" * (2**20 + shift)
    data = b"\xff\xd8" + frame + b"\xff\xda\x00\x02" + coded + b"\xff\xd9"
    assert verify_jpeg(io.BytesIO(data), len(data)) == (24, 16)
    with pytest.raises(InvalidMediaError):
        verify_jpeg(io.BytesIO(data[:-1]), len(data) - 1)


def test_zeros_after_a_jpeg_are_harmless(tree: Tree) -> None:
    """Some writers pad their last block."""
    tree.keep({"a.jpg": media_samples.picture("jpeg") + bytes(300)}).unwrap()


@pytest.mark.parametrize("options", [{"progressive": True}, {"restart_marker_blocks": 1}])
def test_every_type_of_jpeg_passes(tree: Tree, options: dict[str, int]) -> None:
    """Several scans, and markers within a scan; large enough to be read in many pieces."""
    from PIL import Image  # noqa: PLC0415

    file = io.BytesIO()
    Image.effect_noise((1200, 1200), 120).save(file, "JPEG", quality=100, **options)
    (facts,) = tree.keep({"a.jpg": file.getvalue()}).unwrap().files
    assert (facts.width, facts.height) == (1200, 1200)
    assert facts.file_size > 2**20


@pytest.mark.parametrize("options", [{"lossless": True}, {"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\0"}])
def test_every_type_of_webp_passes(tree: Tree, options: dict[str, object]) -> None:
    """Lossless and extended files have their size in other chunks."""
    from PIL import Image  # noqa: PLC0415

    file = io.BytesIO()
    Image.effect_noise((33, 21), 50).save(file, "WEBP", **options)
    (facts,) = tree.keep({"a.webp": file.getvalue()}).unwrap().files
    assert (facts.width, facts.height) == (33, 21)


def test_comfyuis_own_metadata_pass(tree: Tree) -> None:
    """ComfyUI writes prompt and workflow into a PNG as text."""
    from PIL import Image, PngImagePlugin  # noqa: PLC0415

    texts = PngImagePlugin.PngInfo()
    texts.add_text("workflow", '{"nodes": []}' * 9000)
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "PNG", pnginfo=texts)
    tree.keep({"ComfyUI_00001_.png": file.getvalue()}).unwrap()


_LONG = "a workflow of many nodes " * 100_000


@pytest.mark.parametrize("kind", ["zTXt", "iTXt", "plain iTXt", "tEXt", "many", "iCCP", "damaged"])
def test_texts_and_profiles_of_any_size_pass(tree: Tree, kind: str) -> None:
    """Pillow refuses those over one MiB; the thumbnail is that of the picture without them."""
    drawn = Image.linear_gradient("L").convert("RGB").resize((24, 16))
    info = PngImagePlugin.PngInfo()
    profile = None
    if kind == "iCCP":
        profile = bytes(128) + b"x" * 1_600_000
    elif kind == "damaged":
        info.add(b"zTXt", b"workflow\0\0" + b"no deflate stream")
    elif kind.endswith("iTXt"):
        info.add_itxt("workflow", _LONG, zip=kind == "iTXt")
    else:
        for number in range(30 if kind == "many" else 1):
            info.add_text(f"workflow{number}", _LONG, zip=kind != "tEXt")
    file = io.BytesIO()
    drawn.save(file, "PNG", pnginfo=info, icc_profile=profile)
    data = file.getvalue()
    (facts,) = tree.keep({"a.png": data}).unwrap().files
    assert facts.file_size == len(data)
    plain = io.BytesIO()
    drawn.save(plain, "PNG")
    thumbnail = draw_thumbnail(io.BytesIO(data), "png", 160)
    assert thumbnail == draw_thumbnail(plain, "png", 160)


def test_a_picture_that_asks_for_too_much_memory_is_broken(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file must not stop the queue, whatever it claims to need."""

    def load(self: ImageFile) -> None:
        raise MemoryError

    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", load)
    # Pictures with a palette are decoded in full.
    failure = tree.keep({"a.png": media_samples.picture("png", mode="P")}).failure()
    assert failure.code is FailureCode.FILE_BROKEN
    assert "memory" in failure.message
    assert tree.contents() == []


def test_a_lack_of_memory_for_a_copy_is_the_machines_fault(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file has not been examined yet: the prompt must not be charged."""

    def copy(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("adapters.filesystem.collection.copy_file", copy)
    assert tree.keep({"a.png": media_samples.png()}).failure().code is FailureCode.OUT_OF_MEMORY
    assert tree.contents() == []
