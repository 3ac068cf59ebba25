"""Fingerprints of pictures, by which copies are found that were encoded again or made smaller.

A fingerprint has 64 bits: whether each of the 64 lowest frequencies of a picture, made 32 pixels
wide and high, is above the median of them (a discrete cosine transform). Fingerprints are kept in
a database in the state folder, which can be deleted at any time: they are made again.
"""

from __future__ import annotations

import io
import sqlite3
from contextlib import closing
from functools import cache
from typing import TYPE_CHECKING, Final

from adapters.media_files.thumbnails import draw_thumbnail

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path
    from typing import Any, BinaryIO

_SIDE: Final = 32
_FREQUENCIES: Final = 8
_THUMBNAIL: Final = 128  # pixels, from which the picture of 32 is made
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS fingerprints (
    identity TEXT PRIMARY KEY,
    bits INTEGER NOT NULL
) WITHOUT ROWID
"""


@cache
def _cosines() -> Any:  # noqa: ANN401 - an array
    """The lowest frequencies but the constant one, for each of the pixels of a row."""
    import numpy as np

    pixels, frequencies = np.arange(_SIDE), np.arange(1, _FREQUENCIES + 1)
    return np.cos(np.pi / _SIDE * (pixels + 0.5) * frequencies[:, None])


def fingerprint(file: BinaryIO, format_name: str) -> int:
    """The fingerprint of a picture.

    Args:
        file: seekable, at its beginning.
        format_name: "png", "jpeg" or "webp".

    Raises:
        InvalidMediaError: the picture is damaged, or needs too much memory.
        OSError: the file cannot be read.
    """
    import numpy as np
    from PIL import Image

    small = io.BytesIO(draw_thumbnail(file, format_name, _THUMBNAIL))
    with Image.open(small, formats=["WEBP"]) as picture:
        if picture.mode == "RGBA":  # what is transparent counts as white
            white = Image.new("RGBA", picture.size, "white")
            white.alpha_composite(picture)
            grey = white.convert("L")
        else:
            grey = picture.convert("L")
        pixels = np.asarray(grey.resize((_SIDE, _SIDE), Image.Resampling.LANCZOS), dtype=float)
    cosines = _cosines()
    strengths = (cosines @ pixels @ cosines.T).ravel()
    return int.from_bytes(np.packbits(strengths > np.median(strengths)).tobytes(), "big")


class FingerprintFile:
    """Fingerprints of pictures; those of published ones are kept. For one thread.

    Args:
        path: of the database, which is made when it is needed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def of(self, file: io.RawIOBase, format_name: str) -> int:
        """The fingerprint of a picture."""
        file.seek(0)
        buffered = io.BufferedReader(file)
        try:
            return fingerprint(buffered, format_name)
        finally:
            buffered.detach()  # or it would close the file

    def known(self) -> dict[str, int]:
        """All fingerprints by the identity of the file; none if they cannot be read."""
        try:
            with closing(sqlite3.connect(self._path)) as connection:
                connection.execute(_SCHEMA)
                rows = connection.execute("SELECT identity, bits FROM fingerprints").fetchall()
        except sqlite3.Error:
            return {}
        return {identity: bits % 2**64 for identity, bits in rows}

    def save(self, fingerprints: Iterable[tuple[str, int]]) -> None:
        """Add fingerprints; one that cannot be written is made again the next time."""
        # SQLite's integers have a sign.
        rows = [(name, bits - 2**64 if bits >= 2**63 else bits) for name, bits in fingerprints]
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self._path)) as connection, connection:
                connection.execute(_SCHEMA)
                connection.executemany("INSERT OR REPLACE INTO fingerprints VALUES (?, ?)", rows)
        except (sqlite3.Error, OSError):
            return

    def nearest(
        self, bits: int, fingerprints: Sequence[int], limit: int
    ) -> Sequence[tuple[int, int]]:
        """The fingerprints that differ in few bits, the nearest first."""
        import numpy as np

        if not fingerprints:
            return []
        distances = np.bitwise_count(np.array(fingerprints, dtype=np.uint64) ^ np.uint64(bits))
        places = np.nonzero(distances <= limit)[0]
        return sorted((int(distances[place]), int(place)) for place in places)
