"""Progress as tqdm prints it, which is what whoever runs a ComfyUI script looks for."""

import time
from typing import TextIO


class Progress:
    """A bar of `total` steps, redrawn in place on `out` after each of them."""

    def __init__(self, total: int, out: TextIO) -> None:
        """Draw the empty bar."""
        self._total, self._done, self._out = total, 0, out
        self._began = time.monotonic()
        self._draw()

    def advance(self) -> None:
        """Count one step more."""
        self._done = min(self._done + 1, self._total)
        self._draw()

    def close(self) -> None:
        """End the line."""
        self._out.write("\n")
        self._out.flush()

    def _draw(self) -> None:
        share = self._done / self._total
        taken = time.monotonic() - self._began
        rate = self._done / taken if self._done and taken else 0.0
        left = _clock((self._total - self._done) / rate) if rate else "?"
        speed = f"{rate:.2f}it/s" if rate else "?it/s"
        bar = "#" * int(share * 10)
        counts = f"{self._done}/{self._total} [{_clock(taken)}<{left}, {speed}]"
        self._out.write(f"\r{share:4.0%}|{bar:<10}| {counts}")
        self._out.flush()


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60:02d}:{int(seconds) % 60:02d}"
