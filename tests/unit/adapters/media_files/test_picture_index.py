"""Similar pictures are found without comparing each with all others."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.media_files.picture_index import PictureFile

if TYPE_CHECKING:
    from pathlib import Path

_BITS = st.integers(0, 2**64 - 1)
_LIMIT = 8


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(bits=_BITS, flips=st.lists(st.sets(st.integers(0, 63), max_size=10), max_size=8))
def test_all_similar_fingerprints_are_found(
    tmp_path: Path, bits: int, flips: list[set[int]]
) -> None:
    """The nearest first, then the newest, whichever bits differ."""
    fingerprints = [bits ^ sum(1 << place for place in flip) for flip in flips]
    file = tmp_path / "pictures.db"
    file.unlink(missing_ok=True)
    with closing(PictureFile(file)) as index:
        index.add(list(enumerate(fingerprints)), {})
        expected = [
            (len(flip), -number) for number, flip in enumerate(flips) if len(flip) <= _LIMIT
        ]
        assert [(far, -number) for far, number in index.near(bits, _LIMIT)] == sorted(expected)
        for number, fingerprint in enumerate(fingerprints):
            assert index.bits_of(number) == fingerprint


def test_unreadable_pictures_are_not_read_again(tmp_path: Path) -> None:
    """They are stored without a fingerprint; the last id that was read is stored, too."""
    with closing(PictureFile(tmp_path / "pictures.db")) as index:
        index.add([(1, None), (2, 5)], {"floor": 1})
        assert index.known([1, 2, 3]) == {1, 2}
        assert (index.bits_of(1), index.bits_of(3)) == (None, None)
        assert index.near(5, 0) == [(0, 2)]
        index.add([], {"floor": 7})
        assert index.cursors() == {"floor": 7}


def test_an_invalid_database_file_is_named(tmp_path: Path) -> None:
    """With a solution."""
    file = tmp_path / "pictures.db"
    file.write_text("no database" * 100)
    with pytest.raises(OSError, match=r"pictures\.db.*delete it"):
        PictureFile(file)
