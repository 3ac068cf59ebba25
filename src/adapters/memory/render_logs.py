"""The outputs of renders, in memory and whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from application.ports.render_logs import MOST_KEPT

if TYPE_CHECKING:
    from collections.abc import Iterable


class InMemoryRenderLogs:
    """Keeps every byte in ``heard``, by the render's number."""

    def __init__(self) -> None:
        self.heard: dict[int, bytearray] = {}

    def begin(self, render_id: int) -> InMemoryLog:
        """A log for a render that begins."""
        self.heard.pop(render_id, None)
        return InMemoryLog(self, render_id)

    def read(self, render_id: int) -> InMemoryOutput | None:
        """What is kept of a render's output, or None when nothing is."""
        kept = self.heard.get(render_id)
        return None if kept is None else InMemoryOutput(kept)

    def forget(self, render_ids: Iterable[int]) -> None:
        """Remove what is kept of these renders."""
        for render_id in render_ids:
            self.heard.pop(render_id, None)

    def sweep(self, keep: int = MOST_KEPT) -> None:
        """Remove all but the outputs of the newest renders."""
        self.forget(sorted(self.heard)[: max(0, len(self.heard) - keep)])


class InMemoryLog:
    """Where the output of one render goes."""

    def __init__(self, logs: InMemoryRenderLogs, render_id: int) -> None:
        self._logs = logs
        self._render_id = render_id

    def heard(self, chunk: bytes) -> None:
        """Keep what was printed."""
        self._logs.heard.setdefault(self._render_id, bytearray()).extend(chunk)

    def close(self) -> None:
        """Nothing more comes."""


class InMemoryOutput:
    """What a render printed."""

    def __init__(self, kept: bytearray) -> None:
        self._kept = kept
        self._read = 0

    def more(self) -> bytes:
        """What came since the last call."""
        found = bytes(self._kept[self._read :])
        self._read += len(found)
        return found

    def close(self) -> None:
        """Nothing to give back."""
