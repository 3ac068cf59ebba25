"""Pictures that look alike, found by their fingerprints without comparing each with all others.

A fingerprint of 64 bits is cut into four bands of 16. Two that differ in eight bits at most differ
in two at most in one of the bands, so only those are compared that share a band or nearly do. The
index is a database in the state folder, which can be deleted at any time: it is made again.
"""

from __future__ import annotations

import itertools
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_BANDS: Final = 4
_WIDTH: Final = 16  # bits of a band
_TIMEOUT: Final = 10.0  # seconds, for another process that writes
_IN_BAND: Final = """
SELECT b.artifact_id, p.bits
FROM bands AS b
INNER JOIN pictures AS p ON p.artifact_id = b.artifact_id
WHERE b.band = ? AND b.value IN ({marks})
"""
_SCHEMA: Final = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = NORMAL",
    "CREATE TABLE IF NOT EXISTS pictures (artifact_id INTEGER PRIMARY KEY, bits INTEGER)",
    """
    CREATE TABLE IF NOT EXISTS bands (
        band INTEGER, value INTEGER, artifact_id INTEGER, PRIMARY KEY (band, value, artifact_id)
    ) WITHOUT ROWID
    """,
    "CREATE TABLE IF NOT EXISTS cursors (name TEXT PRIMARY KEY, artifact_id INTEGER NOT NULL)",
)


class PictureFile:
    """The fingerprints of published pictures by their rows. For one thread.

    Args:
        path: of the database, which is made when it is needed; its folder exists.

    Raises:
        OSError: it cannot be used.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._driver = sqlite3.connect(path, timeout=_TIMEOUT)
        except sqlite3.Error as error:
            raise _unusable(path, error) from error
        try:
            with self._driver:
                for statement in _SCHEMA:
                    self._driver.execute(statement)
        except sqlite3.Error as error:
            self.close()
            raise _unusable(path, error) from error
        self._path = path

    def close(self) -> None:
        """Close the file."""
        self._driver.close()

    def bits_of(self, artifact_id: int) -> int | None:
        """The fingerprint of a picture, or None if it has none yet."""
        rows = self._rows(
            "SELECT artifact_id, bits FROM pictures WHERE artifact_id = ?", (artifact_id,)
        )
        bits = rows[0][1] if rows else None
        return None if bits is None else int(bits) % 2**64

    def known(self, artifact_ids: Sequence[int]) -> set[int]:
        """Those of some pictures that were read, with a fingerprint or without."""
        marks = ",".join("?" * len(artifact_ids))
        statement = f"SELECT artifact_id FROM pictures WHERE artifact_id IN ({marks})"  # noqa: S608 - question marks
        return {row[0] for row in self._rows(statement, tuple(artifact_ids))}

    def cursors(self) -> dict[str, int]:
        """How far the pictures were read, by the name of the cursor."""
        return dict(self._rows("SELECT name, artifact_id FROM cursors"))

    def add(
        self, fingerprints: Sequence[tuple[int, int | None]], cursors: Mapping[str, int]
    ) -> None:
        """Add fingerprints by the ids of their rows, and remember how far the pictures were read.

        None stands for a picture that cannot be read.

        Raises:
            OSError: they cannot be written.
        """
        pictures = [(number, _signed(bits)) for number, bits in fingerprints]
        bands = [
            (band, value, number)
            for number, bits in fingerprints
            if bits is not None
            for band, value in _bands(bits)
        ]
        try:
            with self._driver:
                self._driver.executemany("INSERT OR REPLACE INTO pictures VALUES (?, ?)", pictures)
                self._driver.executemany("INSERT OR IGNORE INTO bands VALUES (?, ?, ?)", bands)
                self._driver.executemany(
                    "INSERT OR REPLACE INTO cursors VALUES (?, ?)", list(cursors.items())
                )
        except sqlite3.Error as error:
            raise _unusable(self._path, error) from error

    def near(self, bits: int, limit: int) -> list[tuple[int, int]]:
        """Pictures whose fingerprints differ in few bits: the number of bits and the row's id.

        Args:
            bits: the fingerprint.
            limit: bits in which one may differ, at most.

        Returns:
            The nearest first, then the newest.
        """
        radius = limit // _BANDS
        candidates: dict[int, int] = {}
        for band, value in _bands(bits):
            values = list(_values_near(value, radius))
            statement = _IN_BAND.format(marks=",".join("?" * len(values)))
            candidates.update(self._rows(statement, (band, *values)))
        distances = (
            ((bits ^ other % 2**64).bit_count(), number) for number, other in candidates.items()
        )
        return sorted(
            (pair for pair in distances if pair[0] <= limit), key=lambda pair: (pair[0], -pair[1])
        )

    def _rows(self, statement: str, values: tuple[object, ...] = ()) -> list[tuple[Any, Any]]:
        try:
            with closing(self._driver.execute(statement, values)) as cursor:
                return cursor.fetchall()
        except sqlite3.Error as error:
            raise _unusable(self._path, error) from error


def _signed(bits: int | None) -> int | None:
    """The bits as SQLite holds them: its integers have a sign."""
    return bits - 2**64 if bits is not None and bits >= 2**63 else bits


def _bands(bits: int) -> list[tuple[int, int]]:
    return [(band, bits >> (band * _WIDTH) & (1 << _WIDTH) - 1) for band in range(_BANDS)]


def _values_near(value: int, radius: int) -> Iterator[int]:
    """All values that differ in so many bits at most."""
    for count in range(radius + 1):
        for flipped in itertools.combinations(range(_WIDTH), count):
            yield value ^ sum(1 << bit for bit in flipped)


def _unusable(path: Path, error: sqlite3.Error) -> OSError:
    return OSError(f"{path}, which finds similar pictures, cannot be used: {error}; delete it")
