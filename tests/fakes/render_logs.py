"""The outputs of renders in memory, unbounded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from application.ports.render_logs import MAX_KEPT

if TYPE_CHECKING:
    from collections.abc import Iterable


class InMemoryRenderLogs:
    """Keeps every byte in ``kept``, by render number."""

    def __init__(self) -> None:
        self.kept: dict[int, bytearray] = {}

    def begin(self, render_id: int) -> InMemoryLog:
        """A log for a new render."""
        self.kept.pop(render_id, None)
        return InMemoryLog(self, render_id)

    def read(self, render_id: int) -> InMemoryOutput | None:
        """A reader for a render's output, or None if none is kept."""
        kept = self.kept.get(render_id)
        return None if kept is None else InMemoryOutput(kept)

    def forget(self, render_ids: Iterable[int]) -> None:
        """Remove the outputs of these renders."""
        for render_id in render_ids:
            self.kept.pop(render_id, None)

    def sweep(self, keep: int = MAX_KEPT) -> None:
        """Remove the outputs of all but the newest renders."""
        self.forget(sorted(self.kept)[: max(0, len(self.kept) - keep)])


class InMemoryLog:
    """Writes the output of one render."""

    def __init__(self, logs: InMemoryRenderLogs, render_id: int) -> None:
        self._logs = logs
        self._render_id = render_id

    def write(self, chunk: bytes) -> None:
        """Append output."""
        self._logs.kept.setdefault(self._render_id, bytearray()).extend(chunk)

    def close(self) -> None:
        """Do nothing."""


class InMemoryOutput:
    """Reads the output of one render."""

    def __init__(self, kept: bytearray) -> None:
        self._kept = kept
        self._read = 0

    def read(self) -> bytes:
        """The output since the last call."""
        chunk = bytes(self._kept[self._read :])
        self._read += len(chunk)
        return chunk

    def close(self) -> None:
        """Do nothing."""
