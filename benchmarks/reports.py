"""A benchmark's input and output."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Trial:
    """One run of one benchmark.

    Attributes:
        folder: absolute and empty, on the measured file system; removed afterwards.
        quick: whether a rough result within seconds is enough.
    """

    folder: Path
    quick: bool

    def note(self, text: str) -> None:
        """Report progress."""
        print(f"  ... {text}", flush=True)

    def choose(self, full: int, quick: int) -> int:
        """A value for quick or for full runs."""
        return quick if self.quick else full


@dataclass(slots=True)
class Report:
    """The results, as Markdown paragraphs and tables."""

    parts: list[str] = field(default_factory=list)

    def say(self, text: str) -> None:
        """Add a paragraph."""
        self.parts.append(text)

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Add a table; its first column is text, the others are figures."""
        self.parts.append(table(head, rows))

    def verdict(self, target: str, measured: str, *, met: bool) -> None:
        """Add a goal and whether it was reached."""
        self.parts.append(f"Target: {target}. Measured: {measured}: {'met' if met else 'missed'}.")

    def markdown(self) -> str:
        """The whole report."""
        return "\n\n".join(self.parts)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table that is readable as plain text too."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    ruler = [
        ("-" * width) if column == 0 else ("-" * (width - 1) + ":")
        for column, width in enumerate(widths)
    ]
    return "\n".join(_line(row, widths) for row in (head, ruler, *rows))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (
        cell.ljust(width) if column == 0 else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return f"| {' | '.join(padded)} |"
