"""The long run of the machine: ``python -m tests.contract.queue_machine_long --examples 10000``.

Prints the number of examples and steps in each world, and exits with 1 after a failure.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.contract.queue_machine_kinds import (
    InMemoryMachine,
    SqliteDeleteMachine,
    SqliteWalMachine,
)

STEPS = 50
WORLDS = {"memory": InMemoryMachine, "wal": SqliteWalMachine, "delete": SqliteDeleteMachine}
SHARES = {"memory": 0.8, "wal": 0.1, "delete": 0.1}


def main(arguments: list[str] | None = None) -> int:
    """Run the requested worlds; returns the exit code."""
    parser = argparse.ArgumentParser(description="Run the machine of the queue for long.")
    parser.add_argument("--examples", type=int, default=10_000, help="in all worlds together")
    parser.add_argument("--world", choices=WORLDS, action="append", help="only this one")
    parser.add_argument("--shrink", action="store_true", help="make what is found small; slow")
    asked = parser.parse_args(arguments)
    worlds = asked.world or list(WORLDS)
    share = sum(SHARES[world] for world in worlds)
    return max(
        _run(world, max(1, round(asked.examples * SHARES[world] / share)), shrink=asked.shrink)
        for world in worlds
    )


def _run(world: str, examples: int, *, shrink: bool) -> int:
    machine, began = WORLDS[world], time.monotonic()
    phases = [Phase.generate, Phase.shrink] if shrink else [Phase.generate]
    chosen = settings(
        max_examples=examples,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        derandomize=False,
        phases=phases,
        print_blob=False,
        # A long run may be slow, and its examples are large on purpose.
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    found = 0
    try:
        run_state_machine_as_test(machine, settings=chosen)
    except Exception:  # noqa: BLE001 - whatever it is, the other worlds run too
        traceback.print_exc()
        found = 1
    seconds = time.monotonic() - began
    verdict = "FAILED" if found else "ok"
    sys.stdout.write(
        f"{world}: {verdict}, {examples} examples, {machine.checks} states compared,"
        f" {seconds:.0f} s\n"
    )
    sys.stdout.flush()
    return found


if __name__ == "__main__":
    sys.exit(main())
