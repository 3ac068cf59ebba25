"""``python -m tests.chaos``: inject faults into workers and report violations."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import signal
import sys
import time
from typing import TYPE_CHECKING

from tests.chaos.campaign import Budget, Scope
from tests.chaos.parallel import print_line, run_parallel
from tests.chaos.report import Circumstances, table, write_report
from tests.postgres.server import BINARIES, find_binaries

if TYPE_CHECKING:
    from types import FrameType


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--cycles", type=int, default=3200)
    parser.add_argument("--seconds", type=float, default=5400.0)
    parser.add_argument("--jobs", type=int, default=4, help="campaigns at once")
    parser.add_argument("--journal", choices=("wal", "delete", "both", "postgres"), default="both")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="faults whose names hold this text")
    parser.add_argument("--backwards", action="store_true", help="the last fault first")
    parser.add_argument("--report", action="store_true", help="rewrite docs/reliability.md")
    return parser.parse_args()


def _end(number: int, frame: FrameType | None) -> None:
    """An end from outside ends every campaign, and unmounts what is mounted."""
    children = multiprocessing.active_children()
    for child in children:
        child.terminate()
    for child in children:
        child.join(timeout=10)
    os._exit(128 + number)


def main() -> int:
    """Run a campaign; 1 when anything was not as it must be. Without PostgreSQL, say so."""
    given = _arguments()
    signal.signal(signal.SIGTERM, _end)
    if given.journal == "postgres" and find_binaries() is None:
        print_line(
            "THE CAMPAIGN ON POSTGRESQL WAS SKIPPED: PostgreSQL was not found. Install it (Debian:"
            f" apt-get install postgresql), or name the folder of initdb in {BINARIES}."
        )
        return 0
    modes = ("wal", "delete") if given.journal == "both" else (given.journal,)
    scope = Scope(modes, given.seed, given.only, given.backwards)
    began = time.monotonic()
    outcome = run_parallel(scope, Budget(given.cycles, given.seconds), given.jobs)
    circumstances = Circumstances(time.monotonic() - began, given.seed, given.jobs)
    lines = table(outcome, circumstances)
    print_line("\n".join(lines))
    if given.report:
        write_report(lines)
    return int(any(tally.violations for tally in outcome.tallies.values()))


if __name__ == "__main__":
    sys.exit(main())
