"""The port to the output of workflows, kept for each render and bounded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_KEPT = 2_000  # number of renders whose output is kept


class RenderLog(Protocol):
    """Writes the output of one render. For one thread."""

    def write(self, chunk: bytes) -> None:
        """Append raw output. Never raises, even if it cannot be kept."""
        ...

    def close(self) -> None:
        """End the log. Never raises."""
        ...


class RenderOutput(Protocol):
    """Reads the output of one render, also while it runs. For one thread."""

    def read(self) -> bytes:
        """The output since the last call; b"" if there is none."""
        ...

    def close(self) -> None:
        """End reading."""
        ...


class RenderLogs(Protocol):
    """The outputs of renders by render number. Never raises; safe from any thread."""

    def begin(self, render_id: int) -> RenderLog:
        """A log for a new render; nothing is stored before the first output."""
        ...

    def read(self, render_id: int) -> RenderOutput | None:
        """A reader for a render's output, or None if none is kept."""
        ...

    def forget(self, render_ids: Iterable[int]) -> None:
        """Remove the outputs of these renders."""
        ...

    def sweep(self, keep: int = MAX_KEPT) -> None:
        """Remove the outputs of all but the newest renders."""
        ...
