"""Fingerprints that find similar pictures."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from adapters.media_files.fingerprints import fingerprint
from application.similar_pictures import MAX_DISTANCE

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ROWS, _COLUMNS = np.mgrid[0:256, 0:320]
WAVES = ((np.sin((_COLUMNS + _ROWS) / 23) + np.cos(_COLUMNS * _ROWS / 3000)) * 60 + 128).astype(
    np.uint8
)
CHESSBOARD = ((_COLUMNS // 40 + _ROWS // 40) % 2 * 100 + 100).astype(np.uint8)


def _bits(picture: Image.Image, format_name: str = "PNG", **options: int) -> int:
    buffer = io.BytesIO()
    picture.save(buffer, format_name, **options)
    buffer.seek(0)
    return fingerprint(buffer, format_name.lower())


def _distance(one: int, other: int) -> int:
    return (one ^ other).bit_count()


def _as_mode(pixels: NDArray[np.uint8], mode: str) -> Image.Image:
    if mode == "I;16":
        return Image.fromarray(pixels.astype(np.uint16) * 257)
    return Image.fromarray(pixels).convert(mode)


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "P", "I;16"])
def test_bit_depth_and_mode_do_not_matter(mode: str) -> None:
    """Pillow alone would convert a 16-bit grey picture to a blank one."""
    waves, chessboard = _bits(_as_mode(WAVES, mode)), _bits(_as_mode(CHESSBOARD, mode))
    assert _distance(waves, _bits(Image.fromarray(WAVES))) <= 2
    assert _distance(waves, chessboard) > 2 * MAX_DISTANCE


@pytest.mark.parametrize(("format_name", "options"), [("JPEG", {"quality": 60}), ("WEBP", {})])
@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_a_recompressed_or_scaled_copy_is_similar(
    format_name: str, options: dict[str, int], scale: float
) -> None:
    """Within the distance used by the search for copies."""
    picture = Image.fromarray(WAVES).convert("RGB")
    copy = picture.resize((round(320 * scale), round(256 * scale)))
    assert _distance(_bits(picture), _bits(copy, format_name, **options)) <= MAX_DISTANCE
