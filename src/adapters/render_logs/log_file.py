"""One render's output on its way into two files, of which the older one is given up."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from adapters.state_folder import make_private

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW


@dataclass(frozen=True, slots=True)
class LogPaths:
    """The two files of a render."""

    older: Path
    newer: Path

    @classmethod
    def of(cls, folder: Path, render_id: int) -> Self:
        """Those of one render."""
        return cls(folder / f"{render_id}.older.log", folder / f"{render_id}.log")


class LogFile:
    """Writes as it hears, and keeps between half the limit and the whole.

    Whatever the disk says, rendering goes on: after the first error nothing more is kept.

    Args:
        paths: of the files.
        limit: bytes, of both together.
        opened: called once there is something to keep.
    """

    def __init__(self, paths: LogPaths, limit: int, opened: Callable[[], None]) -> None:
        self._paths = paths
        self._half = max(1, limit // 2)
        self._opened = opened
        self._file: int | None = None
        self._size = 0
        self._begun = False
        self._given_up = False

    def heard(self, chunk: bytes) -> None:
        """Keep what was printed."""
        if self._given_up:
            return
        try:
            self._keep(chunk[-2 * self._half :])
        except OSError:
            self._given_up = True
            self.close()

    def close(self) -> None:
        """Nothing more comes."""
        if self._file is not None:
            opened, self._file = self._file, None
            with suppress(OSError):
                os.close(opened)

    def _keep(self, chunk: bytes) -> None:
        while chunk:
            opened = self._open() if self._file is None else self._file
            written = os.write(opened, chunk[: self._half - self._size])
            self._size += written
            chunk = chunk[written:]
            if self._size >= self._half and chunk:
                self._turn_over()

    def _open(self) -> int:
        if not self._begun:
            self._begin()
        self._file = os.open(self._paths.newer, _FLAGS, 0o600)
        self._size = 0
        return self._file

    def _begin(self) -> None:
        make_private(self._paths.newer.parent)
        self._begun = True
        self._opened()

    def _turn_over(self) -> None:
        self.close()
        self._paths.newer.replace(self._paths.older)
