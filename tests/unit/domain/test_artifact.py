"""Published files: their folders, paths and metadata."""

from __future__ import annotations

import json
import posixpath
import re
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.artifact import (
    Artifact,
    MediaFacts,
    folder_name,
    is_servable,
    metadata_of,
    read_metadata,
)
from domain.brief import ImageBrief, LyricsBrief, Section
from domain.prompt import Kind

AT = datetime(2026, 1, 6, 21, 30, 45, tzinfo=UTC)
IDS = st.integers(1, 2**63 - 1)
MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(9999, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
PICTURE = MediaFacts("a.png", "png", 1234, "ab" * 32, width=1344, height=768)
SONG = MediaFacts("a.mp3", "mp3", 99_000, "cd" * 32, duration_seconds=31.5)
PATH_PARTS = st.sampled_from(["image", "audio", "7_x", "a.png", "..", ".", "", "a\\b", "~", "..."])


@pytest.mark.parametrize(
    ("variant", "clash", "expected"),
    [
        (1, 1, "200_20260106T213045"),
        (2, 1, "200_20260106T213045_v2"),
        (1, 3, "200_20260106T213045_3"),
        (3, 2, "200_20260106T213045_v3_2"),
    ],
)
def test_folder_names(variant: int, clash: int, expected: str) -> None:
    """Prompt, UTC time stamp, variant, and a number if the name was taken."""
    assert folder_name(200, AT, variant, clash) == expected


@given(
    st.lists(st.tuples(IDS, MOMENTS, st.integers(1, 9), st.integers(1, 9)), min_size=2, max_size=2)
)
def test_folder_names_are_plain_and_tell_renders_apart(
    renders: list[tuple[int, datetime, int, int]],
) -> None:
    """Two names are the same only for the same prompt, second, variant and try."""
    names = [folder_name(*render) for render in renders]
    assert all(re.fullmatch(r"\d+_\d{8}T\d{6}(_v\d)?(_\d)?", name) for name in names)
    keys = [(p, at.replace(microsecond=0), v, c) for p, at, v, c in renders]
    assert (names[0] == names[1]) == (keys[0] == keys[1])


@given(st.sampled_from(Kind), st.lists(PATH_PARTS, max_size=5).map("/".join) | st.text())
def test_a_path_stays_below_the_folder_of_its_kind(kind: Kind, path: str) -> None:
    """A plain relative path with at least a folder and a name below the kind's is accepted."""
    plain = posixpath.normpath(path) == path and not posixpath.isabs(path) and "\\" not in path
    inside = plain and path.startswith(f"{kind.value}/") and path.count("/") >= 2
    if inside:
        assert Artifact(kind, path, {}).file_path == path
    else:
        with pytest.raises(ValueError, match="not a path under the output root"):
            Artifact(kind, path, {})


@pytest.mark.parametrize(
    "path",
    [
        "/image/1_x/a.png",
        "image/1_x",
        "image/a.png",
        "image/../image/a.png",
        "image/1_x/../a.png",
        "audio/1_x/a.png",
        "poets/image/1_x/a.png",
        "image//a.png",
        "image/1_x/",
        "image\\1_x\\a.png",
        "",
    ],
)
def test_paths_that_leave_the_tree_are_refused(path: str) -> None:
    """Absolute, climbing, shallow, foreign and Windows paths are programming errors."""
    with pytest.raises(ValueError, match="image folder"):
        Artifact(Kind.IMAGE, path, {})


def test_a_picture_is_its_own_preview_and_a_song_has_none() -> None:
    """The contract's rule for preview_path (section 4)."""
    picture = Artifact(Kind.IMAGE, "image/7_x/a.png", {})
    song = Artifact(Kind.AUDIO, "audio/7_x/a.mp3", {})
    assert picture.file_path == picture.preview_path == "image/7_x/a.png"
    assert (song.file_path, song.preview_path) == ("audio/7_x/a.mp3", None)


def test_the_metadata_of_a_picture() -> None:
    """Every key of the contract, measured sizes, and how it was made; valid JSON."""
    brief = ImageBrief(
        "a lake",
        negative_prompt="crowds",
        style_tags=("realism", "oil"),
        aspect_ratio="16:9",
        width=5,
        height=6,
    )
    found = metadata_of(brief, PICTURE, AT, {"renderer": "fake", "seed": 7})
    expected = {
        "prompt": "a lake",
        "negative_prompt": "crowds",
        "width": 1344,
        "height": 768,
        "style_tags": ["realism", "oil"],
        "aspect_ratio": "16:9",
        "generated_at": "2026-01-06T21:30:45Z",
        "file_size": 1234,
        "sha256": "ab" * 32,
        "format": "png",
        "renderer": "fake",
        "seed": 7,
    }
    assert json.loads(json.dumps(found)) == found
    assert found.items() >= expected.items()


def test_the_metadata_of_a_song() -> None:
    """Every key of the contract, and the measured duration; valid JSON."""
    brief = LyricsBrief(
        (Section("verse", "la"),),
        title="Steam",
        genre="folk",
        mood="calm",
        tempo="slow",
        key="D major",
        time_signature="4/4",
    )
    found = metadata_of(brief, SONG, AT, {"renderer": "fake"})
    expected = {
        "title": "Steam",
        "genre": "folk",
        "mood": "calm",
        "tempo": "slow",
        "key": "D major",
        "time_signature": "4/4",
        "duration_seconds": 31.5,
        "generated_at": "2026-01-06T21:30:45Z",
        "file_size": 99_000,
        "sha256": "cd" * 32,
        "format": "mp3",
        "renderer": "fake",
    }
    assert json.loads(json.dumps(found)) == found
    assert found.items() >= expected.items()


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
values: st.SearchStrategy[Any] = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=15
)


