"""The cache of paths is bounded, and keeps the most recently used ones."""

from __future__ import annotations

from adapters.sql_queue.known_paths import KnownPaths


def test_the_least_recently_used_path_is_removed_first() -> None:
    """Reading or adding a path again counts as use."""
    known = KnownPaths(max_paths=3)
    known.remember([("a", 1), ("b", 2), ("c", 3)])
    assert known.find("a") == 1
    known.remember([("b", 5)])
    known.remember([("d", 4)])
    assert [known.find(path) for path in "abcd"] == [1, 5, None, 4]


def test_a_wrong_path_can_be_removed() -> None:
    """Removing it twice is no error."""
    known = KnownPaths()
    known.remember([("a", 1)])
    known.forget("a")
    known.forget("a")
    assert known.find("a") is None
