"""Only plain paths below the output root are served."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.served_path import is_servable


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
    """Ours, and those of programs that have other folders."""
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
    """Whatever a row says."""
    assert not is_servable(path)


@given(st.lists(st.sampled_from(("..", ".", "", "a", "b.png", "...", "~")), max_size=6))
def test_what_is_served_lies_below_the_root(parts: list[str]) -> None:
    """However the parts are put together."""
    path = "/".join(parts)
    if is_servable(path):
        assert ".." not in PurePosixPath(path).parts
        assert not PurePosixPath(path).is_absolute()
        assert str(PurePosixPath(path)) == path
