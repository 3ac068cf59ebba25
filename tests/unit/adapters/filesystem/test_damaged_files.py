"""Files with lost or changed bytes (fault 21), in every format and at every position."""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from returns.pipeline import is_successful

from adapters.filesystem.limits import StoreLimits
from adapters.filesystem.verification.media import InvalidMediaError
from adapters.filesystem.verification.picture import verify_picture
from adapters.filesystem.verification.song import verify_song
from domain.failure import FailureCode
from domain.prompt import Kind
from tests import media_samples

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.adapters.filesystem.conftest import Tree

_ANY_DAMAGE = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
# Formats in which every byte has a checksum, or is compared with the decoded data.
_CHECKSUMMED = ("png", "flac", "ogg", "opus")


def _kind(format_name: str) -> Kind:
    return Kind.IMAGE if format_name in media_samples.PICTURE_FORMATS else Kind.AUDIO


def _verdict(path: Path, data: bytes, format_name: str) -> FailureCode | None:
    path.write_bytes(data)
    verify = verify_picture if _kind(format_name) is Kind.IMAGE else verify_song
    try:
        verify(path, len(data), StoreLimits())
    except InvalidMediaError as error:
        return error.code
    return None


@pytest.mark.parametrize("format_name", media_samples.FORMATS)
def test_intact_files_are_stored(tree: Tree, format_name: str) -> None:
    """Every accepted format passes, and its bytes are unchanged."""
    data = media_samples.media(format_name)
    name = f"a{media_samples.SUFFIXES[format_name]}"
    stored = tree.keep({name: data}, _kind(format_name)).unwrap()
    (facts,) = stored.files
    assert (facts.name, facts.format, facts.file_size) == (name, format_name, len(data))
    assert (tree.root / stored.kind / stored.folder / name).read_bytes() == data


@pytest.mark.parametrize("format_name", media_samples.FORMATS)
def test_every_cut_is_detected(tmp_path: Path, format_name: str) -> None:
    """The first and last 100 lengths, and 200 in between, are refused as broken."""
    data = media_samples.media(format_name)
    between = random.Random(3).choices(range(len(data)), k=200)  # noqa: S311 (no secret)
    lengths = {*range(min(100, len(data))), *range(max(0, len(data) - 100), len(data)), *between}
    verdicts = {_verdict(tmp_path / "file", data[:length], format_name) for length in lengths}
    assert verdicts == {FailureCode.FILE_BROKEN}


@pytest.mark.parametrize("format_name", media_samples.FORMATS)
@_ANY_DAMAGE
@given(cut=st.floats(0, 1, exclude_max=True))
def test_a_cut_file_is_never_published(tree: Tree, format_name: str, cut: float) -> None:
    """Through the store: no cut raises, none is accepted, and no leftovers remain."""
    data = media_samples.media(format_name)
    name = f"a{media_samples.SUFFIXES[format_name]}"
    failure = tree.keep({name: data[: int(cut * len(data))]}, _kind(format_name)).failure()
    assert failure.code is FailureCode.FILE_BROKEN
    assert name in failure.message
    assert tree.contents() == []


@pytest.mark.parametrize("format_name", media_samples.FORMATS)
@_ANY_DAMAGE
@given(place=st.floats(0, 1, exclude_max=True), garbage=st.binary(min_size=1, max_size=40))
@example(place=0.9755750880606532, garbage=b"K ")  # as m4a it claims to need gigabytes of memory
def test_damaged_bytes_never_raise(
    tree: Tree, format_name: str, place: float, garbage: bytes
) -> None:
    """Whatever bytes are overwritten, the result is a value, never an exception."""
    data = bytearray(media_samples.media(format_name))
    start = int(place * len(data))
    data[start : start + len(garbage)] = garbage
    stored = tree.keep({f"a{media_samples.SUFFIXES[format_name]}": bytes(data)}, _kind(format_name))
    if not is_successful(stored):
        code = stored.failure().code
        assert code in {
            FailureCode.FILE_BROKEN,
            FailureCode.FILE_REFUSED,
            FailureCode.FORMAT_UNSUPPORTED,
        }


@pytest.mark.parametrize("format_name", _CHECKSUMMED)
@_ANY_DAMAGE
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_is_detected(
    tmp_path_factory: pytest.TempPathFactory, format_name: str, place: float, bit: int
) -> None:
    """In formats with checksums, no single bit can change."""
    data = bytearray(media_samples.media(format_name))
    start = int(place * len(data))
    if format_name == "flac" and start < _flac_sound(data):
        return  # the metadata have no checksum
    data[start] ^= 1 << bit
    path = tmp_path_factory.getbasetemp() / "flipped"
    assert _verdict(path, bytes(data), format_name) is not None


def test_a_wrong_checksum_of_any_flac_frame_is_detected(tmp_path: Path) -> None:
    """Even if the samples are right: other decoders refuse such a frame."""
    data = bytearray(media_samples.media("flac"))
    frames = [found.start() for found in re.finditer(b"\xff\xf8", data)]
    for end in (*frames[1:], len(data)):
        for place in (end - 2, end - 1):
            data[place] ^= 1
            assert _verdict(tmp_path / "flipped", bytes(data), "flac") is not None, place
            data[place] ^= 1


def _flac_sound(data: bytearray) -> int:
    """The position of the first frame."""
    return data.index(b"\xff\xf8")


@pytest.mark.parametrize("format_name", media_samples.FORMATS)
@pytest.mark.parametrize(
    "trailer", [b"<script>alert(1)</script>", b"PK\x05\x06" + bytes(18), b"\n"]
)
def test_data_after_the_end_is_refused(tmp_path: Path, format_name: str, trailer: bytes) -> None:
    """Fault 22: a file that is also a second file is not published."""
    data = media_samples.media(format_name)
    assert _verdict(tmp_path / "file", data + trailer, format_name) in {
        FailureCode.FILE_REFUSED,
        FailureCode.FILE_BROKEN,
    }


@pytest.mark.parametrize(
    ("name", "kind"), [("a.png", Kind.IMAGE), ("a.jpg", Kind.IMAGE), ("a.mp3", Kind.AUDIO)]
)
@pytest.mark.parametrize(
    "content", [b"", b"\0" * 5000, b"I am a text file.\n" * 50, b"<svg onload=alert(1)>"]
)
def test_other_content_under_a_media_name_is_broken(
    tree: Tree, name: str, kind: Kind, content: bytes
) -> None:
    """Empty files and text under a media suffix fail the render."""
    assert tree.keep({name: content}, kind).failure().code is FailureCode.FILE_BROKEN
    assert tree.contents() == []
