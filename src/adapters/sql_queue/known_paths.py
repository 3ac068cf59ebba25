"""The artifact row in which a path was seen last."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class KnownPaths:
    """A bounded memory of paths, for every thread of a process.

    The table has no index on its paths, and none may be made. What is remembered is a hint only:
    its user reads the row again by its id.

    Args:
        max_paths: number of paths that are remembered; about 300 bytes each.
    """

    def __init__(self, max_paths: int = 20_000) -> None:
        self._max_paths = max_paths
        self._ids: OrderedDict[str, int] = OrderedDict()
        self._lock = Lock()

    def remember(self, paths: Iterable[tuple[str, int]]) -> None:
        """Remember paths and the ids of their rows; the oldest others are forgotten."""
        with self._lock:
            for path, artifact_id in paths:
                self._ids[path] = artifact_id
                self._ids.move_to_end(path)
            while len(self._ids) > self._max_paths:
                self._ids.popitem(last=False)

    def find(self, path: str) -> int | None:
        """The id of the row in which the path was last seen, or None if it is not remembered."""
        with self._lock:
            if path in self._ids:
                self._ids.move_to_end(path)
            return self._ids.get(path)

    def forget(self, path: str) -> None:
        """Forget a path whose row has another one by now."""
        with self._lock:
            self._ids.pop(path, None)
