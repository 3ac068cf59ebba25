"""The memory of paths is bounded, and keeps what was used last."""

from __future__ import annotations

from adapters.sql_queue.known_paths import KnownPaths


def test_the_oldest_is_forgotten_first() -> None:
    """Whoever asks for a path, or sees it again, keeps it."""
    known = KnownPaths(max_paths=3)
    known.remember([("a", 1), ("b", 2), ("c", 3)])
    assert known.find("a") == 1
    known.remember([("b", 5)])
    known.remember([("d", 4)])
    assert [known.find(path) for path in "abcd"] == [1, 5, None, 4]


def test_a_wrong_hint_can_be_forgotten() -> None:
    """Twice, too."""
    known = KnownPaths()
    known.remember([("a", 1)])
    known.forget("a")
    known.forget("a")
    assert known.find("a") is None
