"""What a campaign found, as a table in the documentation."""

from __future__ import annotations

import os
import platform
import sqlite3
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.chaos.launcher import has_strace
from tests.chaos.volume import can_mount

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.chaos.parallel import Outcome

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
_BEGIN, _END = "<!-- chaos:begin -->", "<!-- chaos:end -->"


@dataclass(frozen=True, slots=True)
class Circumstances:
    """How the figures came about: seconds it took, the seed, and how many campaigns at once."""

    seconds: float
    seed: int
    jobs: int


def table(outcome: Outcome, circumstances: Circumstances) -> list[str]:
    """The lines of the table, with where and how long it was made."""
    tallies = outcome.tallies
    cycles = sum(tally.cycles for tally in tallies.values())
    with_kill = sum(tally.with_kill for tally in tallies.values())
    kills = sum(tally.kills for tally in tallies.values())
    bad = sum(tally.cycles - tally.survived for tally in tallies.values())
    rows = [
        f"| {name.replace('|', '/')} | {tally.cycles} | {tally.with_kill} | {tally.kills}"
        f" | {tally.survived} | {tally.cycles - tally.survived} |"
        for name, tally in tallies.items()
        if tally.cycles
    ]
    made = (
        f"*{cycles:,} cycles, of these {with_kill:,} with a kill ({kills:,} processes killed);"
        f" {bad} cycles with a violation; {circumstances.seconds / 60:.1f} minutes,"
        f" {circumstances.jobs} at once (seed {circumstances.seed}); {os.cpu_count()} cores,"
        f" {sys.platform}, CPython {platform.python_version()}, SQLite {sqlite3.sqlite_version}.*"
    )
    head = "| fault | cycles | with a kill | killed | survived | violated |"
    notes = [line for note in _notes(outcome) for line in ("", note)]
    return [made, "", head, "|---|---:|---:|---:|---:|---:|", *rows, *notes]


def _notes(outcome: Outcome) -> Iterator[str]:
    if printed := outcome.sweeps.printed():
        yield (
            "System calls that one thread of a worker made for two prompts, each of them the last"
            f" one of some worker, and how often all of them were gone through: {printed}."
        )
    if not has_strace():
        yield "Without strace no worker was killed at a system call."
    if not can_mount():
        yield "No volume could be mounted here, so that no disk was filled up."


def write_report(lines: Sequence[str], page: Path = PAGE) -> None:
    """Put the table between the marks of the page."""
    text = page.read_text("utf-8")
    before, mark, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not mark or not end:
        raise SystemExit(f"{page} has no {_BEGIN} and {_END} to write between")
    body = "\n".join(lines)
    page.write_text(f"{before}{_BEGIN}\n\n{body}\n\n{_END}{after}", "utf-8")
