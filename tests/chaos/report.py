"""What a campaign found, as a table, and its place in the documentation."""

from __future__ import annotations

import os
import platform
import sqlite3
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.chaos.campaign import Tally

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
_BEGIN, _END = "<!-- chaos:begin -->", "<!-- chaos:end -->"


def table(tallies: Mapping[str, Tally], seconds: float, seed: int) -> list[str]:
    """The lines of the table, with where and how long it was made."""
    cycles = sum(tally.cycles for tally in tallies.values())
    kills = sum(tally.kills for tally in tallies.values())
    bad = sum(tally.cycles - tally.survived for tally in tallies.values())
    rows = [
        f"| {name.replace('|', '/')} | {tally.cycles} | {tally.kills} | {tally.survived}"
        f" | {tally.cycles - tally.survived} |"
        for name, tally in tallies.items()
        if tally.cycles
    ]
    made = (
        f"*{cycles} cycles, {kills} processes killed, {bad} cycles with a violation, in"
        f" {seconds / 60:.1f} minutes (seed {seed}); {os.cpu_count()} cores, {sys.platform},"
        f" CPython {platform.python_version()}, SQLite {sqlite3.sqlite_version}.*"
    )
    head = "| fault | cycles | kills | survived | violated |"
    return [made, "", head, "|---|---:|---:|---:|---:|", *rows]


def write_report(lines: Sequence[str], page: Path = PAGE) -> None:
    """Put the table between the marks of the page."""
    text = page.read_text("utf-8")
    before, mark, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not mark or not end:
        raise SystemExit(f"{page} has no {_BEGIN} and {_END} to write between")
    body = "\n".join(lines)
    page.write_text(f"{before}{_BEGIN}\n\n{body}\n\n{_END}{after}", "utf-8")
