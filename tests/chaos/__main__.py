"""``python -m tests.chaos``: torment workers and say what was found."""

from __future__ import annotations

import argparse
import sys
import time

from tests.chaos.campaign import Budget, Campaign
from tests.chaos.report import table, write_report


def _tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    """Run a campaign; 1 when anything was not as it must be."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--cycles", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=3600.0)
    parser.add_argument("--journal", choices=("wal", "delete", "both"), default="both")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="faults whose names hold this text")
    parser.add_argument("--report", action="store_true", help="write docs/reliability.md anew")
    given = parser.parse_args()
    modes = ("wal", "delete") if given.journal == "both" else (given.journal,)
    campaign = Campaign(modes, given.seed, given.only)
    began = time.monotonic()
    campaign.run(Budget(given.cycles, given.seconds), _tell)
    lines = table(campaign.tallies, time.monotonic() - began, given.seed)
    _tell("\n".join(lines))
    if given.report:
        write_report(lines)
    return int(any(tally.violations for tally in campaign.tallies.values()))


if __name__ == "__main__":
    sys.exit(main())
