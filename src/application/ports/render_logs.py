"""The port to what workflows print, kept for each render and bounded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_KEPT = 2_000  # renders


class RenderLog(Protocol):
    """Where the output of one render goes. One thread uses it."""

    def heard(self, chunk: bytes) -> None:
        """Keep what was printed; never raises, whatever becomes of it."""
        ...

    def close(self) -> None:
        """Nothing more comes; never raises."""
        ...


class RenderOutput(Protocol):
    """What a render printed, to be read while it goes on. One thread uses it."""

    def more(self) -> bytes:
        """What came since the last call; b"" when nothing did."""
        ...

    def close(self) -> None:
        """Read no more."""
        ...


class RenderLogs(Protocol):
    """The outputs of renders, by the renders' numbers. Never raises; safe from any thread."""

    def begin(self, render_id: int) -> RenderLog:
        """A log for a render that begins; nothing is made before something is heard."""
        ...

    def read(self, render_id: int) -> RenderOutput | None:
        """What is kept of a render's output, or None when nothing is."""
        ...

    def forget(self, render_ids: Iterable[int]) -> None:
        """Remove what is kept of these renders."""
        ...

    def sweep(self, keep: int = MOST_KEPT) -> None:
        """Remove all but the outputs of the newest renders."""
        ...