@given(
    st.dictionaries(
        st.text(),
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    ).filter(
        lambda found: all(value not in {float("inf"), -float("inf")} for value in found.values())
    )
)
def test_valid_metadata_stays_unchanged(metadata: dict[str, object]) -> None:
    """Escaped or not, as text or as bytes."""
    for text in (json.dumps(metadata), json.dumps(metadata, ensure_ascii=False)):
        assert read_metadata(text) == metadata
        assert read_metadata(f"\ufeff{text}".encode()) == metadata


@given(st.dictionaries(st.text(), values) | values | st.text() | st.binary())
def test_any_metadata_can_be_written_again(found: object) -> None:
    """As strict JSON in UTF-8."""
    raw = found if isinstance(found, str | bytes) else json.dumps(found)
    read = read_metadata(raw)
    json.dumps(read, allow_nan=False, ensure_ascii=False).encode()
    if isinstance(found, dict):
        assert len(read) == len(found)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ('{"a": NaN, "b": -Infinity}', {"a": None, "b": None}),
        ('{"c": 1e999, "d": 1.5}', {"c": None, "d": 1.5}),
        ('{"a": "\\ud800", "\\udc00": [1]}', {"a": "?", "?": [1]}),
        ('{"a": 1, "a": 2}', {"a": 2}),
        ('{"seed": 18446744073709551615}', {"seed": 18446744073709551615}),
        (b'{"a": "\xff"}', {"a": "\ufffd"}),
        ('{"n": ' + "9" * 5000 + "}", {}),
        ("[" * 100_000, {}),
        ("{}x", {}),
        (None, {}),
        (12, {}),
        (1.5, {}),
    ],
)
def test_invalid_metadata(raw: object, expected: dict[str, object]) -> None:
    """Values without a JSON form become null, and a non-object becomes an empty object."""
    assert read_metadata(raw) == expected


def test_metadata_nested_too_deeply_is_cut_off() -> None:
    """A program that serialises it again would exhaust its stack otherwise."""
    raw = '{"a": ' * 200 + "1" + "}" * 200
    read: object = read_metadata(raw)
    depth = 0
    while isinstance(read, dict):
        depth, read = depth + 1, read["a"]
    assert (depth, read) == (32, None)


@pytest.mark.parametrize(
    "path",
    [
        "image/200_20260106T213045/generated_image_001.png",
        "audio/7_20260106T213045_v2/a song: part 2.mp3",
        "a.png",
        "output/poets/image/ä ö/日本.webp",
        "image/a..b/c%2e.png",
    ],
)
def test_plain_paths(path: str) -> None:
    """Those of Media Generator, and of programs with other folders."""
    assert is_servable(path)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/etc/passwd",
        "//host/share",
        "..",
        "image/../../x",
        "image/..",
        "./image/a.png",
        "image//a.png",
        "image/a.png/",
        "image\\..\\a.png",
        "C:\\a.png",
        "C:/a.png",
        "https://host/a.png",
        "image/a\x00.png",
        "image/a\n.png",
        "image/a\x7f.png",
        f"image/{chr(0xDCFF)}.png",
        "image/\N{REPLACEMENT CHARACTER}.png",
        ".staging/x/a.png",
        "image/.hidden/a.png",
        "image/.htaccess",
        "a" * 1025,
    ],
)
def test_odd_paths(path: str) -> None:
    """Whatever path a row holds."""
    assert not is_servable(path)


@given(st.lists(st.sampled_from(("..", ".", "", "a", "b.png", "...", "~")), max_size=6))
def test_a_served_file_is_below_the_root(parts: list[str]) -> None:
    """However its parts are combined."""
    path = "/".join(parts)
    if is_servable(path):
        assert ".." not in PurePosixPath(path).parts
        assert not PurePosixPath(path).is_absolute()
        assert str(PurePosixPath(path)) == path
