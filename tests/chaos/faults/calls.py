"""Workers that die at their n-th system call of one name, n rising until a worker lives."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.chaos.faults.fault import Fault
from tests.chaos.launcher import has_strace, killed_at_call
from tests.chaos.poets_service import add_prompt

if TYPE_CHECKING:
    import random

    from tests.chaos.faults.fault import Action
    from tests.chaos.installation import Installation

# Calls that leave something behind, by what they do. Of the many writes of the database each
# worker dies at one; so they are tried more often.
_FAMILIES: dict[str, tuple[int, tuple[str, ...]]] = {
    "flushes": (2, ("fsync", "fdatasync")),
    "writes to the database": (10, ("pwrite64", "ftruncate")),
    "makes or renames": (1, ("mkdir", "rename", "renameat", "renameat2")),
    "removes": (1, ("unlink", "unlinkat", "rmdir")),
}


@dataclass(frozen=True, slots=True)
class Share:
    """Which of several campaigns over the same journal mode this is: they take turns at numbers.

    Attributes:
        index: from 0.
        of: how many there are.
    """

    index: int = 0
    of: int = 1


EVERY_NUMBER = Share()


@dataclass(slots=True)
class CallSweeps:
    """How far the sweeps are, and what they found; by journal mode and name of the call.

    Attributes:
        share: of the numbers that are tried here.
        most: calls of one name that one thread of a worker made at most, as far as was seen.
        ended: sweeps from the first call to a worker that made no further one; by share, too.
    """

    share: Share = EVERY_NUMBER
    most: Counter[tuple[str, str]] = field(default_factory=Counter)
    ended: Counter[tuple[str, str, Share]] = field(default_factory=Counter)

    def add(self, other: CallSweeps) -> None:
        """Take in what another campaign saw."""
        self.most |= other.most
        self.ended += other.ended

    def printed(self) -> str:
        """One sentence, or "" when there is nothing to report."""
        by_mode: dict[str, list[str]] = {}
        for (mode, name), most in sorted(self.most.items()):
            shares = {s for m, n, s in self.ended if (m, n) == (mode, name)}
            count = next(iter(shares), self.share).of
            whole = len(shares) == count
            sweeps = min(self.ended[mode, name, s] for s in shares) if whole else 0
            times = {0: "not all", 1: "once"}.get(sweeps, f"{sweeps} times")
            by_mode.setdefault(mode, []).append(f"{name} {most} ({times})")
        return "; ".join(f"{mode}: {', '.join(parts)}" for mode, parts in by_mode.items())


def call_faults(sweeps: CallSweeps) -> dict[str, Fault]:
    """None without strace."""
    if not has_strace():
        return {}
    return {
        f"kill at the n-th call that {family}": Fault(_rising(names, sweeps), weight=weight)
        for family, (weight, names) in _FAMILIES.items()
    }


def _rising(names: tuple[str, ...], sweeps: CallSweeps) -> Action:
    """The next number at each cycle; the next name, from one, when a worker outlived it."""
    turn: dict[str, tuple[int, int]] = {}
    first, step = 1 + sweeps.share.index, sweeps.share.of

    def action(installation: Installation, rng: random.Random) -> int:
        mode = installation.journal_mode
        add_prompt(installation.database, "first pair")
        add_prompt(installation.database, "second", song=True)
        for _ in names:
            index, number = turn.get(mode, (0, first))
            name = names[index]
            if killed_at_call(installation, name, number):
                turn[mode] = (index, number + step)
                sweeps.most[mode, name] = max(sweeps.most[mode, name], number)
                return 1
            turn[mode] = ((index + 1) % len(names), first)
            if number > first:
                sweeps.ended[mode, name, sweeps.share] += 1
                return 0
        return 0

    return action
