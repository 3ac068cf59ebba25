"""The end of what a program printed, in a bounded amount of memory."""

from __future__ import annotations

KEPT_BYTES = 65_536


class Tail:
    """Keeps the last bytes of a stream, however long the stream is.

    Attributes:
        limit: how many bytes are kept.
    """

    def __init__(self, limit: int = KEPT_BYTES) -> None:
        self.limit = limit
        self._kept = bytearray()

    def add(self, chunk: bytes) -> None:
        """Take the next bytes of the stream."""
        self._kept += chunk
        if len(self._kept) > 2 * self.limit:  # moving bytes only now and then keeps it cheap
            del self._kept[: -self.limit]

    def text(self) -> str:
        """The end of the stream; what is not UTF-8 is shown as U+FFFD."""
        return self._kept[-self.limit :].decode("utf-8", "replace")
