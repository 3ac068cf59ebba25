"""Which artifact row a path was seen in lately."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class KnownPaths:
    """A bounded memory of paths, for every thread of a process.

    The table has no index on its paths, and none may be made. What is remembered is a hint only:
    whoever uses it reads the row again by its id.

    Args:
        most: how many paths are remembered; about 300 bytes each.
    """

    def __init__(self, most: int = 20_000) -> None:
        self._most = most
        self._ids: OrderedDict[str, int] = OrderedDict()
        self._lock = Lock()

    def remember(self, found: Iterable[tuple[str, int]]) -> None:
        """Paths that rows were just read with; the oldest others are forgotten."""
        with self._lock:
            for path, artifact_id in found:
                self._ids[path] = artifact_id
                self._ids.move_to_end(path)
            while len(self._ids) > self._most:
                self._ids.popitem(last=False)

    def find(self, path: str) -> int | None:
        """The id of the row that the path was last seen in, if it is remembered."""
        with self._lock:
            if path in self._ids:
                self._ids.move_to_end(path)
            return self._ids.get(path)

    def forget(self, path: str) -> None:
        """The hint was wrong."""
        with self._lock:
            self._ids.pop(path, None)
