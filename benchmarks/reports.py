"""What a benchmark is given, and what it gives back."""

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
        folder: absolute, empty, on the file system that is measured; removed afterwards.
        quick: whether a rough figure in seconds is wanted, rather than a good one.
    """

    folder: Path
    quick: bool

    def note(self, text: str) -> None:
        """Say what is being done."""
        print(f"  ... {text}", flush=True)

    def choose(self, full: int, quick: int) -> int:
        """How much to measure."""
        return quick if self.quick else full


@dataclass(slots=True)
class Report:
    """What was measured, as Markdown paragraphs and tables."""

    parts: list[str] = field(default_factory=list)

    def say(self, text: str) -> None:
        """Add a paragraph."""
        self.parts.append(text)

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Add a table; its first column is text, the others are figures."""
        self.parts.append(table(head, rows))

    def verdict(self, target: str, measured: str, *, met: bool) -> None:
        """Add what was aimed at and whether it was reached."""
        self.parts.append(f"Target: {target}. Measured: {measured}: {'met' if met else 'missed'}.")

    def markdown(self) -> str:
        """The whole report."""
        return "\n\n".join(self.parts)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table that can be read as plain text too."""
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
